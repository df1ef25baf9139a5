// The transpose of a stage on cotangents times coefficients, S = c lambda (see Scaling): of one level.
//
// With S the stage's Lambda_q is there already, its neighbours' too: the fields' S are formed as the stage
// itself forms fields, and no grid of products lies in between. What comes before, cell by cell, is the
// memory of the PML and the gradient of c, whose sum is divided by c when all steps are done.
#pragma once
#include "kernels/gradient_sums.hpp"
#include "kernels/interpreted.hpp"
#include "kernels/row_loops.hpp"

namespace dualwave::DW_TARGET {

// Brings the memory of the PML up to date, and adds to the gradients of the coefficients if it `adds`: then
// the window has the rows.
template <class Traits, class T, bool adds>
struct ScaledMultiply {
  static constexpr int afterwards = 0, in_rows = kAllAxes;

  static void apply(const Row<T>& row, Index rows, Index first, Index last) {
    for_runs<in_rows, true, Traits::dim>(row, rows, [&](const Row<T>& from, Index count, auto axes) DW_FLAT {
      using Plain = ScaledMultiply<Traits, T, false>;
      by_window<adds, Plain, ScaledMultiply>(
          from, first, last, [&](auto stage, Index begin, Index end) DW_FLAT {
            decltype(stage)::template multiply<axes>(from, count, begin, end);
          });
    });
  }

 private:
  static constexpr int order = 2;  // it reads its own cells alone
  using Grids = RowGrids<1, Traits::fields, Traits::coefficients, 0, T>;

  friend struct ScaledMultiply<Traits, T, !adds>;

  template <int axes>
  static void multiply(const Row<T>& row, Index rows, Index first, Index last) {
    const Stencils<Traits::dim, order, T> stencils(row.layout);
    Grids at(row, row.view.adjoint, row.view.scratch);
    GradientSums<Traits, T, 1, adds> sums(row);
    for_cells<Traits, order, true, axes>(
        RowCells<T>{row, rows, {first, last}, row.layout.geometry.slab[2].ahead, row.view.adjoint[0]},
        stencils,
        [&](auto n, Index x, const auto& layer) DW_FLAT {
          using Layer = std::decay_t<decltype(layer)>;
          const auto cells = lanes_of<n>(at, x);
          unroll<Traits::pieces>([&](auto p) DW_FLAT {
            if constexpr (Layer::template acts_on<p>) {
              constexpr Term term = Traits::term_of(Traits::piece(p).quantity);
              layer.template multiply<p>(0, static_cast<T>(term.scale) * cells.field[0][term.target][0]);
            }
          });
          if constexpr (adds) sums.template add<AllTerms>(cells, x);
        },
        [&]() DW_FLAT {
          at.advance(row);
          sums.advance(row);
        });
  }
  struct AllTerms {
    static constexpr bool has(int) { return true; }
  };
};

template <class Traits, int order, class T>
struct ScaledGather {
  static constexpr int afterwards = added_afterwards<Traits>(3, order);  // S, s and psi
  static constexpr int in_rows = kAllAxes & ~afterwards;

  static void apply(const Row<T>& row, Index rows, Index first, Index last) {
    for_runs<in_rows, false, Traits::dim>(row, rows, [&](const Row<T>& from, Index count, auto axes) DW_FLAT {
      unroll<Traits::groups>([&](auto group) DW_FLAT { gather<group, axes>(from, count, first, last); });
    });
  }

  template <class Interpreted>
  static void absorb(const Row<T>& row, Index first, Index last, int axes, const StageTable& table) {
    Interpreted::gather(row, first, last, table, {1, axes, false, true});
  }

 private:
  using Axes = Stencils<Traits::dim, order, T>;
  using Grids = RowGrids<1, Traits::fields, Traits::coefficients, 0, T>;

  template <int group, int axes>
  static void gather(const Row<T>& row, Index rows, Index first, Index last) {
    const Axes stencils(row.layout);
    Grids at(row, row.view.adjoint, row.view.scratch);
    for_cells<Traits, order, true, axes>(
        RowCells<T>{row, rows, {first, last}, row.layout.geometry.slab[2], row.view.adjoint[0]}, stencils,
        [&](auto n, Index x, const auto& layer)
            DW_FLAT { gather_cells<group>(lanes_of<n>(at, x), stencils, layer); },
        [&]() DW_FLAT { at.advance(row); });
  }

  template <int group, class Cells, class Layer>
  static DW_INLINE void gather_cells(const Cells& at, const Axes& stencils, const Layer& layer) {
    typename Cells::Value gathered[Traits::fields];
    unroll<Traits::fields>([&](auto f) DW_FLAT {
      if constexpr (Traits::group_of_field[f] == group && Traits::gathers(f))
        gathered[f] = scaled_gathered<Traits, order, f>(at, stencils, 0, layer);
    });
    unroll<Traits::fields>([&](auto f) DW_FLAT {
      if constexpr (Traits::group_of_field[f] == group && Traits::gathers(f))
        put(at.field[0][f], gathered[f]);
    });
  }
};

}  // namespace dualwave::DW_TARGET
