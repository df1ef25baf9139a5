// The loops of a stage over the cells of rows, one vector after the other, with the PML where it reaches.
#pragma once
#include "kernels/row_layer.hpp"

namespace dualwave::DW_TARGET {

// Calls f(Int<lanes>{}, x) for whole vectors of [first, last), a number of kLanes; the widest where they lie
// in one line of a cache.
template <class T, class F>
DW_INLINE void for_vectors(Index first, Index last, F&& f) {
  constexpr int widest = kVectorBytes / static_cast<int>(sizeof(T));
  if constexpr (widest <= kLanes) {
    for (Index x = first; x < last; x += widest) f(Int<widest>{}, x);
  } else {
    const Index from = (first + widest - 1) / widest * widest, to = last / widest * widest;
    for (Index x = from; x < to; x += widest) f(Int<widest>{}, x);
    for (Index x = first < from ? first : to; x < last; x = x < to ? to : last) f(Int<kLanes>{}, x);
  }
}

// The same of the ends of rows, which are too short for the widest.
template <class T, class F>
DW_INLINE void for_short_vectors(Index first, Index last, F&& f) {
  constexpr int widest = kVectorBytes / static_cast<int>(sizeof(T));
  constexpr int lanes = widest < kLanes ? widest : static_cast<int>(kLanes);
  for (Index x = first; x < last; x += lanes) f(Int<lanes>{}, x);
}

// Cells of the grids of a loop over rows from x on, see RowGrids.
template <int n, class Grids>
struct GridLanes {
  using T = typename Grids::Value;
  using Value = Lanes<T, n>;
  LanePointer<T, n> field[Grids::levels][Grids::fields];
  LanePointer<const T, n> coefficient[Grids::levels][Grids::coefficients];
  LanePointer<T, n> block[Grids::levels][Grids::blocks > 0 ? Grids::blocks : 1];
  DW_INLINE GridLanes(const Grids& at, Index x) {
    unroll<Grids::levels>([&](auto l) DW_FLAT {
      unroll<Grids::fields>([&](auto f) DW_FLAT { field[l][f] = {at.field[l][f] + x}; });
      unroll<Grids::coefficients>([&](auto c) DW_FLAT { coefficient[l][c] = {at.coefficient[l][c] + x}; });
      unroll<Grids::blocks>([&](auto b) DW_FLAT { block[l][b] = {at.block[l][b] + x}; });
    });
  }
};

template <int n, class Grids>
DW_INLINE GridLanes<n, Grids> lanes_of(const Grids& at, Index x) {
  return {at, x};
}

// The axes along which the PML is not in the loops over a row, but is added afterwards. Of a second
// derivative along z these would read planes of as many `arrays`, side by side: of more than ten a processor
// foresees too few.
template <class Traits>
constexpr int added_afterwards(int arrays, int order) {
  for (int p = 0; p < Traits::pieces; ++p)
    if (Traits::piece(p).op == Op::second && arrays * (order + 1) > 10) return kAlongZ;
  return 0;
}

// Calls f(first row, rows, axes) for runs of rows of one plane; axes, as a constant: those of z and y, as far
// as `asked` has them, along which the PML reaches a run, or a step `ahead` does.
template <int asked, bool ahead, int dim, class T, class F>
DW_INLINE void for_runs(const Row<T>& row, Index rows, F&& f) {
  const Geometry& g = row.layout.geometry;
  const auto ends = [&](int axis) -> const EndCells& { return ahead ? g.slab[axis].ahead : g.slab[axis]; };
  const auto along_y = [&](auto axes) DW_FLAT {
    if constexpr (dim > 1 && (asked & kAlongY) != 0) {
      const Index y = row.index[1], ny = g.n[1], low = ends(1).low, high = ny - ends(1).high;
      const auto run = [&](Index first, Index last, auto all) DW_FLAT {
        const Span own = Span{first, last} & Span{y, y + rows};
        if (own.first < own.last)
          f(Row<T>(row.layout, row.view, row.index[0] * ny + own.first), own.last - own.first, all);
      };
      run(0, low, Int<axes | kAlongY>{});
      run(low, high, axes);
      run(high, ny, Int<axes | kAlongY>{});
    } else {
      f(row, rows, axes);
    }
  };
  if constexpr (dim > 2 && (asked & kAlongZ) != 0)
    if (g.in_ends(0, row.index[0], ends(0))) return along_y(Int<kAlongZ>{});
  along_y(Int<0>{});
}

// Calls f(stage, from, to) for the cells of [first, last) that the window has, with a stage that keeps or
// adds something there, and with the plain one for those before and after; all with the plain one if not
// `windowed`.
template <bool windowed, class Plain, class Stage, class T, class F>
DW_INLINE void by_window(const Row<T>& row, Index first, Index last, F&& f) {
  const Span kept = windowed ? row.kept(first, last) : Span{last, last};
  if (first < kept.first) f(Plain{}, first, kept.first);
  if constexpr (windowed)
    if (kept.first < kept.last) f(Stage{}, kept.first, kept.last);
  if (kept.last < last) f(Plain{}, kept.last, last);
}

// Cells of `rows` rows, of which `row` is the first, where the PML along x reaches these ends; block: what
// its memory is in, the state of level 0 or its adjoint.
template <class T>
struct RowCells {
  const Row<T>& row;
  Index rows;
  Span cells;
  EndCells ends;
  T* block;
};

// Calls cell(Int<n>{}, x, layer) for n cells from x on, of each row and then next(), where the layer is that
// of `axes`, and at the ends of x that of x too; none if not `layered`.
template <class Traits, int order, bool layered, int axes, class T, class Cell, class Next>
DW_INLINE void for_cells(const RowCells<T>& s, const Stencils<Traits::dim, order, T>& stencils, Cell&& cell,
                         Next&& next) {
  if constexpr (layered) {
    Span low{s.cells.first, s.cells.first}, high{s.cells.last, s.cells.last};
    for_ends(s.row, 2, s.ends, s.cells.first, s.cells.last,
             [&](Index from, Index to) { (from == s.cells.first ? low : high) = {from, to}; });
    RowLayer<Traits, order, T, axes | kAlongX> before(s.row, stencils, s.block, low.first),
        after(s.row, stencils, s.block, high.first);
    RowLayer<Traits, order, T, axes> between(s.row, stencils, s.block, low.last);
    const auto at_end = [&](const Span& own, const auto& layer) DW_FLAT {
      for_short_vectors<T>(own.first, own.last, [&](auto n, Index x) DW_FLAT {
        if constexpr (kAsksAhead) layer.prefetch(x, s.rows);
        cell(n, x, layer.template at<n>(x));
      });
    };
    for (Index r = 0; r < s.rows; ++r, next()) {
      at_end(low, before);
      for_vectors<T>(low.last, high.first,
                     [&](auto n, Index x) DW_FLAT { cell(n, x, between.template at<n>(x)); });
      at_end(high, after);
      before.advance(), between.advance(), after.advance();
    }
  } else {
    for (Index r = 0; r < s.rows; ++r, next())
      for_vectors<T>(s.cells.first, s.cells.last, [&](auto n, Index x) DW_FLAT { cell(n, x, NoLayer{}); });
  }
}

}  // namespace dualwave::DW_TARGET
