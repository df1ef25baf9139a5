// The operations on the stages of one (equation, dim, order, dtype), gathered from the templates for a
// backend.
#pragma once
#include "kernels/adjoint_stage.hpp"
#include "kernels/forward_stage.hpp"
#include "table/traits.hpp"

namespace dualwave::DW_TARGET {

template <class T>
struct Type {
  using type = T;
};

// Backend::run<Stage, Traits, Interpreted, T> is the function that applies a stage's operation.
template <class Traits, int order, class T, class Backend>
void fill_stage(Operations<typename Backend::template Function<T>>& k) {
  constexpr int s = Traits::index;
  const auto run = [](auto stage) {
    return Backend::template run<typename decltype(stage)::type, Traits,
                                 Interpreted<order, T, Backend::kCells>, T>;
  };
  k.forward[s][0] = run(Type<ForwardStage<Traits, order, T, 1, false>>{});
  k.forward[s][1] = run(Type<ForwardStage<Traits, order, T, 2, false>>{});
  k.forward[s][2] = run(Type<ForwardStage<Traits, order, T, 4, false>>{});
  k.forward_saving[s][0] = run(Type<ForwardStage<Traits, order, T, 1, true>>{});
  k.forward_saving[s][1] = run(Type<ForwardStage<Traits, order, T, 2, true>>{});
  k.adjoint_multiply[s][0] = run(Type<AdjointMultiply<Traits, T, 1>>{});
  k.adjoint_multiply[s][1] = run(Type<AdjointMultiply<Traits, T, 2>>{});
  k.adjoint_gather[s][0] = run(Type<AdjointGather<Traits, order, T, 1>>{});
  k.adjoint_gather[s][1] = run(Type<AdjointGather<Traits, order, T, 2>>{});
}

template <class Equation, int dim, int order, class T, class Backend>
const Operations<typename Backend::template Function<T>>& operations() {
  static_assert(stage_count<Equation, dim> <= kMaxStages && field_count<Equation, dim> <= kMaxFields);
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
