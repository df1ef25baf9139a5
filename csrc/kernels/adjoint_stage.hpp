// The transpose of a stage over a stretch of a row, on 1 or 2 levels: adjoint and tangent_adjoint, in two
// passes.
//
// With lambda the cotangents after the stage, the first pass forms Lambda_q = sum of terms scale * c *
// lambda_target at each cell and stores it where a derivative of it is needed, and adds g_q * lambda_target
// to the gradient of c; the second adds sum of pieces scale * Op^T(Lambda_q) to the cotangent of the field
// that the piece reads. Neighbours' Lambda must be complete in between.
//
// `scaled`: of cotangents times coefficients, S = c lambda (see Scaling). Lambda is there already, as the
// target's S, and no grid of it lies in between; a gradient's sum is divided by c when all steps are done.
#pragma once
#include "kernels/interpreted.hpp"
#include "kernels/row_loops.hpp"

namespace dualwave::DW_TARGET {

// `adds`: whether gradients are wanted; the window then has the rows.
template <class Traits, class T, int levels, bool scaled, bool adds>
struct AdjointMultiply {
  static constexpr int afterwards = 0, in_rows = levels == 1 ? kAllAxes : 0;  // see ForwardStage

  static void apply(const Row<T>& row, Index rows, Index first, Index last) {
    for_runs<in_rows, true, Traits::dim>(row, rows, [&](const Row<T>& from, Index count, auto axes) DW_FLAT {
      multiply_rows<axes>(from, count, first, last);
    });
  }

  template <class Interpreted>
  static void absorb(const Row<T>& row, Index first, Index last, int axes, const StageTable& table) {
    Interpreted::multiply(row, first, last, table, {levels, axes});
  }

 private:
  static constexpr int order = 2;  // it reads its own cells alone
  static constexpr int scratches = scaled ? 0 : Traits::scratches;
  using Grids = RowGrids<levels, Traits::fields, Traits::coefficients, scratches, T>;

  friend struct AdjointMultiply<Traits, T, levels, scaled, !adds>;

  template <int axes>
  static void multiply_rows(const Row<T>& row, Index rows, Index first, Index last) {
    using Plain = AdjointMultiply<Traits, T, levels, scaled, false>;
    by_window<adds, Plain, AdjointMultiply>(row, first, last, [&](auto stage, Index from, Index to) DW_FLAT {
      unroll<Traits::parts>(
          [&](auto part) DW_FLAT { decltype(stage)::template multiply<part, axes>(row, rows, from, to); });
    });
  }

  template <int part, int axes>
  static void multiply(const Row<T>& row, Index rows, Index first, Index last) {
    const Stencils<Traits::dim, order, T> stencils(row.layout);
    Grids at(row, row.view.adjoint, row.view.scratch);
    Sums sums(row);
    for_cells<Traits, order, in_rows != 0, axes>(
        RowCells<T>{row, rows, {first, last}, row.layout.geometry.slab[2].ahead, row.view.adjoint[0]},
        stencils,
        [&](auto n, Index x, const auto& layer) DW_FLAT {
          const auto cells = lanes_of<n>(at, x);
          multiply_cells<part>(cells, layer);
          if constexpr (adds) sums.template add<part>(cells, x);
        },
        [&]() DW_FLAT {
          at.advance(row);
          sums.advance(row);
        });
  }

  template <int level, int q, class Cells>
  static DW_INLINE typename Cells::Value of_quantity(const Cells& at) {
    if constexpr (scaled) {
      constexpr Term term = Traits::term_of(q);
      return static_cast<T>(term.scale) * at.field[level][term.target][0];
    } else {
      return multiplied<Traits, T, level, q>(at, 0);
    }
  }

  template <int part, class Cells, class Layer>
  static DW_INLINE void multiply_cells(const Cells& at, const Layer& layer) {
    unroll<levels>([&](auto level) DW_FLAT {
      unroll<Traits::quantities>([&](auto q) DW_FLAT {
        if constexpr (Traits::part_of_quantity(q) == part && Traits::differentiated(q)) {
          const typename Cells::Value lambda = of_quantity<level, q>(at);
          if constexpr (!scaled) put(at.block[level][Traits::scratch_slot(q)], lambda);
          if constexpr (Layer::acts)
            unroll<Traits::pieces>([&](auto p) DW_FLAT {
              if constexpr (Traits::piece(p).quantity == q && Layer::template acts_on<p>)
                layer.template multiply<p>(level, lambda);
            });
        }
      });
    });
  }

  // Rows of the gradients and of the histories, from the window's first row on.
  struct Sums {
    T* gradient[levels][Traits::coefficients];
    const T* history[levels][Traits::histories > 0 ? Traits::histories : 1];

    DW_INLINE explicit Sums(const Row<T>& row) {
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
          unroll<Traits::coefficients>([&](auto c)
                                           DW_FLAT { gradient[level][c] += row.layout.window.stride; });
          unroll<Traits::histories>([&](auto h) DW_FLAT { history[level][h] += row.layout.window.stride; });
        });
    }
    // Of each coefficient, at the cells from x on: += scale * quantity * cotangent of the target.
    template <int part, int n>
    DW_INLINE void add(const GridLanes<n, Grids>& at, Index x) const {
      unroll<levels>([&](auto level) DW_FLAT {
        unroll<Traits::coefficients>([&](auto c) DW_FLAT {
          if constexpr (is_used(part, c)) {
            const LanePointer<T, n> to{gradient[level][c] + x};
            Lanes<T, n> sum = to[0];
            unroll<Traits::terms>([&](auto t) DW_FLAT {
              constexpr Term term = Traits::term(t);
              if constexpr (term.coefficient == c && Traits::part_of_term[t] == part) {
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
    static constexpr bool is_used(int part, int coefficient) {
      for (int t = 0; t < Traits::terms; ++t)
        if (Traits::term(t).coefficient == coefficient && Traits::part_of_term[t] == part) return true;
      return false;
    }
  };
};

template <class Traits, int order, class T, int levels, bool scaled>
struct AdjointGather {
  static constexpr int afterwards = added_afterwards<Traits>(3, order);  // q, s and psi
  static constexpr int in_rows = levels == 1 ? kAllAxes & ~afterwards : 0;

  static void apply(const Row<T>& row, Index rows, Index first, Index last) {
    for_runs<in_rows, false, Traits::dim>(row, rows, [&](const Row<T>& from, Index count, auto axes) DW_FLAT {
      unroll<Traits::groups>([&](auto group) DW_FLAT {
        if constexpr (touches(group)) gather<group, axes>(from, count, first, last);
      });
    });
  }

  template <class Interpreted>
  static void absorb(const Row<T>& row, Index first, Index last, int axes, const StageTable& table) {
    Interpreted::gather(row, first, last, table, {levels, axes, false, scaled});
  }

 private:
  static constexpr bool touched(int field) {
    return scaled ? Traits::gathers(field) : Traits::read(field) || Traits::target(field);
  }
  static constexpr bool touches(int group) {
    for (int f = 0; f < Traits::fields; ++f)
      if (Traits::group_of_field[f] == group && touched(f)) return true;
    return false;
  }

  using Axes = Stencils<Traits::dim, order, T>;
  static constexpr int scratches = scaled ? 0 : Traits::scratches;
  using Grids = RowGrids<levels, Traits::fields, Traits::coefficients, scratches, T>;

  template <int group, int axes>
  static void gather(const Row<T>& row, Index rows, Index first, Index last) {
    const Axes stencils(row.layout);
    Grids at(row, row.view.adjoint, row.view.scratch);
    for_cells<Traits, order, in_rows != 0, axes>(
        RowCells<T>{row, rows, {first, last}, row.layout.geometry.slab[2], row.view.adjoint[0]}, stencils,
        [&](auto n, Index x, const auto& layer)
            DW_FLAT { gather_cells<group>(lanes_of<n>(at, x), stencils, layer); },
        [&]() DW_FLAT { at.advance(row); });
  }

  template <int level, int f, class Cells, class Layer>
  static DW_INLINE typename Cells::Value of_field(const Cells& at, const Axes& stencils, const Layer& layer) {
    if constexpr (scaled)
      return scaled_gathered<Traits, order, level, f>(at, stencils, 0, layer);
    else
      return gathered<Traits, order, level, f>(at, stencils, 0, layer);
  }

  template <int group, class Cells, class Layer>
  static DW_INLINE void gather_cells(const Cells& at, const Axes& stencils, const Layer& layer) {
    typename Cells::Value updated[levels][Traits::fields];
    unroll<levels>([&](auto level) DW_FLAT {
      unroll<Traits::fields>([&](auto f) DW_FLAT {
        if constexpr (Traits::group_of_field[f] == group && touched(f))
          updated[level][f] = of_field<level, f>(at, stencils, layer);
      });
    });
    unroll<levels>([&](auto level) DW_FLAT {
      unroll<Traits::fields>([&](auto f) DW_FLAT {
        if constexpr (Traits::group_of_field[f] == group && touched(f))
          put(at.field[level][f], updated[level][f]);
      });
    });
  }
};

}  // namespace dualwave::DW_TARGET
