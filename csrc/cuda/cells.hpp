// A stage and its transpose on the device: one thread for `lanes` cells, the PML included where it reaches.
#pragma once
#include "cuda/layer.hpp"

namespace dualwave::DW_TARGET {

// Where a thread's cells are, and the grids that it uses, by level: as RowGrids, with its shot's and its
// row's offset in every pointer. The blocks are grids, or in the window.
template <class Traits, class T, int levels, int blocks, int lanes, bool windowed = false>
struct CellGrids {
  using Pointer = LanePointer<T, lanes>;
  using Value = typename Pointer::Value;
  Pointer field[levels][Traits::fields];
  LanePointer<const T, lanes> coefficient[levels][Traits::coefficients];
  Pointer block[levels][blocks > 0 ? blocks : 1];
  Index offset;  // of the cell in a grid

  DW_INLINE CellGrids(const BatchView<T>& batch, T* const (&of_fields)[kLevels],
                      T* const (&of_blocks)[kLevels], const Index (&block_stride)[kLevels], Index shot,
                      const int (&cell)[3]) {
    const Geometry& g = batch.layout.geometry;
    const Strides& strides = batch.strides;
    offset = g.origin + cell[0] * g.stride[0] + cell[1] * g.stride[1] + cell[2];
    unroll<levels>([&](auto l) {
      T* fields = of_fields[l] + shot * strides.state + offset;
      unroll<Traits::fields>([&](auto f) { field[l][f] = {fields + batch.view.slot[f] * g.grid}; });
      // A level without coefficients has one row of zeros for all.
      const Index step = batch.view.coefficient_step[l];
      const Index model = strides.model_index[l * strides.shots + shot] * strides.model;
      const T* coefficients = batch.view.coefficient[l] + (step ? model + offset : cell[2]);
      unroll<Traits::coefficients>([&](auto c) { coefficient[l][c] = {coefficients + step * (c * g.grid)}; });
      const Window& window = batch.layout.window;
      const Index in_block = windowed ? window.offset(cell[0], cell[1]) + cell[2] : offset;
      T* first = blocks > 0 ? of_blocks[l] + shot * block_stride[l] + in_block : nullptr;
      unroll<blocks>([&](auto b) { block[l][b] = {first + b * (windowed ? window.size : g.grid)}; });
    });
  }
};

template <class Traits, int order_, class T, int levels, bool save>
struct CellForward {
  static constexpr int order = order_;
  template <int lanes, bool layered>
  static DW_INLINE void apply(const BatchView<T>& batch, Index shot, const int (&cell)[3]) {
    constexpr int blocks = save ? Traits::histories : 0;
    const CellGrids<Traits, T, levels, blocks, lanes, save> at(batch, batch.view.state, batch.view.history,
                                                               batch.strides.history, shot, cell);
    const Stencils<Traits::dim, order, T> stencils(batch.layout);
    const bool keeps = save && batch.layout.window.has(cell[0], cell[1], cell[2]);
    update(at, stencils, layer<layered, Traits, order, levels, lanes>(batch, batch.view.state, shot, cell),
           keeps);
  }

 private:
  template <class Grids, class Axes, class Layer>
  static DW_INLINE void update(const Grids& at, const Axes& stencils, const Layer& layer,
                               [[maybe_unused]] bool keeps) {
    unroll<Traits::parts>([&](auto part) {
      typename Grids::Value g[levels][Traits::quantities], values[levels][Traits::fields];
      unroll<levels>([&](auto level) {
        unroll<Traits::quantities>([&](auto q) {
          if constexpr (Traits::part_of_quantity(q) == part) {
            g[level][q] = quantity<Traits, order, level, q>(at, stencils, 0, layer);
            if constexpr (save && Traits::in_history(q)) {
              constexpr int slot = Traits::history_slot(q);
              if (keeps) put(at.block[level][slot], g[level][q]);
            }
          }
        });
      });
      // All new values are formed before any is stored: a term may read what another one writes.
      unroll<levels>([&](auto level) {
        unroll<Traits::fields>([&](auto f) {
          if constexpr (Traits::part_of_target(f) == part)
            values[level][f] = updated<Traits, T, level, f>(at, g, 0);
        });
      });
      unroll<levels>([&](auto level) {
        unroll<Traits::fields>([&](auto f) {
          if constexpr (Traits::part_of_target(f) == part) put(at.field[level][f], values[level][f]);
        });
      });
    });
  }
};

// Lambda where a derivative of it is needed, and the gradients of the coefficients.
template <class Traits, class T, int levels>
struct CellMultiply {
  static constexpr int order = 0;  // it reads its own cells alone
  template <int lanes, bool layered>
  static DW_INLINE void apply(const BatchView<T>& batch, Index shot, const int (&cell)[3]) {
    const CellGrids<Traits, T, levels, Traits::scratches, lanes> at(
        batch, batch.view.adjoint, batch.view.scratch, batch.strides.scratch, shot, cell);
    multiply(at, layer<layered, Traits, 2, levels, lanes>(batch, batch.view.adjoint, shot, cell));
    const Window& window = batch.layout.window;
    if (batch.view.gradient[0] && window.has(cell[0], cell[1], cell[2]))
      add_gradients(at, batch, shot, window.offset(cell[0], cell[1]) + cell[2]);
  }

 private:
  template <class Grids, class Layer>
  static DW_INLINE void multiply(const Grids& at, const Layer& layer) {
    unroll<levels>([&](auto level) {
      unroll<Traits::quantities>([&](auto q) {
        if constexpr (Traits::differentiated(q)) {
          const auto lambda = multiplied<Traits, T, level, q>(at, 0);
          constexpr int slot = Traits::scratch_slot(q);
          put(at.block[level][slot], lambda);
          if constexpr (Layer::acts)
            unroll<Traits::pieces>([&](auto p) {
              constexpr Piece piece = Traits::piece(p);
              if constexpr (piece.quantity == q && piece.op != Op::value)
                layer.template multiply<p>(level, lambda);
            });
        }
      });
    });
  }

  // Of each coefficient, at an offset in the window: += scale * quantity * cotangent of the target.
  template <class Grids>
  static DW_INLINE void add_gradients(const Grids& at, const BatchView<T>& batch, Index shot, Index offset) {
    using Pointer = typename Grids::Pointer;
    const Index size = batch.layout.window.size;
    const auto history = [&](int level, int slot) {
      return Pointer{batch.view.history[level] + shot * batch.strides.history[level] + slot * size +
                     offset}[0];
    };
    unroll<levels>([&](auto level) {
      unroll<Traits::coefficients>([&](auto c) {
        if constexpr (is_used(c)) {
          const Pointer gradient{batch.view.gradient[level] + shot * batch.strides.gradient + c * size +
                                 offset};
          auto sum = gradient[0];
          unroll<Traits::terms>([&](auto t) {
            constexpr Term term = Traits::term(t);
            constexpr T scale = static_cast<T>(term.scale);
            if constexpr (term.coefficient == c) {
              constexpr int slot = Traits::history_slot(term.quantity);
              sum = product<level>(
                  sum, [&](auto part) { return scale * history(part, slot); },
                  [&](auto part) { return at.field[part][term.target][0]; });
            }
          });
          put(gradient, sum);
        }
      });
    });
  }
  static constexpr bool is_used(int coefficient) {
    for (int t = 0; t < Traits::terms; ++t)
      if (Traits::term(t).coefficient == coefficient) return true;
    return false;
  }
};

// Lambda's derivatives, added to the cotangents before the stage.
template <class Traits, int order_, class T, int levels>
struct CellGather {
  static constexpr int order = order_;
  template <int lanes, bool layered>
  static DW_INLINE void apply(const BatchView<T>& batch, Index shot, const int (&cell)[3]) {
    const CellGrids<Traits, T, levels, Traits::scratches, lanes> at(
        batch, batch.view.adjoint, batch.view.scratch, batch.strides.scratch, shot, cell);
    const Stencils<Traits::dim, order, T> stencils(batch.layout);
    gather(at, stencils, layer<layered, Traits, order, levels, lanes>(batch, batch.view.adjoint, shot, cell));
  }

 private:
  static constexpr bool touched(int field) { return Traits::read(field) || Traits::target(field); }

  template <class Grids, class Axes, class Layer>
  static DW_INLINE void gather(const Grids& at, const Axes& stencils, const Layer& layer) {
    unroll<Traits::groups>([&](auto group) {
      typename Grids::Value values[levels][Traits::fields];
      unroll<levels>([&](auto level) {
        unroll<Traits::fields>([&](auto f) {
          if constexpr (Traits::group_of_field[f] == group && touched(f))
            values[level][f] = gathered<Traits, order, level, f>(at, stencils, 0, layer);
        });
      });
      unroll<levels>([&](auto level) {
        unroll<Traits::fields>([&](auto f) {
          if constexpr (Traits::group_of_field[f] == group && touched(f))
            put(at.field[level][f], values[level][f]);
        });
      });
    });
  }
};

}  // namespace dualwave::DW_TARGET
