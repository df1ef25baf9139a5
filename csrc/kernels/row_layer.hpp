// The PML at the cells of a row: the layer of cell.hpp, which the loop over the cells asks itself. On a
// device it is cuda/layer.hpp; pml_rows.hpp adds it afterwards, for any equation.
#pragma once
#include "kernels/row.hpp"

namespace dualwave::DW_TARGET {

// Whether the memory of the next rows is asked for ahead: the ends of a row are too short for processors of
// AVX2 to foresee it. Those of AVX-512 do, and the requests alone would take up to 8 % of the time.
#ifdef __AVX512F__
constexpr bool kAsksAhead = false;
#else
constexpr bool kAsksAhead = true;
#endif

template <class Traits, int order, class T, int axes>
class RowLayer {
  using Axes = Stencils<Traits::dim, order, T>;
  static constexpr int axis_of(int p) { return 3 - Traits::dim + Traits::piece(p).axis; }
  static constexpr bool in_layer(int p) {
    return Traits::piece(p).op != Op::value && (axes >> axis_of(p) & 1) != 0;
  }

 public:
  // At cells of `row` that belong to one end of x, as cell `x` does; or to none, where x is not of the axes.
  // block: the state of level 0, or its adjoint.
  DW_INLINE RowLayer(const Row<T>& row, const Axes& stencils, T* block, Index x)
      : stencils_(stencils), layout_(row.layout), parity_(row.view.parity), y_(row.index[1]) {
    int number = row.layout.first_memory[Traits::index];
    unroll<Traits::pieces>([&](auto p) DW_FLAT {
      if constexpr (Traits::piece(p).op != Op::value) {
        if constexpr (in_layer(p))
          memory_[p] = block + row.layout.memory[number] + row.slab_offset(axis_of(p), x);
        ++number;
      }
    });
    unroll<Traits::pieces>([&](auto p) DW_FLAT {
      if constexpr (in_layer(p) && axis_of(p) < 2) profile_[p] = at<p>(row.index[axis_of(p)]);
    });
  }

  // To the next row along y.
  DW_INLINE void advance() {
    ++y_;
    unroll<Traits::pieces>([&](auto p) DW_FLAT {
      if constexpr (in_layer(p)) memory_[p] += slab(axis_of(p)).stride[1];
      if constexpr (in_layer(p) && axis_of(p) == 1) profile_[p] = at<p>(y_);
    });
  }
  // Asks for the memory of x, `rows` further on.
  DW_INLINE void prefetch(Index x, Index rows) const {
    unroll<Traits::pieces>([&](auto p) DW_FLAT {
      if constexpr (in_layer(p) && axis_of(p) == 2)
        unroll<memory_buffers(Traits::piece(p).op)>([&](auto b) DW_FLAT {
          __builtin_prefetch(memory_[p] + x + rows * slab(2).stride[1] + b * slab(2).size);
        });
    });
  }

  // The layer at one cell.
  struct Cell {
    static constexpr bool acts = true;
    template <int p>
    static constexpr bool acts_on = in_layer(p);

    const RowLayer& layer;
    Index x;

    template <int p>
    DW_INLINE T forward(const T* f) const {
      return layer.forward<p>(x, f);
    }
    template <int p>
    DW_INLINE void multiply(int, T q) const {
      layer.multiply<p>(x, q);
    }
    template <int p>
    DW_INLINE T gather(int, const T* q) const {
      return layer.gather<p>(x, q);
    }
  };
  DW_INLINE Cell operator()(Index x) const { return {*this, x}; }

 private:
  DW_INLINE const Slab& slab(int axis) const { return layout_.geometry.slab[axis]; }

  template <int p>
  DW_INLINE Index slab_stride() const {
    return axis_of(p) == 2 ? 1 : slab(axis_of(p)).stride[axis_of(p)];
  }
  template <int p>
  DW_INLINE PmlCell<T> profile(Index x) const {
    return axis_of(p) == 2 ? at<p>(x) : profile_[p];
  }

  // Of piece p, at a cell of its axis.
  template <int p>
  DW_INLINE PmlCell<T> at(Index cell) const {
    constexpr bool half = Traits::piece(p).op == Op::forward;
    const Profile<T>& of = layout_.profile[axis_of(p)];
    return {(half ? of.a_half : of.a)[cell], (half ? of.b_half : of.b)[cell], of.db[cell]};
  }

  template <int p>
  DW_INLINE T forward(Index x, const T* f) const {
    constexpr int axis = axis_of(p);
    constexpr Op op = Traits::piece(p).op;
    const PmlCell<T> pml = profile<p>(x);
    const Index stride = stencils_.template step<axis>();
    T* m = memory_[p] + x;
    if constexpr (op == Op::second) {
      const Index size = slab(axis).size, old = parity_ * size;
      return second_pml<order>(f, stride, stencils_.weights[axis], pml, m + old, m + (size - old),
                               m + 2 * size, slab_stride<p>());
    } else {
      return staggered_pml(derivative<op, order>(f, stride, stencils_.weights[axis]), pml, m);
    }
  }

  template <int p>
  DW_INLINE void multiply(Index x, T q) const {
    constexpr T scale = static_cast<T>(Traits::piece(p).scale);
    const Index before = Traits::piece(p).op == Op::second ? 2 * slab(axis_of(p)).size : 0;
    pml_multiply(scale * q, profile<p>(x).a, memory_[p] + x + before);
  }

  // Along x alone: on other axes others do it.
  template <int p>
  DW_INLINE T gather(Index x, const T* q) const {
    constexpr Op op = Traits::piece(p).op;
    static_assert(axis_of(p) == 2);
    const Profile<T>& of = layout_.profile[2];
    T* m = memory_[p] + x;
    if constexpr (op == Op::second) {
      constexpr T scale = static_cast<T>(Traits::piece(p).scale);
      const Index size = slab(2).size, next = parity_ * size;
      return second_pml_gather<order>([&](int k) DW_FLAT { return scale * q[k]; },
                                      AdjointMemory{m + 2 * size, m + (size - next), m + next, 1},
                                      stencils_.weights[2],
                                      CellTaps<const T*>{of.a + x, of.b + x, of.db + x, of.ab + x});
    } else {
      const T* b = (op == Op::forward ? of.b_half : of.b) + x;
      return staggered_pml_gather<op, order>(m, 1, stencils_.weights[2], CellTaps<const T*>{b, b, b, b});
    }
  }

  const Axes& stencils_;
  const Layout<T>& layout_;
  int parity_;
  Index y_;
  PmlCell<T> profile_[Traits::pieces];
  T* memory_[Traits::pieces];
};

// Calls f(first row, rows, axes) for those of the rows that the PML along y reaches, as far as these ends go,
// and for the others; axes is kAlongY or 0, as a constant, and always 0 if not `layered`.
template <bool layered, int dim, class T, class F>
DW_INLINE void for_runs(const Row<T>& row, Index rows, const EndCells& ends, F&& f) {
  if constexpr (layered && dim > 1) {
    const Geometry& g = row.layout.geometry;
    const Index y = row.index[1], ny = g.n[1];
    const auto run = [&](Index first, Index last, auto axes) DW_FLAT {
      const Span own = Span{first, last} & Span{y, y + rows};
      if (own.first < own.last)
        f(Row<T>(row.layout, row.view, row.index[0] * ny + own.first), own.last - own.first, axes);
    };
    run(0, ends.low, Int<kAlongY>{});
    run(ends.low, ny - ends.high, Int<0>{});
    run(ny - ends.high, ny, Int<kAlongY>{});
  } else {
    f(row, rows, Int<0>{});
  }
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

// Calls cell(x, layer) for the cells of each row and then next(), where the layer is that of `axes`, and at
// the ends of x that of x too; none if not `layered`.
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
      for (Index first = own.first; first < own.last; first += kLanes) {
        if constexpr (kAsksAhead) layer.prefetch(first, s.rows);
#pragma GCC ivdep
        for (Index x = first; x < first + kLanes; ++x) cell(x, layer(x));
      }
    };
    for (Index r = 0; r < s.rows; ++r, next()) {
      at_end(low, before);
#pragma GCC ivdep
      for (Index x = low.last; x < high.first; ++x) cell(x, between(x));
      at_end(high, after);
      before.advance(), between.advance(), after.advance();
    }
  } else {
    for (Index r = 0; r < s.rows; ++r, next())
#pragma GCC ivdep
      for (Index x = s.cells.first; x < s.cells.last; ++x) cell(x, NoLayer{});
  }
}

}  // namespace dualwave::DW_TARGET
