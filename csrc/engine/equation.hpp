// The equation's table at run time, as the time loop, the state layout and the bindings read it.
#pragma once
#include <string>
#include <vector>

#include "engine/geometry.hpp"
#include "table/stage_table.hpp"

namespace dualwave {

// C-PML memory of one piece: `second` has psi twice (its stencil reads neighbours' old values) and zeta, the
// staggered ones m.
struct Memory {
  int stage;
  int piece;
  int axis;  // of the three axes z, y, x
  Op op;
  // Half nodes are stored with the whole node before them, so those of the high slab begin one cell earlier,
  // and the last of all, which lies outside the grid, is left out.
  Index high_shift() const { return op == Op::forward ? 1 : 0; }
};

struct StageInfo {
  std::vector<Piece> pieces;
  std::vector<Term> terms;
  std::vector<Swap> swaps;
  std::vector<int> scratch_of_piece;  // slot of its quantity in the adjoint's scratch, or -1
  bool accumulate;
  int histories;
  int scratches;
};

struct EquationInfo {
  std::string name;
  int dim;
  int fields;
  int coefficients;
  std::vector<StageInfo> stages;
  std::vector<Memory> memories;
  // Of each field, see Scaling; empty where that is not possible.
  std::vector<int> scaled_by;
  std::vector<bool> negated;
  // By coefficient: the axis, of z, y, x, along which it is at half nodes; -1: none.
  std::vector<int> half_axis;

  // Whether a stage adds to its targets.
  bool adds() const {
    for (const StageInfo& s : stages)
      if (s.accumulate) return true;
    return false;
  }
  // Cells beyond the PML that its transpose reaches, see Geometry.
  int slab_reach(int halo) const {
    for (const Memory& m : memories)
      if (m.op == Op::second) return 2 * halo;
    return halo;
  }
  int histories() const {
    int sum = 0;
    for (const StageInfo& s : stages) sum += s.histories;
    return sum;
  }
};

template <class Add, int... stage>
void describe_stages(Add& add, std::integer_sequence<int, stage...>) {
  (add(std::integral_constant<int, stage>{}), ...);
}

template <class Equation, int dim>
EquationInfo describe() {
  EquationInfo info{
      Equation::name, dim, field_count<Equation, dim>, coefficient_count<Equation, dim>, {}, {}, {}, {}, {}};
  constexpr auto how = scaling<Equation, dim>;
  if (how.possible) {
    info.scaled_by.assign(how.by.begin(), how.by.end());
    info.negated.assign(how.negated.begin(), how.negated.end());
    info.half_axis.assign(info.coefficients, -1);
  }
  const auto add = [&](auto index) {
    using Traits = StageTraits<Equation, dim, decltype(index)::value>;
    const auto& stage = Traits::stage;
    constexpr StageTable table = make_stage_table<Traits>();
    info.stages.push_back({{stage.piece.begin(), stage.piece.end()},
                           {stage.term.begin(), stage.term.end()},
                           {stage.swap.begin(), stage.swap.end()},
                           {table.scratch_of_piece, table.scratch_of_piece + Traits::pieces},
                           Traits::stage.accumulate,
                           Traits::histories,
                           Traits::scratches});
    for (int p = 0; p < Traits::pieces; ++p) {
      const Piece& piece = stage.piece[p];
      if (piece.op != Op::value) info.memories.push_back({index, p, 3 - dim + piece.axis, piece.op});
      if (piece.op == Op::forward && !info.scaled_by.empty())
        info.half_axis[Traits::term_of(piece.quantity).coefficient] = 3 - dim + piece.axis;
    }
  };
  describe_stages(add, std::make_integer_sequence<int, stage_count<Equation, dim>>{});
  return info;
}

}  // namespace dualwave
