// The operations on the stages of one (equation, dim, order, dtype), gathered from the templates of a
// backend.
#pragma once
#include "kernels/view.hpp"
#include "table/traits.hpp"

namespace dualwave::DW_TARGET {

// Backend<order, T>::forward<Traits, levels, save>, retreat, multiply and gather<Traits, levels> are the
// functions that apply a stage's operations.
template <class Traits, class Backend, class Function>
void fill_stage(Operations<Function>& k) {
  constexpr int s = Traits::index;
  k.forward[s][0] = Backend::template forward<Traits, 1, false>;
  k.forward[s][1] = Backend::template forward<Traits, 2, false>;
  k.forward[s][2] = Backend::template forward<Traits, 4, false>;
  k.forward_saving[s][0] = Backend::template forward<Traits, 1, true>;
  k.forward_saving[s][1] = Backend::template forward<Traits, 2, true>;
  k.retreat[s][0] = Backend::template retreat<Traits, 1>;
  k.retreat[s][1] = Backend::template retreat<Traits, 2>;
  k.adjoint_multiply[s][0] = Backend::template multiply<Traits, 1>;
  k.adjoint_multiply[s][1] = Backend::template multiply<Traits, 2>;
  k.adjoint_gather[s][0] = Backend::template gather<Traits, 1>;
  k.adjoint_gather[s][1] = Backend::template gather<Traits, 2>;
  if constexpr (Backend::scales && Traits::scaled) {
    k.scaled_multiply[s] = Backend::template multiply<Traits, 1, true>;
    k.scaled_gather[s] = Backend::template gather<Traits, 1, true>;
  }
}

template <class Equation, int dim, class Backend, class Function>
const Operations<Function>& operations() {
  static_assert(stage_count<Equation, dim> <= kMaxStages && field_count<Equation, dim> <= kMaxFields);
  static const auto table = [] {
    Operations<Function> k{};
    unroll<stage_count<Equation, dim>>(
        [&](auto stage) { fill_stage<StageTraits<Equation, dim, decltype(stage)::value>, Backend>(k); });
    return k;
  }();
  return table;
}

}  // namespace dualwave::DW_TARGET
