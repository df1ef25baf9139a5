// A stage as data: what the code that follows the table at run time reads of it.
#pragma once
#include "table/traits.hpp"

namespace dualwave {

constexpr int kMaxPieces = 20;
constexpr int kMaxTerms = 16;

struct StageTable {
  Piece piece[kMaxPieces];
  int memory_of_piece[kMaxPieces];     // its number among the stage's pieces with memory, or -1
  int scratch_of_piece[kMaxPieces];    // slot of its quantity in the adjoint's scratch, or -1
  int history_of_piece[kMaxPieces];    // slot of its quantity in the history, or -1
  int only_term_of_piece[kMaxPieces];  // the term of its quantity where there is one alone, or -1
  int scaled_by_of_piece[kMaxPieces];  // the coefficient of its field, see Scaling
  int pieces;
  Term term[kMaxTerms];
  int terms;
  int stage;
  int dim;
};

template <class Traits>
constexpr StageTable make_stage_table() {
  static_assert(Traits::pieces <= kMaxPieces && Traits::terms <= kMaxTerms);
  StageTable table{};
  table.pieces = Traits::pieces;
  table.terms = Traits::terms;
  table.stage = Traits::index;
  table.dim = Traits::dim;
  int memories = 0;
  for (int p = 0; p < Traits::pieces; ++p) {
    const Piece piece = Traits::piece(p);
    const bool differentiated = Traits::differentiated(piece.quantity);
    table.piece[p] = piece;
    table.memory_of_piece[p] = piece.op == Op::value ? -1 : memories++;
    table.scratch_of_piece[p] = differentiated ? Traits::scratch_slot(piece.quantity) : -1;
    table.scaled_by_of_piece[p] = Traits::scaled ? Traits::scaled_by(piece.field) : kOne;
    table.history_of_piece[p] =
        Traits::in_history(piece.quantity) ? Traits::history_slot(piece.quantity) : -1;
  }
  for (int p = 0; p < Traits::pieces; ++p) {
    int found = 0;
    for (int t = 0; t < Traits::terms; ++t)
      if (Traits::term(t).quantity == Traits::piece(p).quantity) {
        table.only_term_of_piece[p] = t;
        ++found;
      }
    if (found != 1) table.only_term_of_piece[p] = -1;
  }
  for (int t = 0; t < Traits::terms; ++t) table.term[t] = Traits::term(t);
  return table;
}

// One for all operations on a stage, of every order, type and instruction set.
template <class Traits>
inline constexpr StageTable stage_table = make_stage_table<Traits>();

}  // namespace dualwave
