// A stage of the time step over a stretch of a row, on 1, 2 or 4 levels: forward, tangent and second_tangent.
// With `save` quantities are kept too, in the window, which then has the rows.
#pragma once
#include "kernels/interpreted.hpp"
#include "kernels/row_layer.hpp"

namespace dualwave::DW_TARGET {

template <class Traits, int order, class T, int levels, bool save>
struct ForwardStage {
  // Of more levels the interpreter adds all of the PML, and else what acts along z: in the loop over a row it
  // would read ten planes side by side, more than the processor foresees.
  static constexpr bool with_layer = levels == 1;
  static constexpr int rest = with_layer ? kAlongZ : kAlongX | kAlongY | kAlongZ;

  // The stage over cells [first, last) of `rows` rows, one beside the other along y, but for the PML along the
  // axes of `rest`.
  template <class Interpreted>
  static void apply(const Row<T>& row, Index rows, Index first, Index last, const StageTable&) {
    for_runs(row, rows, [&](const Row<T>& from, Index count, auto axes) DW_FLAT {
      update_rows<axes>(from, count, first, last);
    });
  }

  template <class Interpreted>
  static void absorb(const Row<T>& row, Index first, Index last, const StageTable& table) {
    Interpreted::forward(row, first, last, table, {levels, rest, save});
  }

 private:
  using Axes = Stencils<Traits::dim, order, T>;
  using Grids = RowGrids<levels, Traits::fields, Traits::coefficients, save ? Traits::histories : 0, T, save>;
  template <int axes>
  using Layer = RowLayer<Traits, order, T, axes>;

  friend struct ForwardStage<Traits, order, T, levels, !save>;

  // f(first row, rows, axes) for the rows that the layer along y reaches, and for the others; axes is kAlongY or
  // 0, as a constant.
  template <class F>
  static DW_INLINE void for_runs(const Row<T>& row, Index rows, F&& f) {
    const Geometry& g = row.layout.geometry;
    const EndCells& ends = g.slab[1].ahead;
    const Index y = row.index[1];
    const auto run = [&](Index first, Index last, auto axes) DW_FLAT {
      const Span own = Span{first, last} & Span{y, y + rows};
      if (own.first < own.last)
        f(Row<T>(row.layout, row.view, row.index[0] * g.n[1] + own.first), own.last - own.first, axes);
    };
    if constexpr (Traits::dim > 1 && with_layer) {
      run(0, ends.low, Int<kAlongY>{});
      run(ends.low, g.n[1] - ends.high, Int<0>{});
      run(g.n[1] - ends.high, g.n[1], Int<kAlongY>{});
    } else {
      run(0, g.n[1], Int<0>{});
    }
  }

  template <int axes>
  static void update_rows(const Row<T>& row, Index rows, Index first, Index last) {
    using Plain = ForwardStage<Traits, order, T, levels, false>;
    const Span kept = save ? row.kept(first, last) : Span{first, first};
    if (first < kept.first) Plain::template update_all<axes>(row, rows, first, kept.first);
    if (kept.first < kept.last) update_all<axes>(row, rows, kept.first, kept.last);
    if (kept.last < last) Plain::template update_all<axes>(row, rows, kept.last, last);
  }

  template <int axes>
  static DW_INLINE void update_all(const Row<T>& row, Index rows, Index first, Index last) {
    unroll<Traits::parts>([&](auto part) DW_FLAT { update<part, axes>(row, rows, first, last); });
  }

  template <int part, int axes>
  static void update(const Row<T>& row, Index rows, Index first, Index last) {
    const Axes stencils(row.layout);
    Grids at(row, row.view.state, row.view.history);
    if constexpr (with_layer) {
      Span low{first, first}, high{last, last};
      for_ends(row, 2, row.layout.geometry.slab[2].ahead, first, last,
               [&](Index from, Index to) { (from == first ? low : high) = {from, to}; });
      Layer<axes | kAlongX> before(row, stencils, low.first), after(row, stencils, high.first);
      Layer<axes> between(row, stencils, low.last);
      for (Index r = 0; r < rows; ++r, at.advance(row)) {
        update_end<part>(at, stencils, low, before, rows);
#pragma GCC ivdep
        for (Index x = low.last; x < high.first; ++x) update_cell<part>(at, stencils, x, between(x));
        update_end<part>(at, stencils, high, after, rows);
        before.advance(), between.advance(), after.advance();
      }
    } else {
      for (Index r = 0; r < rows; ++r, at.advance(row))
#pragma GCC ivdep
        for (Index x = first; x < last; ++x) update_cell<part>(at, stencils, x, NoLayer{});
    }
  }

  template <int part, class Layer>
  static DW_INLINE void update_end(const Grids& at, const Axes& stencils, const Span& cells, const Layer& layer,
                                   Index rows) {
    for (Index first = cells.first; first < cells.last; first += kLanes) {
      layer.prefetch(first, rows);
#pragma GCC ivdep
      for (Index x = first; x < first + kLanes; ++x) update_cell<part>(at, stencils, x, layer(x));
    }
  }

  template <int part, class Layer>
  static DW_INLINE void update_cell(const Grids& at, const Axes& stencils, Index x, const Layer& layer) {
    T g[levels][Traits::quantities];
    unroll<levels>([&](auto level) DW_FLAT {
      unroll<Traits::quantities>([&](auto q) DW_FLAT {
        if constexpr (Traits::part_of_quantity(q) == part) {
          const T value = quantity<Traits, order, level, q>(at, stencils, x, layer);
          if constexpr (save && Traits::in_history(q)) at.block[level][Traits::history_slot(q)][x] = value;
          g[level][q] = value;
        }
      });
    });
    // All new values are formed before any is stored: a term may read what another one writes.
    T values[levels][Traits::fields];
    unroll<levels>([&](auto level) DW_FLAT {
      unroll<Traits::fields>([&](auto f) DW_FLAT {
        if constexpr (Traits::part_of_target(f) == part)
          values[level][f] = updated<Traits, T, level, f>(at, g, x);
      });
    });
    unroll<levels>([&](auto level) DW_FLAT {
      unroll<Traits::fields>([&](auto f) DW_FLAT {
        if constexpr (Traits::part_of_target(f) == part) at.field[level][f][x] = values[level][f];
      });
    });
  }
};

}  // namespace dualwave::DW_TARGET
