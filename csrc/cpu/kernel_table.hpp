// Gathers the row kernels of one (equation, dim, order, dtype) into a table of function pointers.
#pragma once
#include "kernels/adjoint_stage.hpp"
#include "kernels/forward_stage.hpp"
#include "table/traits.hpp"

namespace dualwave::DW_TARGET {

// A stage's operation over a block of rows.
template <class Stage, class T>
void rows(const Layout<T>& layout, const View<T>& view, Index begin, Index end) {
  for (Index r = begin; r < end; ++r) {
    const Row<T> row(layout, view, r);
    for_stretches(row, [&](Index first, Index last, auto with_pml) {
      Stage::template apply<with_pml, kChunk>(row, first, last);
    });
  }
}

template <class Equation, int dim, int order, class T, int stage>
void fill_stage(Kernels<T>& k) {
  using Traits = StageTraits<Equation, dim, stage>;
  k.forward[stage][0] = rows<ForwardStage<Traits, order, T, 1, false>, T>;
  k.forward[stage][1] = rows<ForwardStage<Traits, order, T, 2, false>, T>;
  k.forward[stage][2] = rows<ForwardStage<Traits, order, T, 4, false>, T>;
  k.forward_saving[stage][0] = rows<ForwardStage<Traits, order, T, 1, true>, T>;
  k.forward_saving[stage][1] = rows<ForwardStage<Traits, order, T, 2, true>, T>;
  k.adjoint_multiply[stage][0] = rows<AdjointMultiply<Traits, T, 1>, T>;
  k.adjoint_multiply[stage][1] = rows<AdjointMultiply<Traits, T, 2>, T>;
  k.adjoint_gather[stage][0] = rows<AdjointGather<Traits, order, T, 1>, T>;
  k.adjoint_gather[stage][1] = rows<AdjointGather<Traits, order, T, 2>, T>;
}

template <class Equation, int dim, int order, class T>
const Kernels<T>& kernels() {
  static_assert(stage_count<Equation, dim> <= kMaxStages && Equation::fields <= kMaxFields);
  static const Kernels<T> table = [] {
    Kernels<T> k{};
    unroll<stage_count<Equation, dim>>([&](auto stage) { fill_stage<Equation, dim, order, T, stage>(k); });
    return k;
  }();
  return table;
}

}  // namespace dualwave::DW_TARGET
