// An equation as a table: what one time step reads, multiplies and writes.
//
// A stage forms quantities g_q = sum of pieces scale * Op_axis(field) from the state before it, then applies
// terms  target <- [target +] scale * coefficient * g_q, and last exchanges the names of the swapped fields.
// Everything the five maps do follows from this table: the update is linear in the fields and in the
// coefficients, so its derivative in any direction is the update itself on dual numbers, and its transpose
// reads the same rows backwards.
#pragma once
#include <array>
#include <cstddef>
#include <tuple>
#include <utility>

namespace dualwave {

enum class Op {
  value,    // the field itself
  second,   // d2/dx2 on the regular grid, with the C-PML of Pasalic & McGarry (2010)
  forward,  // d/dx from integer to half nodes (staggered), with the C-PML of Komatitsch & Martin (2007)
  backward  // d/dx from half to integer nodes, likewise
};

struct Piece {
  int quantity;
  int field;
  Op op = Op::value;
  int axis = 0;  // 0 is the slowest of the equation's `dim` axes
  double scale = 1;
};

constexpr int kOne = -1;  // the coefficient of a term that has none

struct Term {
  int target;
  int quantity;
  int coefficient = kOne;
  double scale = 1;
};

struct Swap {
  int first;
  int second;
};

template <std::size_t pieces, std::size_t terms, std::size_t swaps>
struct Stage {
  std::array<Piece, pieces> piece;
  std::array<Term, terms> term;
  std::array<Swap, swaps> swap;
  bool accumulate;  // true: terms add to their target; false: they replace it
};

template <std::size_t... sizes>
constexpr auto join(const std::array<Piece, sizes>&... parts) {
  std::array<Piece, (sizes + ...)> all{};
  std::size_t at = 0;
  auto append = [&](const auto& part) {
    for (const Piece& piece : part) all[at++] = piece;
  };
  (append(parts), ...);
  return all;
}

// The Laplacian of `field`, as one second derivative an axis.
template <int dim>
constexpr std::array<Piece, dim> laplacian(int quantity, int field) {
  std::array<Piece, dim> pieces{};
  for (int axis = 0; axis < dim; ++axis) pieces[axis] = {quantity, field, Op::second, axis};
  return pieces;
}

// How many memory variables a piece owns in the PML, and how many of those are double-buffered copies.
constexpr int memory_count(Op op) { return op == Op::value ? 0 : op == Op::second ? 2 : 1; }
constexpr int memory_buffers(Op op) { return op == Op::second ? 3 : memory_count(op); }

}  // namespace dualwave
