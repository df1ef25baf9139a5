// How many fields and coefficients an equation has, from its table.
#pragma once
#include "table/table.hpp"

namespace dualwave {

// The largest number that `number(stage)` gives for any stage of the equation, plus one.
template <class Equation, int dim, class Number>
constexpr int count_numbers(Number number) {
  int last = -1;
  std::apply([&](const auto&... stage) { ((last = number(stage) > last ? number(stage) : last), ...); },
             Equation::template stages<dim>());
  return last + 1;
}

template <class Equation, int dim>
constexpr int field_count = count_numbers<Equation, dim>([](const auto& stage) {
  int last = -1;
  for (const Piece& p : stage.piece) last = p.field > last ? p.field : last;
  for (const Term& t : stage.term) last = t.target > last ? t.target : last;
  return last;
});

template <class Equation, int dim>
constexpr int coefficient_count = count_numbers<Equation, dim>([](const auto& stage) {
  int last = -1;
  for (const Term& t : stage.term) last = t.coefficient > last ? t.coefficient : last;
  return last;
});

}  // namespace dualwave
