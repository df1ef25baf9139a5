// Boxes of cells.
#pragma once
#include "engine/geometry.hpp"

namespace dualwave {

// Cells [first, last) along z, y, x.
struct Box {
  int first[3], last[3];
  DW_EITHER bool empty() const { return last[0] <= first[0] || last[1] <= first[1] || last[2] <= first[2]; }
  DW_EITHER Index extent(int axis) const { return last[axis] - first[axis]; }
  DW_EITHER Index cells() const { return empty() ? 0 : extent(0) * extent(1) * extent(2); }
  Box operator&(const Box& other) const {
    Box both = *this;
    for (int axis = 0; axis < 3; ++axis) {
      if (other.first[axis] > both.first[axis]) both.first[axis] = other.first[axis];
      if (other.last[axis] < both.last[axis]) both.last[axis] = other.last[axis];
    }
    return both;
  }
};

// Boxes that share no cell.
struct Boxes {
  static constexpr int kMost = 6;
  Box box[kMost];
  int count = 0;
  void add(const Box& b) {
    if (!b.empty()) box[count++] = b;
  }
};

// The whole grid. The last threads of a row may go beyond it: as the vectors of the CPU, see
// Geometry::row_cells.
inline Boxes everything(const Geometry& g) {
  Boxes boxes;
  boxes.add({{0, 0, 0}, {static_cast<int>(g.n[0]), static_cast<int>(g.n[1]), static_cast<int>(g.n[2])}});
  return boxes;
}

// The cells that no slab of the PML covers, if there are any.
inline Box interior(const Geometry& g) {
  Box box{};
  for (int axis = 0; axis < 3; ++axis) {
    box.first[axis] = static_cast<int>(g.slab[axis].low);
    box.last[axis] = static_cast<int>(g.n[axis] - g.slab[axis].high);
  }
  return box.empty() ? Box{} : box;
}

// The others: those before and after the interior along z, then along y in the planes between, then along x.
inline Boxes frame(const Geometry& g) {
  const Box inside = interior(g);
  if (inside.empty()) return everything(g);
  Boxes boxes;
  Box rest = everything(g).box[0];
  for (int axis = 0; axis < 3; ++axis) {
    Box low = rest, high = rest;
    low.last[axis] = rest.first[axis] = inside.first[axis];
    high.first[axis] = rest.last[axis] = inside.last[axis];
    boxes.add(low);
    boxes.add(high);
  }
  return boxes;
}

}  // namespace dualwave
