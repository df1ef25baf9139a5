// Which cells a launch is over: boxes, cut into tiles of which each is a block of threads.
#pragma once
#include <algorithm>

#include "engine/geometry.hpp"

namespace dualwave {

// Cells [first, last) along z, y, x.
struct Box {
  int first[3], last[3];
  DW_EITHER bool empty() const { return last[0] <= first[0] || last[1] <= first[1] || last[2] <= first[2]; }
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

// The cells that no slab of the PML covers.
inline Boxes interior(const Geometry& g) {
  Box box{};
  for (int axis = 0; axis < 3; ++axis) {
    box.first[axis] = static_cast<int>(g.slab[axis].low);
    box.last[axis] = static_cast<int>(g.n[axis] - g.slab[axis].high);
  }
  Boxes boxes;
  boxes.add(box);
  return boxes;
}

// The others: those before and after the interior along z, then along y in the planes between, then along x.
inline Boxes frame(const Geometry& g) {
  const Boxes inside = interior(g);
  if (inside.count == 0) return everything(g);
  Boxes boxes;
  Box rest = everything(g).box[0];
  for (int axis = 0; axis < 3; ++axis) {
    Box low = rest, high = rest;
    low.last[axis] = rest.first[axis] = inside.box[0].first[axis];
    high.first[axis] = rest.last[axis] = inside.box[0].last[axis];
    boxes.add(low);
    boxes.add(high);
  }
  return boxes;
}

// A block of threads, each of them `lanes` cells along x.
template <int z_, int y_, int x_, int lanes_>
struct Tile {
  static constexpr int z = z_, y = y_, x = x_, lanes = lanes_;
  static constexpr int all = z * y * x;
};

// How many tiles a box takes along each axis.
template <class Tile>
struct TilesOf {
  int z, y, x;
  DW_EITHER explicit TilesOf(const Box& box)
      : z(along(box, 0, Tile::z)), y(along(box, 1, Tile::y)), x(along(box, 2, Tile::x * Tile::lanes)) {}
  DW_EITHER int all() const { return z * y * x; }

 private:
  DW_EITHER static int along(const Box& box, int axis, int cells) {
    return (box.last[axis] - box.first[axis] + cells - 1) / cells;
  }
};

template <class Tile>
int tile_count(const Boxes& boxes) {
  int count = 0;
  for (int b = 0; b < boxes.count; ++b) count += TilesOf<Tile>(boxes.box[b]).all();
  return count;
}

// Calls f(z, y, x) for the first cell of thread `thread` of tile number `tile`, if it has one.
template <class Tile, class F>
DW_EITHER inline void in_tile(const Boxes& boxes, int tile, int thread, F&& f) {
  for (int b = 0; b < boxes.count; ++b) {
    const Box& box = boxes.box[b];
    const TilesOf<Tile> tiles(box);
    if (tile >= tiles.all()) {
      tile -= tiles.all();
      continue;
    }
    const int x = box.first[2] + (tile % tiles.x * Tile::x + thread % Tile::x) * Tile::lanes;
    const int y = box.first[1] + tile / tiles.x % tiles.y * Tile::y + thread / Tile::x % Tile::y;
    const int z = box.first[0] + tile / tiles.x / tiles.y * Tile::z + thread / Tile::x / Tile::y;
    if (x < box.last[2] && y < box.last[1] && z < box.last[0]) f(z, y, x);
    return;
  }
}

}  // namespace dualwave
