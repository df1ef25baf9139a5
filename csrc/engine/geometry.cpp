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

Slab make_slab(const Geometry& g, int axis) {
  Slab slab;
  const auto cells = [&](int side) {
    return g.pml[axis][side] > 0 ? std::min<Index>(g.pml[axis][side] + 2 * g.halo, g.n[axis]) : 0;
  };
  slab.low = cells(0);
  slab.high = cells(1);
  if (axis == 2) {  // whole vectors: a remainder of a few cells takes longer than they do
    slab.low = std::min(round_up(slab.low, kAlign), g.n[axis]);
    if (slab.high > 0) slab.high = g.n[axis] - (g.n[axis] - slab.high) / kAlign * kAlign;
  }
  if (slab.low + slab.high > g.n[axis]) {  // the two ends meet: one slab over the whole axis
    slab.low = g.n[axis];
    slab.high = 0;
  }
  if (slab.low + slab.high == 0) return slab;
  Index extent[3] = {g.n[0], g.n[1], g.n[2]};
  extent[axis] = slab.low + slab.high + 3 * g.pad(axis);
  if (axis == 2) extent[axis] += g.row_cells() - g.n[axis];
  slab.stride[2] = 1;
  slab.stride[1] = axis == 2 ? round_up(extent[2], kAlign) : g.stride[1];
  slab.stride[0] = slab.stride[1] * extent[1];
  slab.origin = axis == 2 ? 0 : kAlign;
  slab.size = round_up(slab.stride[0] * extent[0], kAlign);
  return slab;
}

}  // namespace

Geometry make_geometry(int dim, int halo, const Index n[3], const int pml[3][2], const Face face[3][2]) {
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
  g.stride[1] = row_stride(kAlign + n[2] + halo);
  g.stride[0] = g.stride[1] * (n[1] + 2 * pad[1]);
  g.origin = pad[0] * g.stride[0] + pad[1] * g.stride[1] + kAlign;
  g.grid = round_up(g.stride[0] * (n[0] + 2 * pad[0]) + kAlign, kAlign);
  for (int axis = 3 - dim; axis < 3; ++axis) g.slab[axis] = make_slab(g, axis);
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
