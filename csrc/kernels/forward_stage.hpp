// A stage of the time step over a stretch of a row, on 1, 2 or 4 levels: forward, tangent and second_tangent.
// With `save` quantities are kept too, in the window, which then has the rows.
#pragma once
#include "kernels/interpreted.hpp"
#include "kernels/row_layer.hpp"

namespace dualwave::DW_TARGET {

template <class Traits, int order, class T, int levels, bool save>
struct ForwardStage {
  // Of more levels the interpreter adds all of the PML, and else what acts along z: in the loop over a row it
  // would read ten planes side by side, more than the processor foresees. It adds to the new values in the
  // same order, so that those of `tangent` are those of `forward`.
  static constexpr bool with_layer = levels == 1;
  static constexpr int rest = with_layer ? kAlongZ : kAlongX | kAlongY | kAlongZ;

  // The stage over cells [first, last) of `rows` rows, one beside the other along y, but for the PML along
  // the axes of `rest`.
  template <class Interpreted>
  static void apply(const Row<T>& row, Index rows, Index first, Index last, const StageTable&) {
    for_runs<with_layer, Traits::dim>(row, rows, row.layout.geometry.slab[1].ahead,
                                      [&](const Row<T>& from, Index count, auto axes)
                                          DW_FLAT { update_rows<axes>(from, count, first, last); });
  }

  template <class Interpreted>
  static void absorb(const Row<T>& row, Index first, Index last, int axes, const StageTable& table) {
    Interpreted::forward(row, first, last, table, {levels, axes, save});
  }

 private:
  using Axes = Stencils<Traits::dim, order, T>;
  using Grids = RowGrids<levels, Traits::fields, Traits::coefficients, save ? Traits::histories : 0, T, save>;

  friend struct ForwardStage<Traits, order, T, levels, !save>;

  template <int axes>
  static void update_rows(const Row<T>& row, Index rows, Index first, Index last) {
    using Plain = ForwardStage<Traits, order, T, levels, false>;
    by_window<save, Plain, ForwardStage>(row, first, last, [&](auto stage, Index from, Index to) DW_FLAT {
      unroll<Traits::parts>(
          [&](auto part) DW_FLAT { decltype(stage)::template update<part, axes>(row, rows, from, to); });
    });
  }

  template <int part, int axes>
  static void update(const Row<T>& row, Index rows, Index first, Index last) {
    const Axes stencils(row.layout);
    Grids at(row, row.view.state, row.view.history);
    for_cells<Traits, order, with_layer, axes>(
        RowCells<T>{row, rows, {first, last}, row.layout.geometry.slab[2].ahead, row.view.state[0]}, stencils,
        [&](Index x, const auto& layer) DW_FLAT { update_cell<part>(at, stencils, x, layer); },
        [&]() DW_FLAT { at.advance(row); });
  }

  template <int part, class Layer>
  static DW_INLINE void update_cell(const Grids& at, const Axes& stencils, Index x, const Layer& layer) {
    T g[levels][Traits::quantities];
    unroll<levels>([&](auto level) DW_FLAT {
      unroll<Traits::quantities>([&](auto q) DW_FLAT {
        if constexpr (Traits::part_of_quantity(q) == part)
          g[level][q] = quantity<Traits, order, level, q>(at, stencils, x, NoLayer{});
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
    if constexpr (Layer::acts) add_layer<part>(at, x, layer, g[0], values[0]);
    if constexpr (save)
      unroll<levels>([&](auto level) DW_FLAT {
        unroll<Traits::quantities>([&](auto q) DW_FLAT {
          if constexpr (Traits::part_of_quantity(q) == part && Traits::in_history(q))
            at.block[level][Traits::history_slot(q)][x] = g[level][q];
        });
      });
    unroll<levels>([&](auto level) DW_FLAT {
      unroll<Traits::fields>([&](auto f) DW_FLAT {
        if constexpr (Traits::part_of_target(f) == part) at.field[level][f][x] = values[level][f];
      });
    });
  }

  // What the PML adds to the quantities and to the new values.
  template <int part, class Layer>
  static DW_INLINE void add_layer(const Grids& at, Index x, const Layer& layer, T (&g)[Traits::quantities],
                                  T (&values)[Traits::fields]) {
    unroll<Traits::pieces>([&](auto p) DW_FLAT {
      constexpr Piece piece = Traits::piece(p);
      if constexpr (Layer::template acts_on<p> && Traits::part_of_quantity(piece.quantity) == part) {
        const T added = static_cast<T>(piece.scale) * layer.template forward<p>(at.field[0][piece.field] + x);
        g[piece.quantity] += added;
        unroll<Traits::terms>([&](auto t) DW_FLAT {
          constexpr Term term = Traits::term(t);
          constexpr T scale = static_cast<T>(term.scale);
          if constexpr (term.quantity == piece.quantity) {
            T factor = scale;
            if constexpr (term.coefficient != kOne) factor = scale * at.coefficient[0][term.coefficient][x];
            values[term.target] = madd(factor, added, values[term.target]);
          }
        });
      }
    });
  }
};

}  // namespace dualwave::DW_TARGET
