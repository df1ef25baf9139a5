// What the kernels ask of an equation's stage at compile time.
#pragma once
#include "table/scaling.hpp"

namespace dualwave {

// The smallest numbering in which i and j share a number wherever linked(i, j) holds, directly or through
// others.
template <std::size_t count, class Linked>
constexpr std::array<int, count> groups_of(Linked linked) {
  constexpr int n = static_cast<int>(count);
  std::array<int, count> group{};
  for (int i = 0; i < n; ++i) group[i] = i;
  for (bool changed = true; changed;) {
    changed = false;
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < i; ++j)
        if (linked(i, j) && group[i] != group[j]) {
          group[i] = group[j] = group[i] < group[j] ? group[i] : group[j];
          changed = true;
        }
  }
  int next = 0;
  for (int i = 0; i < n; ++i) group[i] = group[i] == i ? next++ : group[group[i]];
  return group;
}

template <std::size_t count>
constexpr int group_count(const std::array<int, count>& group) {
  int last = -1;
  for (int g : group) last = g > last ? g : last;
  return last + 1;
}

template <class Equation, int dim_, int stage_>
struct StageTraits {
  static constexpr int dim = dim_;
  static constexpr int index = stage_;
  static constexpr int fields = field_count<Equation, dim_>;
  static constexpr int coefficients = coefficient_count<Equation, dim_>;
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

  // A stage falls into parts that have nothing to do with each other: terms that share a quantity or a target
  // are of one part. Each part is a loop of its own, with few enough arrays for the registers.
  static constexpr bool read_together(int quantity, int other) {
    for (const Piece& p : stage.piece)
      for (const Piece& q : stage.piece)
        if (pieces <= 3 && p.quantity == quantity && q.quantity == other && p.field == q.field) return true;
    return false;
  }
  static constexpr auto part_of_term = groups_of<terms>([](int i, int j) {
    const Term &one = stage.term[i], &other = stage.term[j];
    return one.quantity == other.quantity || one.target == other.target ||
           read_together(one.quantity, other.quantity);
  });
  static constexpr int parts = group_count(part_of_term);
  static constexpr int part_of_quantity(int quantity) {
    for (int t = 0; t < terms; ++t)
      if (stage.term[t].quantity == quantity) return part_of_term[t];
    return -1;
  }
  static constexpr int part_of_target(int field) {
    for (int t = 0; t < terms; ++t)
      if (stage.term[t].target == field) return part_of_term[t];
    return -1;
  }

  // The same for the transpose, whose loops are over the fields that it adds to: those that meet in a term
  // without a derivative must be updated together, for one cotangent is read where the other is written.
  static constexpr auto group_of_field = groups_of<fields>([](int f, int g) {
    for (const Piece& p : stage.piece)
      for (const Term& t : stage.term)
        if (p.op == Op::value && p.quantity == t.quantity &&
            ((p.field == f && t.target == g) || (p.field == g && t.target == f)))
          return true;
    return false;
  });
  static constexpr int groups = group_count(group_of_field);

  // See Scaling; it has one term for each quantity.
  static constexpr bool scaled = scaling<Equation, dim_>.possible;
  static constexpr int scaled_by(int field) { return scaling<Equation, dim_>.by[field]; }
  static constexpr Term term_of(int quantity) {
    for (const Term& t : stage.term)
      if (t.quantity == quantity) return t;
    return {};
  }
  // Fields whose cotangents the transpose adds to; of these, those that had the name of a negated one.
  static constexpr bool gathers(int field) { return read(field) && !target(field); }
  static constexpr bool was_negated(int field) {
    for (const Swap& s : stage.swap)
      if ((s.first == field && target(s.second)) || (s.second == field && target(s.first)))
        return !stage.accumulate;
    return false;
  }

  // Fields are updated in place, row by row.
  static constexpr bool in_place() {
    for (const Piece& p : stage.piece)
      if (target(p.field) && (p.op != Op::value || part_of_target(p.field) != part_of_quantity(p.quantity)))
        return false;
    return true;
  }
  static_assert(in_place(), "a stage may read a field that it writes only in the cell and part it writes");
};

template <class Equation, int dim>
constexpr int stage_count = static_cast<int>(std::tuple_size_v<decltype(Equation::template stages<dim>())>);

}  // namespace dualwave
