// Gathers the row kernels of one (equation, dim, order, dtype) into a table of function pointers.
#pragma once
#include "cpu/adjoint_rows.hpp"
#include "cpu/forward_rows.hpp"
#include "table/traits.hpp"

namespace dualwave::DW_TARGET {

template <class Equation, int dim, int order, class T, int stage>
void fill_stage(Kernels<T>& k) {
  using Traits = StageTraits<Equation, dim, stage>;
  k.forward[stage][0] = ForwardRows<Traits, order, T, 1, false>::run;
  k.forward[stage][1] = ForwardRows<Traits, order, T, 2, false>::run;
  k.forward[stage][2] = ForwardRows<Traits, order, T, 4, false>::run;
  k.forward_saving[stage][0] = ForwardRows<Traits, order, T, 1, true>::run;
  k.forward_saving[stage][1] = ForwardRows<Traits, order, T, 2, true>::run;
  k.adjoint_multiply[stage][0] = AdjointMultiplyRows<Traits, T, 1>::run;
  k.adjoint_multiply[stage][1] = AdjointMultiplyRows<Traits, T, 2>::run;
  k.adjoint_gather[stage][0] = AdjointGatherRows<Traits, order, T, 1>::run;
  k.adjoint_gather[stage][1] = AdjointGatherRows<Traits, order, T, 2>::run;
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
