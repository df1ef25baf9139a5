// Gathers a device's stage operations of one (equation, dim, order, dtype): the CPU's, on stretches of one
// cell.
#pragma once
#include "cuda/batch.hpp"
#include "kernels/adjoint_stage.hpp"
#include "kernels/forward_stage.hpp"
#include "table/traits.hpp"

namespace dualwave::DW_TARGET {

template <class Stage, class T>
void cells(const device::Stream& stream, const BatchView<T>& batch) {
  const Geometry& g = batch.layout.geometry;
  stream.for_each(batch.strides.shots * g.cells(), [batch] DW_DEVICE(Index i) {
    const Geometry& g = batch.layout.geometry;
    const Strides& strides = batch.strides;
    const Index rows = g.n[0] * g.n[1], x = i % g.n[2], r = i / g.n[2] % rows, shot = i / (g.n[2] * rows);
    View<T> view = batch.view;
    for (int l = 0; l < kLevels; ++l) {
      view.state[l] += shot * strides.state;
      view.coefficient[l] +=
          view.coefficient_step[l] * (strides.model_index[l * strides.shots + shot] * strides.model);
      if (view.history[l]) view.history[l] += shot * strides.history;
      if (view.adjoint[l]) view.adjoint[l] += shot * strides.state;
      if (view.scratch[l]) view.scratch[l] += shot * strides.scratch;
      if (view.gradient[l]) view.gradient[l] += shot * strides.gradient;
    }
    const Row<T> row(batch.layout, view, r);
    if (row.in_outer_slab() || g.in_slab(2, x))
      Stage::template apply<true, 1>(row, x, x + 1);
    else
      Stage::template apply<false, 1>(row, x, x + 1);
  });
}

template <class Equation, int dim, int order, class T, int stage>
void fill_launches(Launches<T>& k) {
  using Traits = StageTraits<Equation, dim, stage>;
  k.forward[stage][0] = cells<ForwardStage<Traits, order, T, 1, false>, T>;
  k.forward[stage][1] = cells<ForwardStage<Traits, order, T, 2, false>, T>;
  k.forward[stage][2] = cells<ForwardStage<Traits, order, T, 4, false>, T>;
  k.forward_saving[stage][0] = cells<ForwardStage<Traits, order, T, 1, true>, T>;
  k.forward_saving[stage][1] = cells<ForwardStage<Traits, order, T, 2, true>, T>;
  k.adjoint_multiply[stage][0] = cells<AdjointMultiply<Traits, T, 1>, T>;
  k.adjoint_multiply[stage][1] = cells<AdjointMultiply<Traits, T, 2>, T>;
  k.adjoint_gather[stage][0] = cells<AdjointGather<Traits, order, T, 1>, T>;
  k.adjoint_gather[stage][1] = cells<AdjointGather<Traits, order, T, 2>, T>;
}

template <class Equation, int dim, int order, class T>
const Launches<T>& launches() {
  static const Launches<T> table = [] {
    Launches<T> k{};
    unroll<stage_count<Equation, dim>>(
        [&](auto stage) { fill_launches<Equation, dim, order, T, decltype(stage)::value>(k); });
    return k;
  }();
  return table;
}

}  // namespace dualwave::DW_TARGET
