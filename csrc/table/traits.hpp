// What the kernels ask of an equation's stage at compile time.
#pragma once
#include "table/table.hpp"

namespace dualwave {

template <class Equation, int dim_, int stage_>
struct StageTraits {
  static constexpr int dim = dim_;
  static constexpr int index = stage_;
  static constexpr int fields = Equation::fields;
  static constexpr int coefficients = Equation::coefficients;
  static constexpr auto stage = std::get<stage_>(Equation::template stages<dim_>());
  static constexpr int pieces = static_cast<int>(stage.piece.size());
  static constexpr int terms = static_cast<int>(stage.term.size());
  static constexpr Piece piece(int i) { return stage.piece[i]; }
  static constexpr Term term(int i) { return stage.term[i]; }

  static constexpr int count_quantities() {
    int last = -1;
    for (const Piece& p : stage.piece) last = p.quantity > last ? p.quantity : last;
    return last + 1;
  }
  static constexpr int quantities = count_quantities();

  static constexpr bool differentiated(int quantity) {
    for (const Piece& p : stage.piece)
      if (p.quantity == quantity && p.op != Op::value) return true;
    return false;
  }
  // Quantities that multiply a coefficient are what the gradient needs of the forward run: its history.
  static constexpr bool in_history(int quantity) {
    for (const Term& t : stage.term)
      if (t.quantity == quantity && t.coefficient != kOne) return true;
    return false;
  }
  static constexpr bool target(int field) {
    for (const Term& t : stage.term)
      if (t.target == field) return true;
    return false;
  }
  static constexpr bool read(int field) {
    for (const Piece& p : stage.piece)
      if (p.field == field) return true;
    return false;
  }
  // Slots of a quantity among those for which `has` holds (in the history, in the adjoint's scratch).
  template <class Predicate>
  static constexpr int rank(int quantity, Predicate has) {
    int slot = 0;
    for (int q = 0; q < quantity; ++q) slot += has(q) ? 1 : 0;
    return slot;
  }
  static constexpr int history_slot(int quantity) { return rank(quantity, in_history); }
  static constexpr int scratch_slot(int quantity) { return rank(quantity, differentiated); }
  static constexpr int histories = rank(quantities, in_history);
  static constexpr int scratches = rank(quantities, differentiated);
};

template <class Equation, int dim>
constexpr int stage_count = static_cast<int>(std::tuple_size_v<decltype(Equation::template stages<dim>())>);

}  // namespace dualwave
