// A stage of the time step over a stretch of a row, on 1, 2 or 4 levels: forward, tangent and second_tangent.
#pragma once
#include "kernels/interpreted.hpp"

namespace dualwave::DW_TARGET {

template <class Traits, int order, class T, int levels, bool save>
struct ForwardStage {
  static constexpr int first_axis = 3 - Traits::dim;

  // The stage without the PML, over cells [first, last).
  template <class Interpreted>
  static DW_HD void apply(const Row<T>& row, Index first, Index last, const StageTable&) {
    unroll<Traits::parts>([&](auto part) DW_FLAT { update<part>(row, first, last); });
  }

  template <class Interpreted>
  static DW_HD void absorb(const Row<T>& row, Index first, Index last, const StageTable& table) {
    Interpreted::forward(row, first, last, table, levels, save);
  }

 private:
  // Pointers to the cells of a row, by level.
  struct Pointers {
    T* field[levels][Traits::fields];
    const T* coefficient[levels][Traits::coefficients];
    T* history[levels][Traits::histories > 0 ? Traits::histories : 1];
    Weights<T> weights[3];
    Index stride[3];

    DW_INLINE explicit Pointers(const Row<T>& row) {
      unroll<levels>([&](auto level) DW_FLAT {
        for (int f = 0; f < Traits::fields; ++f) field[level][f] = row.state(level, f);
        for (int c = 0; c < Traits::coefficients; ++c) coefficient[level][c] = row.coefficient(level, c);
        if constexpr (save)
          for (int h = 0; h < Traits::histories; ++h)
            history[level][h] = row.grid(row.view.history[level], h);
      });
      for (int axis = first_axis; axis < 3; ++axis) {
        weights[axis] = row.layout.weights[axis];
        stride[axis] = row.layout.geometry.stride[axis];
      }
    }
  };

  // g_q at cell x without the PML's part: the sum of its pieces.
  template <int level, int q>
  static DW_INLINE T quantity(const Pointers& at, Index x) {
    T sum = 0;
    bool started = false;
    unroll<Traits::pieces>([&](auto p) DW_FLAT {
      constexpr Piece piece = Traits::piece(p);
      if constexpr (piece.quantity == q) {
        constexpr int axis = first_axis + piece.axis;
        constexpr T scale = static_cast<T>(piece.scale);
        const Index stride =
            axis == 2 ? 1 : at.stride[axis];  // a constant 1 is what lets the loop use vectors
        const T value =
            derivative<piece.op, order>(at.field[level][piece.field] + x, stride, at.weights[axis]);
        if (!started)
          sum = scale == 1 ? value : scale * value;
        else
          sum = scale == 1 ? sum + value : madd(scale, value, sum);
        started = true;
      }
    });
    return sum;
  }

  // The new value of a target at cell x: terms without a coefficient first, for the others are then one fused
  // operation each.
  template <int level, int f, class Quantities>
  static DW_INLINE T updated(const Pointers& at, const Quantities& g, Index x) {
    T sum = Traits::stage.accumulate ? at.field[level][f][x] : T(0);
    bool started = Traits::stage.accumulate;
    unroll<Traits::terms>([&](auto t) DW_FLAT {
      constexpr Term term = Traits::term(t);
      constexpr T scale = static_cast<T>(term.scale);
      if constexpr (term.target == f && term.coefficient == kOne) {
        const T value = scale == 1 ? g[level][term.quantity] : scale * g[level][term.quantity];
        sum = started ? sum + value : value;
        started = true;
      }
    });
    unroll<Traits::terms>([&](auto t) DW_FLAT {
      constexpr Term term = Traits::term(t);
      constexpr T scale = static_cast<T>(term.scale);
      if constexpr (term.target == f && term.coefficient != kOne) {
        const auto coefficient = [&](auto part) DW_FLAT {
          const T value = at.coefficient[part][term.coefficient][x];
          return scale == 1 ? value : scale * value;
        };
        sum = product<level>(sum, coefficient, [&](auto part) DW_FLAT { return g[part][term.quantity]; });
      }
    });
    return sum;
  }

  template <int part>
  static DW_HD void update(const Row<T>& row, Index first, Index last) {
    const Pointers at(row);
#pragma GCC ivdep
    for (Index x = first; x < last; ++x) {
      T g[levels][Traits::quantities];
      unroll<levels>([&](auto level) DW_FLAT {
        unroll<Traits::quantities>([&](auto q) DW_FLAT {
          if constexpr (Traits::part_of_quantity(q) == part) {
            const T value = quantity<level, q>(at, x);
            if constexpr (save && Traits::in_history(q))
              at.history[level][Traits::history_slot(q)][x] = value;
            g[level][q] = value;
          }
        });
      });
      // All new values are formed before any is stored: a term may read what another one writes.
      T values[levels][Traits::fields];
      unroll<levels>([&](auto level) DW_FLAT {
        unroll<Traits::fields>([&](auto f) DW_FLAT {
          if constexpr (Traits::part_of_target(f) == part) values[level][f] = updated<level, f>(at, g, x);
        });
      });
      unroll<levels>([&](auto level) DW_FLAT {
        unroll<Traits::fields>([&](auto f) DW_FLAT {
          if constexpr (Traits::part_of_target(f) == part) at.field[level][f][x] = values[level][f];
        });
      });
    }
  }
};

}  // namespace dualwave::DW_TARGET
