// The CPU's operations: a stage over a block of rows.
#pragma once
#include "kernels/operations.hpp"

namespace dualwave::DW_TARGET {

struct Rows {
  template <class T>
  using Function = RowKernel<T>;
  static constexpr int kCells = kChunk;

  // Rows [begin, end) of z * ny + y, as columns of tiles: the planes that a stencil along z reads of a tile
  // then stay in the core's own cache from one plane to the next, as they would not of a whole plane.
  template <class Stage, class Traits, class Interpreted, class T>
  static void run(const Layout<T>& layout, const View<T>& view, Index begin, Index end) {
    const Geometry& g = layout.geometry;
    const Index ny = g.n[1];
    const Index planes = kArraysAtATime * (2 * g.halo + 1);
    const Index fitting = kTileBytes / (planes * g.stride[1] * static_cast<Index>(sizeof(T)));
    const Index tile = g.n[0] == 1 ? ny : fitting < kLeastTile ? kLeastTile : fitting;
    for (Index y = 0; y < ny; y += tile)
      for (Index z = begin / ny; z * ny < end; ++z) {
        const Index first = z * ny + y, last = z * ny + (y + tile < ny ? y + tile : ny);
        for (Index r = first > begin ? first : begin; r < (last < end ? last : end); ++r)
          apply<Stage, Traits, Interpreted>(Row<T>(layout, view, r));
      }
  }

 private:
  static constexpr Index kTileBytes = 512 * 1024;  // half of a core's L2 cache, as cores are now
  static constexpr Index kArraysAtATime = 3;       // a field and the PML memory along z and y
  static constexpr Index kLeastTile = 8;

  template <class Stage, class Traits, class Interpreted, class T>
  static void apply(const Row<T>& row) {
    static constexpr StageTable table = make_stage_table<Traits>();
    Stage::template apply<Interpreted>(row, 0, row.layout.geometry.row_cells(), table);
    constexpr bool with_ends = Stage::absorbs_ends();
    if constexpr (with_ends) {
      Stage::absorb_ends(row);
      if (!row.in_outer_slab()) return;
    }
    for_absorbing(row, [&](Index first, Index last) {
      Stage::template absorb<Interpreted, with_ends>(row, first, last, table);
    });
  }
};

template <class Equation, int dim, int order, class T>
const Kernels<T>& kernels() {
  return operations<Equation, dim, order, T, Rows>();
}

}  // namespace dualwave::DW_TARGET
