#include "engine/packed_state.hpp"

namespace dualwave {
namespace {

// Cells of the PML at the two ends of an axis that hold a variable of `memory`. Half nodes are stored with
// the whole node before them.
struct Ends {
  Index low, high;   // how many
  Index high_first;  // of the high end, along the axis
  Index all() const { return low + high; }
};

Ends ends(const Memory& memory, const Geometry& g, Packed as) {
  const Index low = g.pml[memory.axis][0], high = g.pml[memory.axis][1], n = g.n[memory.axis];
  if (high == 0) return {low, 0, n};
  const Index first = n - high - memory.high_shift();
  return {low, as == Packed::kept ? n - first : high, first};
}

Cells in_order(Index at, Index rows, Index length) { return {at, {rows * length, length}}; }

// A variable's cells of one end, of both of which a row (or along y and z a plane) is packed together.
Part end_part(const Geometry& g, int axis, const Ends& e, bool is_high, Index block, Index packed) {
  const Slab& slab = g.slab[axis];
  Index all[3] = {g.n[0], g.n[1], g.n[2]};
  all[axis] = e.all();
  Part part{{g.n[0], g.n[1], g.n[2]}, {}, in_order(packed, all[1], all[2])};
  part.extent[axis] = is_high ? e.high : e.low;
  const Index first = g.slab_index(axis, is_high ? e.high_first : 0);
  const Index block_stride[3] = {slab.stride[0], slab.stride[1], 1};
  const Index packed_stride[3] = {all[1] * all[2], all[2], 1};
  part.block = {block + first * block_stride[axis], {slab.stride[0], slab.stride[1]}};
  if (is_high) part.packed.first += e.low * packed_stride[axis];
  return part;
}

}  // namespace

Part part_of(const Box& box, const Cells& grid, Index at) {
  const Index first =
      grid.first + box.first[0] * grid.stride[0] + box.first[1] * grid.stride[1] + box.first[2];
  return {{box.extent(0), box.extent(1), box.extent(2)},
          {first, {grid.stride[0], grid.stride[1]}},
          in_order(at, box.extent(1), box.extent(2))};
}

Index packed_state_size(const EquationInfo& equation, const Geometry& g, Packed as) {
  Index size = equation.fields * g.cells();
  for (const Memory& m : equation.memories)
    size += memory_count(m.op) * (g.cells() / g.n[m.axis]) * ends(m, g, as).all();
  return size;
}

std::vector<Part> packed_state(const EquationInfo& equation, const Geometry& g, Packed as,
                               const StateNames& names) {
  std::vector<Part> parts;
  Index at = 0;
  const auto add = [&](const Part& part) {
    if (part.cells() > 0) parts.push_back(part);
  };
  for (int field = 0; field < equation.fields; ++field, at += g.cells())
    add(part_of(everything(g).box[0], {names.slot[field] * g.grid + g.origin, {g.stride[0], g.stride[1]}},
                at));
  for (std::size_t i = 0; i < equation.memories.size(); ++i) {
    const Memory& memory = equation.memories[i];
    const Ends e = ends(memory, g, as);
    for (int variable = 0; variable < memory_count(memory.op); ++variable) {
      const int copy = memory.op == Op::second ? (variable == 0 ? names.psi_copy : 2) : 0;
      const Index block = names.memory[i] + copy * g.slab[memory.axis].size;
      for (bool is_high : {false, true}) {
        Part part = end_part(g, memory.axis, e, is_high, block, at);
        part.profile_axis = memory.axis;
        part.at_half_nodes = memory.op == Op::forward;
        part.is_psi = variable + 1 < memory_count(memory.op);
        part.first = is_high ? e.high_first : 0;
        add(part);
      }
      at += g.cells() / g.n[memory.axis] * e.all();
    }
  }
  return parts;
}

}  // namespace dualwave
