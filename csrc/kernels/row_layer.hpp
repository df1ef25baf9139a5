// The PML at the cells of a row: the layer of cell.hpp, which the loop over the cells asks itself. On a
// device it is cuda/layer.hpp; pml_rows.hpp adds it afterwards, for any equation.
#pragma once
#include "kernels/lanes.hpp"
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
      : stencils_(stencils),
        layout_(row.layout),
        parity_(row.view.parity),
        z_(row.index[0]),
        y_(row.index[1]) {
    int number = row.layout.first_memory[Traits::index];
    unroll<Traits::pieces>([&](auto p) DW_FLAT {
      if constexpr (Traits::piece(p).op != Op::value) {
        if constexpr (in_layer(p))
          memory_[p] = block + row.layout.memory[number] + row.slab_offset(axis_of(p), x);
        ++number;
      }
    });
    unroll<Traits::pieces>([&](auto p) DW_FLAT {
      if constexpr (in_layer(p) && axis_of(p) < 2) set_profile<p>(row.index[axis_of(p)]);
    });
  }

  // To the next row along y.
  DW_INLINE void advance() {
    ++y_;
    unroll<Traits::pieces>([&](auto p) DW_FLAT {
      if constexpr (in_layer(p)) memory_[p] += slab(axis_of(p)).stride[1];
      if constexpr (in_layer(p) && axis_of(p) == 1) set_profile<p>(y_);
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

  // The layer at the cells from x on.
  template <int n>
  struct Cells {
    using Pointer = LanePointer<T, n>;
    using Value = Lanes<T, n>;
    static constexpr bool acts = true;
    template <int p>
    static constexpr bool acts_on = in_layer(p);

    const RowLayer& layer;
    Index x;

    template <int p>
    DW_INLINE PmlStep<Value> forward(Pointer f) const {
      return layer.forward<p>(x, f);
    }
    template <int p>
    DW_INLINE void keep(const PmlStep<Value>& step) const {
      layer.keep<p>(x, step);
    }
    template <int p>
    DW_INLINE void multiply(int, const Value& q) const {
      layer.multiply<p>(x, q);
    }
    template <int p>
    DW_INLINE Value gather(int, Pointer q, T scale) const {
      return layer.gather<p>(x, q, scale);
    }
  };
  template <int n>
  DW_INLINE Cells<n> at(Index x) const {
    return {*this, x};
  }

 private:
  DW_INLINE const Slab& slab(int axis) const { return layout_.geometry.slab[axis]; }

  template <int p>
  DW_INLINE Index slab_stride() const {
    return axis_of(p) == 2 ? 1 : slab(axis_of(p)).stride[axis_of(p)];
  }
  // Of piece p, at a cell of its axis, or along x at those of a vector.
  template <int p, int n>
  DW_INLINE auto profile(Index x) const {
    if constexpr (axis_of(p) == 2)
      return profile_at<p>([&](const T* of) DW_FLAT { return LanePointer<const T, n>{of}[x]; });
    else
      return profile_[p];
  }
  template <int p, class Read>
  DW_INLINE auto profile_at(Read&& read) const {
    const auto of = layout_.profile[axis_of(p)].template seen<Traits::piece(p).op>();
    return PmlCell<decltype(read(of.a))>{read(of.a), read(of.b), read(of.db)};
  }
  template <int p>
  DW_INLINE void set_profile(Index cell) {
    profile_[p] = profile_at<p>([&](const T* of) DW_FLAT { return of[cell]; });
  }

  template <int p, int n>
  DW_INLINE PmlStep<Lanes<T, n>> forward(Index x, LanePointer<T, n> f) const {
    constexpr int axis = axis_of(p);
    constexpr Op op = Traits::piece(p).op;
    const auto pml = profile<p, n>(x);
    const Index stride = stencils_.template step<axis>();
    const LanePointer<T, n> m{memory_[p] + x};
    if constexpr (op == Op::second) {
      const Index size = slab(axis).size, old = parity_ * size;
      return second_pml<order>(taps<axis>(f), stride, stencils_.weights[axis], pml, taps<axis>(m + old),
                               m + 2 * size, slab_stride<p>());
    } else {
      return staggered_pml(derivative<op, order>(taps<axis>(f), stride, stencils_.weights[axis]), pml, m);
    }
  }
  template <int p, int n>
  DW_INLINE void keep(Index x, const PmlStep<Lanes<T, n>>& step) const {
    const LanePointer<T, n> m{memory_[p] + x};
    if constexpr (Traits::piece(p).op == Op::second) {
      const Index size = slab(axis_of(p)).size, old = parity_ * size;
      put(m + (size - old), step.psi);
      put(m + 2 * size, step.memory);
    } else {
      put(m, step.memory);
    }
  }

  template <int p, int n>
  DW_INLINE void multiply(Index x, const Lanes<T, n>& q) const {
    constexpr T scale = static_cast<T>(Traits::piece(p).scale);
    const Index before = Traits::piece(p).op == Op::second ? 2 * slab(axis_of(p)).size : 0;
    pml_multiply(scale * q, profile<p, n>(x), LanePointer<T, n>{memory_[p] + x + before});
  }

  template <int p, int n>
  DW_INLINE Lanes<T, n> gather(Index x, LanePointer<T, n> q, T scale) const {
    constexpr int axis = axis_of(p);
    constexpr Op op = Traits::piece(p).op;
    const Index stride = stencils_.template step<axis>();
    const Weights<T>& weights = stencils_.weights[axis];
    const LanePointer<T, n> m{memory_[p] + x};
    const auto q_around = taps<axis>(q);
    if constexpr (op == Op::second) {
      const Index size = slab(axis).size, next = parity_ * size;
      return second_pml_gather<order>(
          [&](int k) DW_FLAT { return scale * q_around[k * stride]; },
          AdjointMemory{taps<axis>(m + 2 * size), taps<axis>(m + (size - next)), m + next, slab_stride<p>()},
          weights, profile<p, n>(x), [&](int k) DW_FLAT { return around<axis, n>(x, k); });
    } else {
      return madd(scale, transposed<op, order>(q_around, stride, weights),
                  transposed<op, order>(taps<axis>(m), slab_stride<p>(), weights));
    }
  }
  // weight_around at a cell of the axis, or along x at those of a vector.
  template <int axis, int n>
  DW_INLINE auto around(Index x, int k) const {
    const T* of = layout_.profile[axis].around;
    if constexpr (axis == 2)
      return LanePointer<const T, n>{of}[around_at(order / 2, true, x, k)];
    else
      return of[around_at(order / 2, false, axis == 1 ? y_ : z_, k)];
  }

  const Axes& stencils_;
  const Layout<T>& layout_;
  int parity_;
  Index z_, y_;
  PmlCell<T> profile_[Traits::pieces];
  T* memory_[Traits::pieces];
};

}  // namespace dualwave::DW_TARGET
