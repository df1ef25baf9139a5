// The cells whose share in the gradient of the coefficients is wanted, a box of the grid, and how their
// quantities and gradients lie in memory: without a halo, for no stencil reads them.
#pragma once
#include "engine/geometry.hpp"

namespace dualwave {

struct Window {
  Index first[3] = {0, 0, 0}, last[3] = {0, 0, 0};  // z, y, x; along x whole vectors, see Geometry::row_cells
  Index x_first = 0, x_last = 0;                    // the cells along x that are wanted
  Index cells = 0;                                  // of a row, without those that fill the last vector
  Index stride = 0;                                 // from one row to the next
  Index size = 0;                                   // elements of one quantity

  DW_EITHER Index rows() const { return (last[0] - first[0]) * (last[1] - first[1]); }
  DW_EITHER bool has_row(Index z, Index y) const {
    return z >= first[0] && z < last[0] && y >= first[1] && y < last[1];
  }
  DW_EITHER bool wants(Index z, Index y, Index x) const {
    return has_row(z, y) && x >= x_first && x < x_last;
  }
  DW_EITHER bool has(Index z, Index y, Index x) const {
    return has_row(z, y) && x >= first[2] && x < last[2];
  }
  // Of cell 0 of the grid's row (z, y), which need not be in the window.
  DW_EITHER Index offset(Index z, Index y) const {
    return ((z - first[0]) * (last[1] - first[1]) + y - first[1]) * stride - first[2];
  }
};

Window make_window(const Geometry& g, const Index first[3], const Index last[3]);

}  // namespace dualwave
