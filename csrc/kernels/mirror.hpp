// Images at faces that are free or rigid: the halo beyond such a face holds the grid's mirror image, so that
// no stencil asks where it is. The transpose of a difference with images is the transposed difference with
// images of the cotangents, by the same rules for the nodes that those are at.
#pragma once
#include "engine/geometry.hpp"
#include "table/table.hpp"

#if defined(__CUDACC__)
#  define DW_MIRROR __host__ __device__ inline
#else
#  define DW_MIRROR inline
#endif

namespace dualwave {

// Where the nodes of an array lie along an axis, and where its images are taken.
//   regular: whole nodes of a second derivative; a free face is the node beyond the last, a rigid one half a
//   cell beyond it. whole, half: nodes of staggered differences; a free face is the last whole node, a rigid
//   one half a cell beyond it.
enum class Nodes { regular, whole, half };

constexpr Nodes nodes_read(Op op) {
  return op == Op::second ? Nodes::regular : op == Op::forward ? Nodes::whole : Nodes::half;
}
constexpr Nodes nodes_written(Op op) {
  return op == Op::second ? Nodes::regular : op == Op::forward ? Nodes::half : Nodes::whole;
}

// Fills the halo of one line: f points to cell 0, n cells a stride apart.
template <class T>
DW_MIRROR void mirror_low(T* f, Index stride, Index halo, Face face, Nodes nodes) {
  const bool even = (face == Face::rigid) != (nodes == Nodes::half);
  // The image of cell -1 - k is cell k + shift; with shift -1 cell -1 is on the surface itself.
  const Index shift = face == Face::rigid ? (nodes == Nodes::half ? -1 : 0)
                                          : (nodes == Nodes::regular ? -1
                                             : nodes == Nodes::whole ? 1
                                                                     : 0);
  for (Index k = 0; k < halo; ++k) {
    const Index from = k + shift;
    f[(-1 - k) * stride] = from < 0 ? T(0) : even ? f[from * stride] : -f[from * stride];
  }
}

// The half node stored with the last cell lies beyond it, and is part of the halo here.
template <class T>
DW_MIRROR void mirror_high(T* f, Index n, Index stride, Index halo, Face face, Nodes nodes) {
  const bool half = nodes == Nodes::half, even = (face == Face::rigid) != half;
  const Index first = half ? n - 1 : n;
  const Index shift = face == Face::rigid ? (half ? -1 : 0)
                                          : (nodes == Nodes::regular ? -1
                                             : nodes == Nodes::whole ? 1
                                                                     : 0);
  for (Index k = 0; k < halo; ++k) {
    const Index from = k + shift;  // counted back from the last node before `first`
    f[(first + k) * stride] = from < 0 ? T(0)
                              : even   ? f[(first - 1 - from) * stride]
                                       : -f[(first - 1 - from) * stride];
  }
}

// Line number `line` of those along `axis` through a grid: both of its ends.
template <class T>
DW_MIRROR void mirror_line(T* grid, const Geometry& g, int axis, Nodes nodes, Index line) {
  const int slow = axis == 0 ? 1 : 0, fast = axis == 2 ? 1 : 2;
  T* f = grid + g.origin + line / g.n[fast] * g.stride[slow] + line % g.n[fast] * g.stride[fast];
  if (g.face[axis][0] != Face::open) mirror_low(f, g.stride[axis], g.halo, g.face[axis][0], nodes);
  if (g.face[axis][1] != Face::open)
    mirror_high(f, g.n[axis], g.stride[axis], g.halo, g.face[axis][1], nodes);
}

}  // namespace dualwave
