// Where everything lies in memory: haloed grids, PML slabs, and the state block of one shot.
//
// A grid holds n cells with a halo of zeros (a Dirichlet edge beyond the PML), so that no stencil asks where
// it is. PML memory exists only in slabs at the two ends of an axis. A step takes a derivative of the memory,
// and its transpose one of what the profiles multiply: they reach half a stencil beyond the PML. Of a second
// derivative a profile is a derivative itself, and what gathers its transpose reaches as far again.
#pragma once
#include <cstdint>

#if defined(__CUDACC__)
#  define DW_EITHER __host__ __device__
#else
#  define DW_EITHER
#endif

namespace dualwave {

using Index = std::int64_t;

constexpr Index kAlign = 16;  // elements; cell 0 of each row starts a vector
constexpr Index kLanes = 8;   // elements; the ends of rows that the PML reaches are whole vectors of these

// What lies beyond an end of an axis: fields of zero (with or without a PML before them), or the image of the
// grid in a surface where the pressure is zero, or where nothing moves across it.
enum class Face : int { open, free, rigid };
constexpr int kFaces = 3;

// Cells at the two ends of an axis.
struct EndCells {
  Index low = 0, high = 0;
};

struct Slab : EndCells {
  EndCells ahead;  // those that a step ahead, and the first pass of its transpose, reaches
  Index stride[3] = {0, 0, 0};
  Index size = 0;  // elements of one slab array
};

struct Geometry {
  int dim = 0;
  int halo = 0;
  Index n[3] = {1, 1, 1};  // z, y, x; axes that the equation lacks have one cell
  Index stride[3] = {0, 0, 0};
  Index origin = 0;  // offset of cell (0, 0, 0) in a grid
  Index grid = 0;    // elements of one haloed grid
  int pml[3][2] = {{0, 0}, {0, 0}, {0, 0}};
  Face face[3][2] = {};
  Slab slab[3];

  DW_EITHER Index cells() const { return n[0] * n[1] * n[2]; }
  DW_EITHER Index rows() const { return n[0] * n[1]; }
  // Cells of a row in whole vectors, which the loops of the CPU run over: those after the last have
  // coefficients of zero, and so stay the zeros that lie between two rows.
  DW_EITHER Index row_cells() const { return (n[2] + kAlign - 1) / kAlign * kAlign; }
  DW_EITHER bool in_slab(int axis, Index i) const { return in_ends(axis, i, slab[axis]); }
  DW_EITHER bool in_ends(int axis, Index i, const EndCells& ends) const {
    return i < ends.low || i >= n[axis] - ends.high;
  }
  DW_EITHER bool mirrored(int axis) const {
    return face[axis][0] != Face::open || face[axis][1] != Face::open;
  }
  // Cells of zeros before, between and after the slabs of an axis: as a stencil needs; along x a vector, and
  // those after a row are those before the next.
  DW_EITHER Index pad(int axis) const { return axis == 2 ? kLanes : halo; }
  // Position along `axis` of cell i in that axis' slab arrays.
  DW_EITHER Index slab_index(int axis, Index i) const {
    const Slab& s = slab[axis];
    return i < s.low ? pad(axis) + i : 2 * pad(axis) + s.low + i - (n[axis] - s.high);
  }
};

// slab_reach: cells of a slab beyond the PML.
Geometry make_geometry(int dim, int halo, int slab_reach, const Index n[3], const int pml[3][2],
                       const Face face[3][2]);

}  // namespace dualwave
