// A stage of the time step over a stretch of a row, on 1, 2 or 4 levels: forward, tangent and second_tangent.
#pragma once
#include "kernels/pml_rows.hpp"

namespace dualwave::DW_TARGET {

template <class Traits, int order, class T, int levels, bool save>
struct ForwardStage {
  static constexpr int first_axis = 3 - Traits::dim;

  // Cells [first, last) of the row, at most `chunk` of them where the PML reaches.
  template <bool with_pml, int chunk>
  static DW_HD void apply(const Row<T>& row, Index first, Index last) {
    T pml[levels][Traits::scratches > 0 ? Traits::scratches : 1][with_pml ? chunk : 1];
    if constexpr (with_pml) sum_pml(row, first, last, pml);
    update<with_pml>(row, first, last, pml);
  }

 private:
  // pml[level][quantity][x - first] = what the layers add to each quantity of this stretch.
  template <class Pml>
  static DW_HD void sum_pml(const Row<T>& row, Index first, Index last, Pml& pml) {
    for (auto& level : pml)
      for (auto& quantity : level)
        for (Index i = 0; i < last - first; ++i) quantity[i] = 0;
    for_pml_pieces<Traits>(row, first, last, [&](auto p, const PmlStretch<T>& stretch) {
      constexpr Piece piece = Traits::piece(p);
      for (int level = 0; level < levels; ++level)
        add_pml<piece.op, order, piece.axis == Traits::dim - 1>(
            row, stretch, row.state(level, piece.field), row.view.state[level],
            pml[level][Traits::scratch_slot(piece.quantity)] - first);
    });
  }

  template <bool with_pml, class Pml>
  static DW_HD void update(const Row<T>& row, Index first, Index last, const Pml& pml) {
    const Layout<T>& l = row.layout;
    T* field[levels][Traits::fields];
    const T* coefficient[levels][Traits::coefficients];
    T* history[levels][Traits::histories > 0 ? Traits::histories : 1];
    Weights<T> weights[3];
    Index stride[3];
    unroll<levels>([&](auto level) DW_FLAT {
      unroll<Traits::fields>([&](auto f) DW_FLAT { field[level][f] = row.state(level, f); });
      unroll<Traits::coefficients>([&](auto c)
                                       DW_FLAT { coefficient[level][c] = row.coefficient(level, c); });
      if constexpr (save)
        unroll<Traits::histories>([&](auto h)
                                      DW_FLAT { history[level][h] = row.grid(row.view.history[level], h); });
    });
    unroll<Traits::dim>([&](auto a) DW_FLAT {
      constexpr int axis = first_axis + a;
      weights[axis] = l.weights[axis];
      stride[axis] = l.geometry.stride[axis];
    });
    stride[2] = 1;
#pragma GCC ivdep
    for (Index x = first; x < last; ++x) {
      T g[levels][Traits::quantities];
      unroll<levels>([&](auto level) DW_FLAT {
        unroll<Traits::quantities>([&](auto q) DW_FLAT {
          T sum = 0;
          bool started = false;
          unroll<Traits::pieces>([&](auto p) DW_FLAT {
            constexpr Piece piece = Traits::piece(p);
            if constexpr (piece.quantity == q) {
              constexpr int axis = first_axis + piece.axis;
              constexpr T scale = static_cast<T>(piece.scale);
              const T value = derivative<piece.op, order>(field[level][piece.field] + x,
                                                          axis == 2 ? 1 : stride[axis], weights[axis]);
              if (!started)
                sum = scale == 1 ? value : scale * value;
              else
                sum = scale == 1 ? sum + value : madd(scale, value, sum);
              started = true;
            }
          });
          if constexpr (with_pml && Traits::differentiated(q))
            sum += pml[level][Traits::scratch_slot(q)][x - first];
          if constexpr (save && Traits::in_history(q)) history[level][Traits::history_slot(q)][x] = sum;
          g[level][q] = sum;
        });
      });
      unroll<levels>([&](auto level) DW_FLAT {
        T updated[Traits::fields];
        unroll<Traits::fields>([&](auto f) DW_FLAT {
          if constexpr (Traits::target(f)) {
            T sum = Traits::stage.accumulate ? field[level][f][x] : T(0);
            bool started = Traits::stage.accumulate;
            unroll<Traits::terms>([&](auto t) DW_FLAT {
              constexpr Term term = Traits::term(t);
              constexpr T scale = static_cast<T>(term.scale);
              if constexpr (term.target == f && term.coefficient == kOne) {
                const T value = scale == 1 ? g[level][term.quantity] : scale * g[level][term.quantity];
                sum = started ? sum + value : value;
                started = true;
              }
            });
            unroll<Traits::terms>([&](auto t) DW_FLAT {
              constexpr Term term = Traits::term(t);
              constexpr T scale = static_cast<T>(term.scale);
              if constexpr (term.target == f && term.coefficient != kOne)
                sum = product<level>(
                    sum,
                    [&](auto part) DW_FLAT {
                      return scale == 1 ? coefficient[part][term.coefficient][x]
                                        : scale * coefficient[part][term.coefficient][x];
                    },
                    [&](auto part) DW_FLAT { return g[part][term.quantity]; });
            });
            updated[f] = sum;
          }
        });
        unroll<Traits::fields>([&](auto f) DW_FLAT {
          if constexpr (Traits::target(f)) field[level][f][x] = updated[f];
        });
      });
    }
  }
};

}  // namespace dualwave::DW_TARGET
