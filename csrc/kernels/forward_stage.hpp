// A stage of the time step over a stretch of a row, on 1, 2 or 4 levels: forward, tangent and second_tangent.
// With `save` quantities are kept too, in the window, which then has the rows.
#pragma once
#include "kernels/interpreted.hpp"
#include "kernels/row_loops.hpp"

namespace dualwave::DW_TARGET {

template <class Traits, int order, class T, int levels, bool save>
struct ForwardStage {
  // Of one level; of more the interpreter adds the PML (kernels/interpreted.hpp). It adds to the new values
  // in the same order, what acts along the axes of `afterwards` after all else, so that those of `tangent`
  // are those of `forward`.
  static constexpr int afterwards = added_afterwards<Traits>(2, order);  // the field and psi
  static constexpr int in_rows = levels == 1 ? kAllAxes & ~afterwards : 0;

  // The stage over cells [first, last) of `rows` rows, one beside the other along y, but for the PML along
  // axes that are not `in_rows`.
  static void apply(const Row<T>& row, Index rows, Index first, Index last) {
    for_runs<in_rows, true, Traits::dim>(row, rows, [&](const Row<T>& from, Index count, auto axes) DW_FLAT {
      update_rows<axes>(from, count, first, last);
    });
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
    for_cells<Traits, order, in_rows != 0, axes>(
        RowCells<T>{row, rows, {first, last}, row.layout.geometry.slab[2].ahead, row.view.state[0]}, stencils,
        [&](auto n, Index x, const auto& layer)
            DW_FLAT { update_cells<part>(lanes_of<n>(at, x), stencils, layer); },
        [&]() DW_FLAT { at.advance(row); });
  }

  template <int part, class Cells, class Layer>
  static DW_INLINE void update_cells(const Cells& at, const Axes& stencils, const Layer& layer) {
    using Value = typename Cells::Value;
    Value g[levels][Traits::quantities];
    unroll<levels>([&](auto level) DW_FLAT {
      unroll<Traits::quantities>([&](auto q) DW_FLAT {
        if constexpr (Traits::part_of_quantity(q) == part)
          g[level][q] = quantity<Traits, order, level, q>(at, stencils, 0, NoLayer{});
      });
    });
    // All new values are formed before any is stored: a term may read what another one writes.
    Value values[levels][Traits::fields];
    unroll<levels>([&](auto level) DW_FLAT {
      unroll<Traits::fields>([&](auto f) DW_FLAT {
        if constexpr (Traits::part_of_target(f) == part)
          values[level][f] = updated<Traits, T, level, f>(at, g, 0);
      });
    });
    if constexpr (Layer::acts) add_layer<part>(at, layer, g[0], values[0]);
    if constexpr (save)
      unroll<levels>([&](auto level) DW_FLAT {
        unroll<Traits::quantities>([&](auto q) DW_FLAT {
          if constexpr (Traits::part_of_quantity(q) == part && Traits::in_history(q))
            put(at.block[level][Traits::history_slot(q)], g[level][q]);
        });
      });
    unroll<levels>([&](auto level) DW_FLAT {
      unroll<Traits::fields>([&](auto f) DW_FLAT {
        if constexpr (Traits::part_of_target(f) == part) put(at.field[level][f], values[level][f]);
      });
    });
  }

  // What the PML adds to the quantities and to the new values.
  template <int part, class Cells, class Layer, class Value>
  static DW_INLINE void add_layer(const Cells& at, const Layer& layer, Value (&g)[Traits::quantities],
                                  Value (&values)[Traits::fields]) {
    PmlStep<Value> steps[Traits::pieces];
    unroll<Traits::pieces>([&](auto p) DW_FLAT {
      constexpr Piece piece = Traits::piece(p);
      if constexpr (Layer::template acts_on<p> && Traits::part_of_quantity(piece.quantity) == part) {
        steps[p] = layer.template forward<p>(at.field[0][piece.field]);
        const Value added = static_cast<T>(piece.scale) * steps[p].added;
        g[piece.quantity] = g[piece.quantity] + added;
        unroll<Traits::terms>([&](auto t) DW_FLAT {
          constexpr Term term = Traits::term(t);
          constexpr T scale = static_cast<T>(term.scale);
          if constexpr (term.quantity == piece.quantity) {
            if constexpr (term.coefficient == kOne)
              values[term.target] = madd(scale, added, values[term.target]);
            else
              values[term.target] =
                  madd(scale * at.coefficient[0][term.coefficient][0], added, values[term.target]);
          }
        });
      }
    });
    unroll<Traits::pieces>([&](auto p) DW_FLAT {
      constexpr Piece piece = Traits::piece(p);
      if constexpr (Layer::template acts_on<p> && Traits::part_of_quantity(piece.quantity) == part)
        layer.template keep<p>(steps[p]);
    });
  }
};

}  // namespace dualwave::DW_TARGET
