// The sums that are gradients of coefficients, in the window, as a loop over rows adds to them.
#pragma once
#include "kernels/row_loops.hpp"

namespace dualwave::DW_TARGET {

// Rows of the gradients and of the histories, from the window's first row on; nothing if not `adds`.
template <class Traits, class T, int levels, bool adds>
struct GradientSums {
  T* gradient[levels][Traits::coefficients];
  const T* history[levels][Traits::histories > 0 ? Traits::histories : 1];

  DW_INLINE explicit GradientSums(const Row<T>& row) {
    if constexpr (adds)
      unroll<levels>([&](auto level) DW_FLAT {
        unroll<Traits::coefficients>(
            [&](auto c) DW_FLAT { gradient[level][c] = row.in_window(row.view.gradient[level], c); });
        unroll<Traits::histories>(
            [&](auto h) DW_FLAT { history[level][h] = row.in_window(row.view.history[level], h); });
      });
  }
  DW_INLINE void advance(const Row<T>& row) {
    if constexpr (adds)
      unroll<levels>([&](auto level) DW_FLAT {
        unroll<Traits::coefficients>([&](auto c) DW_FLAT { gradient[level][c] += row.layout.window.stride; });
        unroll<Traits::histories>([&](auto h) DW_FLAT { history[level][h] += row.layout.window.stride; });
      });
  }
  // Of each coefficient, at the cells from x on, by the terms that Chosen has: += scale * quantity * what
  // `at` has of the target.
  template <class Chosen, int n, class Grids>
  DW_INLINE void add(const GridLanes<n, Grids>& at, Index x) const {
    unroll<levels>([&](auto level) DW_FLAT {
      unroll<Traits::coefficients>([&](auto c) DW_FLAT {
        if constexpr (is_used<Chosen>(c)) {
          const LanePointer<T, n> to{gradient[level][c] + x};
          Lanes<T, n> sum = to[0];
          unroll<Traits::terms>([&](auto t) DW_FLAT {
            constexpr Term term = Traits::term(t);
            if constexpr (term.coefficient == c && Chosen::has(t)) {
              constexpr int slot = Traits::history_slot(term.quantity);
              constexpr T scale = static_cast<T>(term.scale);
              sum = product<level>(
                  sum, [&](auto p) DW_FLAT { return scale * LanePointer<const T, n>{history[p][slot]}[x]; },
                  [&](auto p) DW_FLAT { return at.field[p][term.target][0]; });
            }
          });
          put(to, sum);
        }
      });
    });
  }

 private:
  template <class Chosen>
  static constexpr bool is_used(int coefficient) {
    for (int t = 0; t < Traits::terms; ++t)
      if (Traits::term(t).coefficient == coefficient && Chosen::has(t)) return true;
    return false;
  }
};

}  // namespace dualwave::DW_TARGET
