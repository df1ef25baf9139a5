// The CPU's operations: a stage over a block of rows.
#pragma once
#include "kernels/adjoint_stage.hpp"
#include "kernels/forward_stage.hpp"
#include "kernels/operations.hpp"
#include "kernels/streaming.hpp"

namespace dualwave::DW_TARGET {

template <int order, class T>
struct Rows {
  static constexpr bool scales = true;

  template <class Traits, int levels, bool save>
  static void forward(const Layout<T>& layout, const View<T>& view, Index begin, Index end) {
    using Plain = ForwardStage<Traits, order, T, levels, false>;
    for_tiles(layout, begin, end, [&](Index first, Index last) {
      if constexpr (save) {
        const Span kept = in_window(layout, first, last);
        apply<Plain, Traits>(layout, view, first, kept.first);
        if (kept.first < kept.last) keep_rows<Traits, levels>(layout, view, kept.first, kept.last);
        apply<Plain, Traits>(layout, view, kept.last, last);
      } else {
        apply<Plain, Traits>(layout, view, first, last);
      }
    });
  }
  // The stage alone, where the PML has no part in it.
  template <class Traits, int levels>
  static void retreat(const Layout<T>& layout, const View<T>& view, Index begin, Index end) {
    using Saving = ForwardStage<Traits, order, T, levels, true>;
    using Plain = ForwardStage<Traits, order, T, levels, false>;
    const Box& box = layout.interior;
    if (box.empty()) return;
    const Geometry& g = layout.geometry;
    const Index last_cell = box.last[2] == g.n[2] ? g.row_cells() : box.last[2];
    for_tiles(layout, begin, end, [&](Index first, Index last) {
      const Span inside = shared(layout, box.first, box.last, first, last);
      const Span kept =
          view.history[0] ? in_window(layout, inside.first, inside.last) : Span{inside.last, inside.last};
      const auto apply_to = [&](auto stage, Index from, Index to) {
        if (from < to) decltype(stage)::apply(Row<T>(layout, view, from), to - from, box.first[2], last_cell);
      };
      apply_to(Plain{}, inside.first, kept.first);
      apply_to(Saving{}, kept.first, kept.last);
      apply_to(Plain{}, kept.last, inside.last);
    });
  }
  template <class Traits, int levels, bool scaled = false>
  static void multiply(const Layout<T>& layout, const View<T>& view, Index begin, Index end) {
    using Adding = AdjointMultiply<Traits, T, levels, scaled, true>;
    using Plain = AdjointMultiply<Traits, T, levels, scaled, false>;
    for_tiles(layout, begin, end, [&](Index first, Index last) {
      const Span kept = view.gradient[0] ? in_window(layout, first, last) : Span{last, last};
      apply<Plain, Traits>(layout, view, first, kept.first);
      apply<Adding, Traits>(layout, view, kept.first, kept.last);
      apply<Plain, Traits>(layout, view, kept.last, last);
    });
  }
  template <class Traits, int levels, bool scaled = false>
  static void gather(const Layout<T>& layout, const View<T>& view, Index begin, Index end) {
    for_tiles(layout, begin, end, [&](Index first, Index last) {
      apply<AdjointGather<Traits, order, T, levels, scaled>, Traits>(layout, view, first, last);
    });
  }

 private:
  // Rows [begin, end) of z * ny + y, some of one plane at a time, as columns of tiles: the planes that a
  // stencil along z reads of a tile then stay in the core's own cache from one plane to the next, as they
  // would not of a whole plane.
  template <class F>
  static void for_tiles(const Layout<T>& layout, Index begin, Index end, F&& f) {
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
          f(r, r + kRowsAtATime < last ? r + kRowsAtATime : last);
      }
  }

  // Those of the rows [first, last) of one plane that a box from `from` to `to` has.
  template <class Cells>
  static Span shared(const Layout<T>& layout, const Cells& from, const Cells& to, Index first, Index last) {
    const Index ny = layout.geometry.n[1], z = first / ny;
    const Span both = Span{z * ny + from[1], z * ny + to[1]} & Span{first, last};
    return z < from[0] || z >= to[0] || both.first >= both.last ? Span{last, last} : both;
  }

  static Span in_window(const Layout<T>& layout, Index first, Index last) {
    return shared(layout, layout.window.first, layout.window.last, first, last);
  }

  // Rows [first, last) of one plane, with what they keep formed in the staging block, if there is one.
  template <class Traits, int levels>
  static void keep_rows(const Layout<T>& layout, const View<T>& view, Index first, Index last) {
    using Stage = ForwardStage<Traits, order, T, levels, true>;
    if (!view.staging) return apply<Stage, Traits>(layout, view, first, last);
    const Index z = first / layout.geometry.n[1], y = first % layout.geometry.n[1];
    Layout<T> staged_layout = layout;
    Window& window = staged_layout.window;  // of these rows alone
    window.first[0] = z, window.last[0] = z + 1;
    window.first[1] = y, window.last[1] = y + last - first;
    window.size = staged_quantity(window);
    View<T> staged = view;
    for (int l = 0; l < levels; ++l) staged.history[l] = view.staging + l * Traits::histories * window.size;
    apply<Stage, Traits>(staged_layout, staged, first, last);
    for (int l = 0; l < levels; ++l)
      for (int h = 0; h < Traits::histories; ++h)
        for (Index r = first; r < last; ++r)
          stream(Row<T>(layout, view, r).in_window(view.history[l], h) + window.first[2],
                 Row<T>(staged_layout, staged, r).in_window(staged.history[l], h) + window.first[2],
                 window.last[2] - window.first[2]);
    finish_streams();
  }

  static constexpr Index kTileBytes = 512 * 1024;  // half of a core's L2 cache, as cores are now
  static constexpr Index kArraysAtATime = 3;       // a field and the PML memory along z and y
  static constexpr Index kLeastTile = 8;

  // Rows [first, last) of one plane. What starts a loop is done once for all of them, where it may.
  template <class Stage, class Traits>
  static void apply(const Layout<T>& layout, const View<T>& view, Index first, Index last) {
    if (first == last) return;
    using Shared = Interpreted<order, T, kChunk>;
    constexpr const StageTable& table = stage_table<Traits>;
    Stage::apply(Row<T>(layout, view, first), last - first, 0, layout.geometry.row_cells());
    // The order is that of the loops over rows of one level: bits depend on it.
    const auto absorb = [&](auto axes) {
      if constexpr (axes != 0)
        for (Index r = first; r < last; ++r) {
          const Row<T> row(layout, view, r);
          for_absorbing(row, axes, [&](Index from, Index to) {
            Stage::template absorb<Shared>(row, from, to, axes, table);
          });
        }
    };
    constexpr int rest = kAllAxes & ~Stage::in_rows & (kAllAxes << (3 - Traits::dim));
    absorb(Int<rest & ~Stage::afterwards>{});
    absorb(Int<rest & Stage::afterwards>{});
  }
};

template <class Equation, int dim, int order, class T>
const Kernels<T>& kernels() {
  return operations<Equation, dim, Rows<order, T>, RowKernel<T>>();
}

}  // namespace dualwave::DW_TARGET
