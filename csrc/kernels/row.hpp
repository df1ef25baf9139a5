// One row of cells, and its stretches that the PML reaches.
#pragma once
#include "kernels/cell.hpp"
#include "kernels/pml.hpp"

namespace dualwave::DW_TARGET {

// Sets of axes, by their bits.
constexpr int kAlongZ = 1, kAlongY = 2, kAlongX = 4, kAllAxes = 7;

constexpr int kChunk = 256;  // cells of a row whose PML terms are held at once

// Cells or rows [first, last): what two of them share; none where first is last or more.
struct Span {
  Index first, last;
  DW_INLINE Span operator&(const Span& other) const {
    return {first > other.first ? first : other.first, last < other.last ? last : other.last};
  }
};

template <class T>
struct Row {
  const Layout<T>& layout;
  const View<T>& view;
  Index index[3];  // z, y; x is the loop's
  Index offset;    // of the row's cell 0 in a grid, the grid's origin included

  Row(const Layout<T>& l, const View<T>& v, Index row)
      : layout(l), view(v), index{row / l.geometry.n[1], row % l.geometry.n[1], 0} {
    const Geometry& g = l.geometry;
    offset = g.origin + index[0] * g.stride[0] + index[1] * g.stride[1];
  }
  T* state(int level, int field) const {
    return view.state[level] + view.slot[field] * layout.geometry.grid + offset;
  }
  T* adjoint(int level, int field) const {
    return view.adjoint[level] + view.slot[field] * layout.geometry.grid + offset;
  }
  const T* coefficient(int level, int which) const {
    return view.coefficient[level] + view.coefficient_step[level] * (which * layout.geometry.grid + offset);
  }
  T* grid(T* block, int which) const { return block + which * layout.geometry.grid + offset; }
  // The cells of [first, last) that the window has, if it has the row.
  Span kept(Index first, Index last) const {
    const Span both = Span{layout.window.first[2], layout.window.last[2]} & Span{first, last};
    return both.first < both.last ? both : Span{last, last};
  }
  // The same in a block of quantities or gradients, where the row may not be.
  T* in_window(T* block, int which) const {
    return block + which * layout.window.size + layout.window.offset(index[0], index[1]);
  }

  // Whether the PML along z or y, as far as `axes` has them, reaches the row.
  bool in_slab(int axes) const {
    const Geometry& g = layout.geometry;
    return (axes & kAlongZ && g.in_slab(0, index[0])) || (axes & kAlongY && g.in_slab(1, index[1]));
  }
  // Offset of this row's cell 0 in the slab arrays of `axis`; for the x axis, of the stretch that starts at
  // cell x.
  Index slab_offset(int axis, Index x) const {
    const Geometry& g = layout.geometry;
    Index offset_in_slab = 0;
    for (int other = 0; other < 2; ++other)
      offset_in_slab +=
          g.slab[axis].stride[other] * (other == axis ? g.slab_index(axis, index[other]) : index[other]);
    return axis == 2 ? offset_in_slab + g.slab_index(2, x) - x : offset_in_slab;
  }
};

// Cell 0 of a row in the grids that a loop over rows uses, by level: the fields of the state or of the
// adjoint, the coefficients, and the grids of a block (the scratch, or in the window the history). Every
// index is a constant, or the whole would stay in memory, and be read again in every cell.
template <int levels_, int fields_, int coefficients_, int blocks_, class T, bool windowed = false>
struct RowGrids {
  using Value = T;
  static constexpr int levels = levels_, fields = fields_, coefficients = coefficients_, blocks = blocks_;
  T* field[levels][fields];
  const T* coefficient[levels][coefficients];
  T* block[levels][blocks > 0 ? blocks : 1];

  DW_INLINE RowGrids(const Row<T>& row, T* const (&of_fields)[kLevels], T* const (&of_blocks)[kLevels]) {
    unroll<levels>([&](auto level) DW_FLAT {
      unroll<fields>([&](auto f) DW_FLAT { field[level][f] = row.grid(of_fields[level], row.view.slot[f]); });
      unroll<coefficients>([&](auto c) DW_FLAT { coefficient[level][c] = row.coefficient(level, c); });
      unroll<blocks>([&](auto b) DW_FLAT {
        block[level][b] = windowed ? row.in_window(of_blocks[level], b) : row.grid(of_blocks[level], b);
      });
    });
  }
  // To the next row. A level without coefficients has one row of zeros for all.
  DW_INLINE void advance(const Row<T>& row) {
    const Index step = row.layout.geometry.stride[1], block_step = step_of_block(row);
    unroll<levels>([&](auto level) DW_FLAT {
      unroll<fields>([&](auto f) DW_FLAT { field[level][f] += step; });
      unroll<coefficients>([&](auto c)
                               DW_FLAT { coefficient[level][c] += step * row.view.coefficient_step[level]; });
      unroll<blocks>([&](auto b) DW_FLAT { block[level][b] += block_step; });
    });
  }
  static DW_INLINE Index step_of_block(const Row<T>& row) {
    return windowed ? row.layout.window.stride : row.layout.geometry.stride[1];
  }
};

// Calls f(first, last) over the stretches of the row that the PML along `axes` reaches, at most kChunk long.
template <class T, class F>
void for_absorbing(const Row<T>& row, int axes, F&& f) {
  const Geometry& g = row.layout.geometry;
  const auto in_chunks = [&](Index first, Index last) {
    for (Index x = first; x < last; x += kChunk) f(x, x + kChunk < last ? x + kChunk : last);
  };
  if (row.in_slab(axes)) return in_chunks(0, g.row_cells());
  if (!(axes & kAlongX)) return;
  in_chunks(0, g.slab[2].low);
  if (g.slab[2].high > 0) in_chunks(g.n[2] - g.slab[2].high, g.row_cells());
}

// Calls f(first, last) for the part of [first, last) that lies in these ends of `axis`, if any. The cells
// that fill the last vector, past n[2], belong to the end that is there, if one is.
template <class T, class F>
DW_INLINE void for_ends(const Row<T>& row, int axis, const EndCells& ends, Index first, Index last, F&& f) {
  const Geometry& g = row.layout.geometry;
  if (axis < 2) {
    if (g.in_ends(axis, row.index[axis], ends)) f(first, last);
    return;
  }
  const Index low = ends.low < g.n[2] ? ends.low : g.row_cells(), high = g.n[2] - ends.high;
  if (first < low) f(first, last < low ? last : low);
  if (ends.high > 0 && last > high) f(first > high ? first : high, last);
}

// The profiles that an operator's derivative sees: those of the nodes it lands on, along x; or, on the other
// axes, those of the row, in variables of their own, which nothing that a loop writes could change.
template <Op op, bool inner, class T>
struct PmlRow {
  PmlCell<T> cell;
  PmlRow(const Profile<T>& profile, Index at) {
    const auto p = profile.template seen<op>();
    cell = {p.a[at], p.b[at], p.db[at]};
  }
  DW_INLINE PmlCell<T> operator()(Index) const { return cell; }
};

template <Op op, class T>
struct PmlRow<op, true, T> {
  typename Profile<T>::Seen p;
  PmlRow(const Profile<T>& profile, Index) : p(profile.template seen<op>()) {}
  DW_INLINE PmlCell<T> operator()(Index x) const { return {p.a[x], p.b[x], p.db[x]}; }
};

// The same of weight_around.
template <int reach, bool inner, class T>
struct AroundRow {
  T weight[2 * reach + 1];
  AroundRow(const Profile<T>& profile, Index at) {
    for (int k = -reach; k <= reach; ++k) weight[reach + k] = profile.around[around_at(reach, false, at, k)];
  }
  DW_INLINE T operator()(Index, int k) const { return weight[reach + k]; }
};

template <int reach, class T>
struct AroundRow<reach, true, T> {
  const T* around;
  AroundRow(const Profile<T>& profile, Index) : around(profile.around) {}
  DW_INLINE T operator()(Index x, int k) const { return around[around_at(reach, true, x, k)]; }
};

}  // namespace dualwave::DW_TARGET
