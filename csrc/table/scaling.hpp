// Whether, and how, an equation's transpose may march S = c lambda, cotangents of fields times the
// coefficient that multiplies what a step adds to them.
//
// Where every field has one coefficient, and nothing else stands between a target's cotangent and the
// derivatives that are transposed, the transpose reads S where the stage itself reads fields: no product has
// to be stored first for its neighbours (kernels/adjoint_stage.hpp). Of a leapfrog the older field's S is
// kept with its sign reversed: it need not be written then, as new and old exchange names.
#pragma once
#include "table/counts.hpp"

namespace dualwave {

template <std::size_t fields>
struct Scaling {
  bool possible = true;
  std::array<int, fields> by{};        // the coefficient of each field
  std::array<bool, fields> negated{};  // whether its S is kept with the sign reversed

  constexpr void set(int field, int coefficient) {
    if (by[field] != kOne && by[field] != coefficient) possible = false;
    by[field] = coefficient;
  }
  template <class Stage>
  constexpr void find_coefficients(const Stage& stage) {
    for (const Term& t : stage.term)
      if (t.coefficient != kOne) set(t.target, t.coefficient);
    for (const Swap& s : stage.swap) {
      if (by[s.first] == kOne) by[s.first] = by[s.second];
      set(s.second, by[s.first]);
    }
  }
  // Of each piece's quantity: one term, of derivatives with a coefficient, or of values without one.
  template <class Stage>
  constexpr void check(const Stage& stage) {
    for (const Piece& p : stage.piece) {
      int terms = 0;
      for (const Term& t : stage.term) {
        if (t.quantity != p.quantity) continue;
        ++terms;
        const bool is_value = p.op == Op::value;
        if (is_value && stage.accumulate) possible = false;
        if (is_value ? t.coefficient != kOne || by[t.target] != by[p.field] : t.coefficient == kOne)
          possible = false;
        if (p.op == Op::second && t.scale != 1) possible = false;
      }
      if (terms != 1) possible = false;
    }
    if (!stage.accumulate) check_leapfrog(stage);
  }
  // Each target's old value goes to its new one alone, times -1.
  template <class Stage>
  constexpr void check_leapfrog(const Stage& stage) {
    if (fields != 2 * stage.swap.size()) possible = false;
    for (const Term& target : stage.term) {
      double of_old = 0;
      bool swapped = false;
      for (const Piece& p : stage.piece)
        for (const Term& t : stage.term)
          if (p.quantity == t.quantity && p.field == target.target) {
            if (p.op != Op::value || t.target != target.target) possible = false;
            of_old += p.scale * t.scale;
          }
      for (const Swap& s : stage.swap)
        swapped = swapped || s.first == target.target || s.second == target.target;
      if (of_old != -1 || !swapped) possible = false;
      negated[target.target] = true;
    }
  }
};

template <class Equation, int dim>
constexpr auto scaling_of() {
  Scaling<field_count<Equation, dim>> scaling{};
  for (int& coefficient : scaling.by) coefficient = kOne;
  std::apply(
      [&](const auto&... stage) {
        (scaling.find_coefficients(stage), ...);
        for (int coefficient : scaling.by)
          if (coefficient == kOne) scaling.possible = false;
        (scaling.check(stage), ...);
        if (!(stage.accumulate && ...) && sizeof...(stage) > 1) scaling.possible = false;
      },
      Equation::template stages<dim>());
  return scaling;
}

template <class Equation, int dim>
inline constexpr auto scaling = scaling_of<Equation, dim>();

}  // namespace dualwave
