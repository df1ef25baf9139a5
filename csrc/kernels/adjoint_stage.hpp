// The transpose of a stage over a stretch of a row, on 1 or 2 levels: adjoint and tangent_adjoint, in two
// passes.
//
// With lambda the cotangents after the stage, the first pass forms Lambda_q = sum of terms scale * c *
// lambda_target at each cell and stores it where a derivative of it is needed (g_q * lambda_target is added
// to the gradient by interpreted.hpp); the second adds sum of pieces scale * Op^T(Lambda_q) to the cotangent
// of the field that the piece reads. Neighbours' Lambda must be complete in between.
#pragma once
#include "kernels/interpreted.hpp"

namespace dualwave::DW_TARGET {

// Lambda_q at cell x of a row.
template <class Traits, int level, int q, class T, class Grids>
DW_INLINE T multiplied(const Grids& at, Index x) {
  T sum = 0;
  unroll<Traits::terms>([&](auto t) DW_FLAT {
    constexpr Term term = Traits::term(t);
    if constexpr (term.quantity == q) {
      constexpr T scale = static_cast<T>(term.scale);
      if constexpr (term.coefficient == kOne)
        sum = madd(scale, at.field[level][term.target][x], sum);
      else
        sum = product<level>(
            sum, [&](auto part) DW_FLAT { return scale * at.coefficient[part][term.coefficient][x]; },
            [&](auto part) DW_FLAT { return at.field[part][term.target][x]; });
    }
  });
  return sum;
}

template <class Traits, class T, int levels>
struct AdjointMultiply {
  template <class Interpreted>
  static DW_HD void apply(const Row<T>& row, Index rows, Index first, Index last, const StageTable& table) {
    unroll<Traits::parts>([&](auto part) DW_FLAT { multiply<part>(row, rows, first, last); });
    if (row.view.gradient[0]) Interpreted::add_gradients(row, rows, first, last, table, levels);
  }

  template <class Interpreted, Along along = Along::all>
  static DW_HD void absorb(const Row<T>& row, Index first, Index last, const StageTable& table) {
    Interpreted::multiply(row, first, last, table, {levels, false, along});
  }
  static constexpr bool absorbs_ends() { return true; }
  template <class Interpreted>
  static void absorb_ends(const Row<T>& row, Index rows, const StageTable& table) {
    Interpreted::multiply(row, 0, row.layout.geometry.row_cells(), table, {levels, false, Along::x, rows});
  }

 private:
  template <int part>
  static DW_HD void multiply(const Row<T>& row, Index rows, Index first, Index last) {
    RowGrids<levels, Traits::fields, Traits::coefficients, Traits::scratches, T> at(row, row.view.adjoint,
                                                                                    row.view.scratch);
    for (Index r = 0; r < rows; ++r, at.advance(row))
#pragma GCC ivdep
      for (Index x = first; x < last; ++x)
        unroll<levels>([&](auto level) DW_FLAT {
          unroll<Traits::quantities>([&](auto q) DW_FLAT {
            if constexpr (Traits::part_of_quantity(q) == part && Traits::differentiated(q))
              at.block[level][Traits::scratch_slot(q)][x] = multiplied<Traits, level, q, T>(at, x);
          });
        });
  }
};

template <class Traits, int order, class T, int levels>
struct AdjointGather {
  static constexpr int first_axis = 3 - Traits::dim;

  template <class Interpreted>
  static DW_HD void apply(const Row<T>& row, Index rows, Index first, Index last, const StageTable&) {
    unroll<Traits::groups>([&](auto group) DW_FLAT { gather<group>(row, rows, first, last); });
  }

  template <class Interpreted, Along along = Along::all>
  static DW_HD void absorb(const Row<T>& row, Index first, Index last, const StageTable& table) {
    Interpreted::gather(row, first, last, table, {levels, false, along});
  }
  static constexpr bool absorbs_ends() { return true; }
  template <class Interpreted>
  static void absorb_ends(const Row<T>& row, Index rows, const StageTable& table) {
    Interpreted::gather(row, 0, row.layout.geometry.row_cells(), table, {levels, false, Along::x, rows});
  }

 private:
  static constexpr bool touched(int field) { return Traits::read(field) || Traits::target(field); }

  using Grids = RowGrids<levels, Traits::fields, Traits::coefficients, Traits::scratches, T>;

  template <int group>
  static DW_HD void gather(const Row<T>& row, Index rows, Index first, Index last) {
    Weights<T> weights[3];
    Index stride[3];
    unroll<Traits::dim>([&](auto a) DW_FLAT {
      constexpr int axis = first_axis + a;
      weights[axis] = row.layout.weights[axis];
      stride[axis] = row.layout.geometry.stride[axis];
    });
    stride[2] = 1;
    Grids at(row, row.view.adjoint, row.view.scratch);
    for (Index r = 0; r < rows; ++r, at.advance(row)) gather_row<group>(at, weights, stride, first, last);
  }

  template <int group>
  static DW_INLINE void gather_row(const Grids& at, const Weights<T> (&weights)[3], const Index (&stride)[3],
                                   Index first, Index last) {
#pragma GCC ivdep
    for (Index x = first; x < last; ++x) {
      T updated[levels][Traits::fields];
      unroll<levels>([&](auto level) DW_FLAT {
        unroll<Traits::fields>([&](auto f) DW_FLAT {
          if constexpr (Traits::group_of_field[f] == group && touched(f)) {
            T sum = Traits::target(f) && !Traits::stage.accumulate ? T(0) : at.field[level][f][x];
            unroll<Traits::pieces>([&](auto p) DW_FLAT {
              constexpr Piece piece = Traits::piece(p);
              if constexpr (piece.field == f) {
                constexpr int axis = first_axis + piece.axis;
                constexpr T scale = static_cast<T>(piece.scale);
                if constexpr (piece.op != Op::value) {
                  const T* q = at.block[level][Traits::scratch_slot(piece.quantity)];
                  sum = madd(scale,
                             transposed<piece.op, order>(q + x, axis == 2 ? 1 : stride[axis], weights[axis]),
                             sum);
                } else {
                  sum = madd(scale, multiplied<Traits, level, piece.quantity, T>(at, x), sum);
                }
              }
            });
            updated[level][f] = sum;
          }
        });
      });
      unroll<levels>([&](auto level) DW_FLAT {
        unroll<Traits::fields>([&](auto f) DW_FLAT {
          if constexpr (Traits::group_of_field[f] == group && touched(f))
            at.field[level][f][x] = updated[level][f];
        });
      });
    }
  }
};

}  // namespace dualwave::DW_TARGET
