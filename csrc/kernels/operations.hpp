// The operations on the stages of one (equation, dim, order, dtype), gathered from the templates for a
// backend.
#pragma once
#include "kernels/adjoint_stage.hpp"
#include "kernels/forward_stage.hpp"
#include "table/traits.hpp"

namespace dualwave::DW_TARGET {

// Backend::run<Stage, T> is the function that applies a stage's operation.
template <class Traits, int order, class T, class Backend>
void fill_stage(Operations<typename Backend::template Function<T>>& k) {
  constexpr int s = Traits::index;
  k.forward[s][0] = Backend::template run<ForwardStage<Traits, order, T, 1, false>, T>;
  k.forward[s][1] = Backend::template run<ForwardStage<Traits, order, T, 2, false>, T>;
  k.forward[s][2] = Backend::template run<ForwardStage<Traits, order, T, 4, false>, T>;
  k.forward_saving[s][0] = Backend::template run<ForwardStage<Traits, order, T, 1, true>, T>;
  k.forward_saving[s][1] = Backend::template run<ForwardStage<Traits, order, T, 2, true>, T>;
  k.adjoint_multiply[s][0] = Backend::template run<AdjointMultiply<Traits, T, 1>, T>;
  k.adjoint_multiply[s][1] = Backend::template run<AdjointMultiply<Traits, T, 2>, T>;
  k.adjoint_gather[s][0] = Backend::template run<AdjointGather<Traits, order, T, 1>, T>;
  k.adjoint_gather[s][1] = Backend::template run<AdjointGather<Traits, order, T, 2>, T>;
}

template <class Equation, int dim, int order, class T, class Backend>
const Operations<typename Backend::template Function<T>>& operations() {
  static_assert(stage_count<Equation, dim> <= kMaxStages && Equation::fields <= kMaxFields);
  static const auto table = [] {
    Operations<typename Backend::template Function<T>> k{};
    unroll<stage_count<Equation, dim>>([&](auto stage) {
      fill_stage<StageTraits<Equation, dim, decltype(stage)::value>, order, T, Backend>(k);
    });
    return k;
  }();
  return table;
}

}  // namespace dualwave::DW_TARGET
