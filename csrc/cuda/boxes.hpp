// Boxes cut into tiles, of which each is a block of threads.
#pragma once
#include "engine/boxes.hpp"

namespace dualwave {

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
