#include "engine/geometry.hpp"

#include <algorithm>

#include "engine/window.hpp"

namespace dualwave {
namespace {

Index round_up(Index value, Index multiple) { return (value + multiple - 1) / multiple * multiple; }

// Rows whose length is a multiple of 4 KiB map to the same cache sets and to aliasing store addresses.
Index row_stride(Index cells) {
  const Index stride = round_up(cells, kAlign);
  return stride % 256 == 0 ? stride + kAlign : stride;
}

// Of arrays that lie one behind the other the same cell shall not be at the same place of a page: caches map
// those to the same sets, and a load waits for a store to its place in another page. Nine pairs of lines
// apart: an odd number, so that 32 arrays differ, and pairs of lines are what a GPU moves.
Index array_size(Index cells) {
  constexpr Index kPage = 1024, kApart = 9 * 32;
  return round_up(cells - kApart, kPage) + kApart;
}

// Of an axis, `reach` cells beyond the PML; along x whole vectors: a remainder of a few cells takes longer.
EndCells ends_of(const Geometry& g, int axis, Index reach) {
  const Index n = g.n[axis], unit = axis == 2 ? kLanes : 1;
  Index cells[2];
  for (int side = 0; side < 2; ++side)
    cells[side] = g.pml[axis][side] > 0 ? std::min(g.pml[axis][side] + reach, n) : 0;
  const EndCells ends{std::min(round_up(cells[0], unit), n), n - (n - cells[1]) / unit * unit};
  if (cells[1] == 0) return {ends.low, 0};
  // Where the two meet they are one, over the whole axis.
  return ends.low + ends.high > n ? EndCells{n, 0} : ends;
}

Slab make_slab(const Geometry& g, int axis, int reach) {
  Slab slab{ends_of(g, axis, reach), ends_of(g, axis, g.halo)};
  if (slab.low + slab.high == 0) return slab;
  Index extent[3] = {g.n[0], g.n[1], g.n[2]};
  extent[axis] = slab.low + slab.high + (axis == 2 ? 2 : 3) * g.pad(axis);
  if (axis == 2) extent[axis] += g.row_cells() - g.n[axis];
  slab.stride[2] = 1;
  slab.stride[1] = axis == 2 ? round_up(extent[2], kAlign) : row_stride(g.row_cells());
  slab.stride[0] = slab.stride[1] * extent[1];
  slab.size = array_size(slab.stride[0] * extent[0] + kLanes);
  return slab;
}

}  // namespace

Geometry make_geometry(int dim, int halo, int slab_reach, const Index n[3], const int pml[3][2],
                       const Face face[3][2]) {
  Geometry g;
  g.dim = dim;
  g.halo = halo;
  for (int axis = 0; axis < 3; ++axis) {
    g.n[axis] = n[axis];
    for (int side = 0; side < 2; ++side) {
      g.pml[axis][side] = pml[axis][side];
      g.face[axis][side] = face[axis][side];
    }
  }
  const Index pad[2] = {dim > 2 ? halo : 0, dim > 1 ? halo : 0};
  g.stride[2] = 1;
  // The halo after a row and that before the next. Images are no zeros: whole vectors must not reach them.
  g.stride[1] = row_stride(g.mirrored(2) ? kAlign + g.row_cells() : n[2] + 2 * halo);
  g.stride[0] = g.stride[1] * (n[1] + 2 * pad[1]);
  g.origin = pad[0] * g.stride[0] + pad[1] * g.stride[1] + kAlign;
  g.grid = array_size(g.stride[0] * (n[0] + 2 * pad[0]) + 2 * kAlign);
  for (int axis = 3 - dim; axis < 3; ++axis) g.slab[axis] = make_slab(g, axis, slab_reach);
  return g;
}

Window make_window(const Geometry& g, const Index first[3], const Index last[3]) {
  Window w;
  for (int axis = 0; axis < 3; ++axis) {
    w.first[axis] = axis == 2 ? first[2] / kAlign * kAlign : first[axis];
    w.last[axis] = axis == 2 ? round_up(last[2], kAlign) : last[axis];
  }
  w.x_first = first[2];
  w.x_last = last[2];
  w.cells = std::min(w.last[2], g.n[2]) - w.first[2];
  w.stride = row_stride(w.last[2] - w.first[2]);
  w.size = w.rows() * w.stride;
  return w;
}

}  // namespace dualwave
