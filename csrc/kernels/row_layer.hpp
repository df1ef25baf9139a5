// The PML at the cells of a row, of a step ahead: the layer of cell.hpp, which the loop over the cells asks
// itself. On a device it is cuda/layer.hpp; pml_rows.hpp adds it afterwards, for any equation.
#pragma once
#include "kernels/row.hpp"

namespace dualwave::DW_TARGET {

template <class Traits, int order, class T, int axes>
class RowLayer {
  using Axes = Stencils<Traits::dim, order, T>;
  static constexpr int axis_of(int p) { return 3 - Traits::dim + Traits::piece(p).axis; }
  static constexpr bool in_layer(int p) {
    return Traits::piece(p).op != Op::value && (axes >> axis_of(p) & 1) != 0;
  }

 public:
  // At cells of `row` that belong to one end of x, as cell `x` does; or to none, where x is not of the axes.
  DW_INLINE RowLayer(const Row<T>& row, const Axes& stencils, Index x)
      : stencils_(stencils), layout_(row.layout), parity_(row.view.parity), y_(row.index[1]) {
    int number = row.layout.first_memory[Traits::index];
    unroll<Traits::pieces>([&](auto p) DW_FLAT {
      if constexpr (Traits::piece(p).op != Op::value) {
        if constexpr (in_layer(p))
          memory_[p] = row.view.state[0] + row.layout.memory[number] + row.slab_offset(axis_of(p), x);
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
  // Asks for the memory of x, `rows` further on: so short a stretch of a row does not let the processor foresee
  // it.
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
    template <int p>
    static constexpr bool acts = in_layer(p);

    const RowLayer& layer;
    Index x;

    template <int p>
    DW_INLINE T forward(int, const T* f) const {
      return layer.forward<p>(x, f);
    }
  };
  DW_INLINE Cell operator()(Index x) const { return {*this, x}; }

 private:
  DW_INLINE const Slab& slab(int axis) const { return layout_.geometry.slab[axis]; }

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
    const PmlCell<T> pml = axis == 2 ? at<p>(x) : profile_[p];
    const Index stride = stencils_.template step<axis>();
    T* m = memory_[p] + x;
    if constexpr (op == Op::second) {
      const Index size = slab(axis).size, old = parity_ * size;
      return second_pml<order>(f, stride, stencils_.weights[axis], pml, m + old, m + (size - old), m + 2 * size,
                               axis == 2 ? 1 : slab(axis).stride[axis]);
    } else {
      return staggered_pml(derivative<op, order>(f, stride, stencils_.weights[axis]), pml, m);
    }
  }

  const Axes& stencils_;
  const Layout<T>& layout_;
  int parity_;
  Index y_;
  PmlCell<T> profile_[Traits::pieces];
  T* memory_[Traits::pieces];
};

}  // namespace dualwave::DW_TARGET
