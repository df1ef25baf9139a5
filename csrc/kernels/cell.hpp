// What a stage and its transpose form at one cell: the algebra that the loops of the CPU and the threads of a
// device share. A cell may also be some neighbours along x as one value (cuda/lanes.hpp).
//
// What is asked of Traits or of a layer is stored in a constant first: nvcc leaves a call in an expression
// for the run, where the device has no such table and reads address zero. It also looks up what a layer has
// not in a branch that only a lambda's parameter discards: hence `acts` before `acts_on`.
#pragma once
#include "kernels/stencil.hpp"
#include "kernels/view.hpp"
#include "table/traits.hpp"

namespace dualwave::DW_TARGET {

// Weights and strides of the axes that the equation has.
template <int dim, int order, class T>
struct Stencils {
  static constexpr int first_axis = 3 - dim;
  Weights<T> weights[3];
  Index stride[3];
  DW_INLINE explicit Stencils(const Layout<T>& layout) {
    unroll<dim>([&](auto a) DW_FLAT {
      constexpr int axis = first_axis + a;
      unroll<order / 2 + 1>([&](auto k) DW_FLAT {
        weights[axis].second[k] = layout.weights[axis].second[k];
        if constexpr (k < order / 2) {
          weights[axis].first[k] = layout.weights[axis].first[k];
          weights[axis].staggered[k] = layout.weights[axis].staggered[k];
        }
      });
      stride[axis] = layout.geometry.stride[axis];
    });
  }
  // A constant 1 along x is what lets loops use vectors.
  template <int axis>
  DW_INLINE Index step() const {
    return axis == 2 ? 1 : stride[axis];
  }
};

// What is asked for the PML's part where it is added by others, or does not reach.
struct NoLayer {
  static constexpr bool acts = false;
};

// f as the taps along x read it; more than one cell at a time has its own.
template <class T>
DW_INLINE T* along_x(T* f) {
  return f;
}

template <int axis, class F>
DW_INLINE auto taps(F f) {
  if constexpr (axis == 2)
    return along_x(f);
  else
    return f;
}

// g_q at cell x: the sum of its pieces.
template <class Traits, int order, int level, int q, class Grids, class T, class Layer>
DW_INLINE typename Grids::Value quantity(const Grids& at, const Stencils<Traits::dim, order, T>& stencils,
                                         Index x, const Layer& layer) {
  typename Grids::Value sum{};
  bool started = false;
  unroll<Traits::pieces>([&](auto p) DW_FLAT {
    constexpr Piece piece = Traits::piece(p);
    if constexpr (piece.quantity == q) {
      constexpr int axis = 3 - Traits::dim + piece.axis;
      constexpr T scale = static_cast<T>(piece.scale);
      const auto f = at.field[level][piece.field] + x;
      const typename Grids::Value value =
          derivative<piece.op, order>(taps<axis>(f), stencils.template step<axis>(), stencils.weights[axis]);
      if (!started)
        sum = scale == 1 ? value : scale * value;
      else
        sum = scale == 1 ? sum + value : madd(scale, value, sum);
      started = true;
      if constexpr (Layer::acts) {
        constexpr bool on_piece = Layer::template acts_on<p>;
        if constexpr (on_piece) {
          const typename Grids::Value added = layer.template forward<p>(level, f);
          sum = scale == 1 ? sum + added : madd(scale, added, sum);
        }
      }
    }
  });
  return sum;
}

// The new value of field f at cell x: terms without a coefficient first, for the others are then one fused
// operation each. g: the quantities, by level.
template <class Traits, class T, int level, int f, class Grids, class Quantities>
DW_INLINE typename Grids::Value updated(const Grids& at, const Quantities& g, Index x) {
  using Value = typename Grids::Value;
  constexpr bool accumulate = Traits::stage.accumulate;
  Value sum = accumulate ? Value(at.field[level][f][x]) : Value{};
  bool started = accumulate;
  unroll<Traits::terms>([&](auto t) DW_FLAT {
    constexpr Term term = Traits::term(t);
    constexpr T scale = static_cast<T>(term.scale);
    if constexpr (term.target == f && term.coefficient == kOne) {
      const Value value = scale == 1 ? g[level][term.quantity] : scale * g[level][term.quantity];
      sum = started ? sum + value : value;
      started = true;
    }
  });
  unroll<Traits::terms>([&](auto t) DW_FLAT {
    constexpr Term term = Traits::term(t);
    constexpr T scale = static_cast<T>(term.scale);
    if constexpr (term.target == f && term.coefficient != kOne) {
      const auto coefficient = [&](auto part) DW_FLAT {
        const Value value = at.coefficient[part][term.coefficient][x];
        return scale == 1 ? value : scale * value;
      };
      sum = product<level>(sum, coefficient, [&](auto part) DW_FLAT { return g[part][term.quantity]; });
    }
  });
  return sum;
}

// Lambda_q, the cotangent of g_q, at cell x: sum of terms scale * c * lambda_target.
template <class Traits, class T, int level, int q, class Grids>
DW_INLINE typename Grids::Value multiplied(const Grids& at, Index x) {
  using Value = typename Grids::Value;
  Value sum{};
  unroll<Traits::terms>([&](auto t) DW_FLAT {
    constexpr Term term = Traits::term(t);
    if constexpr (term.quantity == q) {
      constexpr T scale = static_cast<T>(term.scale);
      if constexpr (term.coefficient == kOne)
        sum = madd(scale, at.field[level][term.target][x], sum);
      else
        sum = product<level>(
            sum, [&](auto part) DW_FLAT { return scale * Value(at.coefficient[part][term.coefficient][x]); },
            [&](auto part) DW_FLAT { return Value(at.field[part][term.target][x]); });
    }
  });
  return sum;
}

// sum + scale * Op^T(q) of piece p, at the cell of q, with the layer where one acts.
template <class Traits, int order, int p, class V, class T, class Q, class Layer>
DW_INLINE V add_transposed(const V& sum, T scale, int level, const Q& q,
                           const Stencils<Traits::dim, order, T>& stencils, const Layer& layer) {
  const auto plain = [&]() DW_FLAT {
    constexpr Piece piece = Traits::piece(p);
    constexpr int axis = 3 - Traits::dim + piece.axis;
    return madd(
        scale,
        transposed<piece.op, order>(taps<axis>(q), stencils.template step<axis>(), stencils.weights[axis]),
        sum);
  };
  if constexpr (Layer::acts) {
    constexpr bool on_piece = Layer::template acts_on<p>;
    if constexpr (on_piece)
      return sum + layer.template gather<p>(level, q, scale);
    else
      return plain();
  } else {
    return plain();
  }
}

// The cotangent of field f before the stage, at cell x: sum of pieces scale * Op^T(Lambda_q), of Lambda as it
// was stored in the blocks of `at`.
template <class Traits, int order, int level, int f, class Grids, class T, class Layer>
DW_INLINE typename Grids::Value gathered(const Grids& at, const Stencils<Traits::dim, order, T>& stencils,
                                         Index x, const Layer& layer) {
  using Value = typename Grids::Value;
  constexpr bool replaced = Traits::target(f) && !Traits::stage.accumulate;
  Value sum = replaced ? Value{} : Value(at.field[level][f][x]);
  unroll<Traits::pieces>([&](auto p) DW_FLAT {
    constexpr Piece piece = Traits::piece(p);
    if constexpr (piece.field == f) {
      constexpr T scale = static_cast<T>(piece.scale);
      if constexpr (piece.op != Op::value) {
        constexpr int slot = Traits::scratch_slot(piece.quantity);
        sum = add_transposed<Traits, order, p>(sum, scale, level, at.block[level][slot] + x, stencils, layer);
      } else {
        sum = madd(scale, multiplied<Traits, T, level, piece.quantity>(at, x), sum);
      }
    }
  });
  return sum;
}

// S of field f before the stage, at cell x, from those of the targets (see Scaling): as much more than before
// as c times the sum of pieces scale * Op^T(S_target).
template <class Traits, int order, int level, int f, class Grids, class T, class Layer>
DW_INLINE typename Grids::Value scaled_gathered(const Grids& at,
                                                const Stencils<Traits::dim, order, T>& stencils, Index x,
                                                const Layer& layer) {
  using Value = typename Grids::Value;
  const Value before = at.field[level][f][x];
  Value derivatives{}, sum = Traits::was_negated(f) ? -before : before;
  unroll<Traits::pieces>([&](auto p) DW_FLAT {
    constexpr Piece piece = Traits::piece(p);
    if constexpr (piece.field == f) {
      constexpr Term term = Traits::term_of(piece.quantity);
      constexpr T scale = static_cast<T>(piece.scale * term.scale);
      const auto s = at.field[level][term.target] + x;
      if constexpr (piece.op == Op::value)
        sum = madd(scale, s[0], sum);
      else
        derivatives = add_transposed<Traits, order, p>(derivatives, scale, level, s, stencils, layer);
    }
  });
  return madd(Value(at.coefficient[0][Traits::scaled_by(f)][x]), derivatives, sum);
}

}  // namespace dualwave::DW_TARGET
