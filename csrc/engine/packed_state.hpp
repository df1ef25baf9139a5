// States as they are packed: without halos, the cells in which PML memory always stays zero, and the copy of
// it that is overwritten next.
#pragma once
#include <vector>

#include "engine/boxes.hpp"
#include "engine/equation.hpp"

namespace dualwave {

// Where cell (z, y, x) of a part is: `first` + z * stride[0] + y * stride[1] + x.
struct Cells {
  Index first;
  Index stride[2];
  Index at(Index z, Index y) const { return first + z * stride[0] + y * stride[1]; }
};

// Cells that lie in order along z, y and x both in a block and packed.
struct Part {
  Index extent[3];
  Cells block, packed;
  // Of PML memory, of which an adjoint block has multiples, see cotangent_of_memory: the axis, the first
  // cell.
  int profile_axis = -1;
  bool at_half_nodes = false, is_psi = false;
  Index first = 0;
  DW_EITHER Index on_axis(Index z, Index y, Index x) const {
    return first + (profile_axis == 0 ? z : profile_axis == 1 ? y : x);
  }
  DW_EITHER Index rows() const { return extent[0] * extent[1]; }
  DW_EITHER Index cells() const { return rows() * extent[2]; }
};

// A box of a grid, packed from element `at` on. `grid` is where the grid's cell (0, 0, 0) is.
Part part_of(const Box& box, const Cells& grid, Index at);

// What the caller sees, or what is kept of a step for a gradient: that has the last half node, too, which
// lies outside the grid and has a share in gradients of coefficients there.
enum class Packed { callers, kept };

Index packed_state_size(const EquationInfo& equation, const Geometry& g, Packed as);

// Where a state's block has what is packed.
struct StateNames {
  const int* slot;      // of each field
  const Index* memory;  // Layout's
  int psi_copy;         // which of the two copies of psi counts
};

// The fields, then each piece's memory variables in the cells of the PML: the order of core/layout.py.
std::vector<Part> packed_state(const EquationInfo& equation, const Geometry& g, Packed as,
                               const StateNames& names);

}  // namespace dualwave
