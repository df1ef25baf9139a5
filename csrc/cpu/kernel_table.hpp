// The CPU's operations: a stage over a block of rows.
#pragma once
#include "kernels/adjoint_stage.hpp"
#include "kernels/forward_stage.hpp"
#include "kernels/operations.hpp"

namespace dualwave::DW_TARGET {

template <int order, class T>
struct Rows {
  template <class Traits, int levels, bool save>
  static void forward(const Layout<T>& layout, const View<T>& view, Index begin, Index end) {
    run<ForwardStage<Traits, order, T, levels, save>, Traits>(layout, view, begin, end);
  }
  template <class Traits, int levels>
  static void multiply(const Layout<T>& layout, const View<T>& view, Index begin, Index end) {
    run<AdjointMultiply<Traits, T, levels>, Traits>(layout, view, begin, end);
  }
  template <class Traits, int levels>
  static void gather(const Layout<T>& layout, const View<T>& view, Index begin, Index end) {
    run<AdjointGather<Traits, order, T, levels>, Traits>(layout, view, begin, end);
  }

 private:
  // Rows [begin, end) of z * ny + y, as columns of tiles: the planes that a stencil along z reads of a tile
  // then stay in the core's own cache from one plane to the next, as they would not of a whole plane.
  template <class Stage, class Traits>
  static void run(const Layout<T>& layout, const View<T>& view, Index begin, Index end) {
    const Geometry& g = layout.geometry;
    const Index ny = g.n[1];
    const Index planes = kArraysAtATime * (2 * g.halo + 1);
    const Index fitting = kTileBytes / (planes * g.stride[1] * static_cast<Index>(sizeof(T)));
    const Index tile = g.n[0] == 1 ? ny : fitting < kLeastTile ? kLeastTile : fitting;
    for (Index y = 0; y < ny; y += tile)
      for (Index z = begin / ny; z * ny < end; ++z) {
        const Index from = z * ny + y, to = z * ny + (y + tile < ny ? y + tile : ny);
        const Index first = from > begin ? from : begin, last = to < end ? to : end;
        for (Index r = first; r < last; r += kRowsAtATime)
          apply<Stage, Traits>(layout, view, r, r + kRowsAtATime < last ? r + kRowsAtATime : last);
      }
  }

  static constexpr Index kTileBytes = 512 * 1024;  // half of a core's L2 cache, as cores are now
  static constexpr Index kArraysAtATime = 3;       // a field and the PML memory along z and y
  static constexpr Index kLeastTile = 8;
  static constexpr Index kRowsAtATime = 8;  // few enough to be in the cache when the PML's turn comes

  // Rows [first, last) of one plane. What starts a loop is done once for all of them, where it may.
  template <class Stage, class Traits>
  static void apply(const Layout<T>& layout, const View<T>& view, Index first, Index last) {
    using Shared = Interpreted<order, T, kChunk>;
    constexpr const StageTable& table = stage_table<Traits>;
    constexpr bool with_ends = Stage::absorbs_ends();
    Stage::template apply<Shared>(Row<T>(layout, view, first), last - first, 0, layout.geometry.row_cells(),
                                  table);
    for (Index r = first; r < last; ++r) {
      const Row<T> row(layout, view, r);
      if (with_ends && !row.in_outer_slab()) continue;
      for_absorbing(row, [&](Index from, Index to) {
        Stage::template absorb<Shared, with_ends ? Along::outer : Along::all>(row, from, to, table);
      });
    }
    if constexpr (with_ends)
      Stage::template absorb_ends<Shared>(Row<T>(layout, view, first), last - first, table);
  }
};

template <class Equation, int dim, int order, class T>
const Kernels<T>& kernels() {
  return operations<Equation, dim, Rows<order, T>, RowKernel<T>>();
}

}  // namespace dualwave::DW_TARGET
