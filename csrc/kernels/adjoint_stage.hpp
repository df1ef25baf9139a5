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

template <class Traits, class T, int levels>
struct AdjointMultiply {
  static constexpr int rest = kAlongY | kAlongZ;

  template <class Interpreted>
  static void apply(const Row<T>& row, Index rows, Index first, Index last, const StageTable& table) {
    unroll<Traits::parts>([&](auto part) DW_FLAT { multiply<part>(row, rows, first, last); });
    if (row.view.gradient[0]) Interpreted::add_gradients(row, rows, first, last, table, levels);
    Interpreted::multiply(row, first, last, table, {levels, kAlongX, false, rows});
  }

  template <class Interpreted>
  static void absorb(const Row<T>& row, Index first, Index last, const StageTable& table) {
    Interpreted::multiply(row, first, last, table, {levels, rest});
  }

 private:
  template <int part>
  static void multiply(const Row<T>& row, Index rows, Index first, Index last) {
    RowGrids<levels, Traits::fields, Traits::coefficients, Traits::scratches, T> at(row, row.view.adjoint,
                                                                                    row.view.scratch);
    for (Index r = 0; r < rows; ++r, at.advance(row))
#pragma GCC ivdep
      for (Index x = first; x < last; ++x)
        unroll<levels>([&](auto level) DW_FLAT {
          unroll<Traits::quantities>([&](auto q) DW_FLAT {
            if constexpr (Traits::part_of_quantity(q) == part && Traits::differentiated(q))
              at.block[level][Traits::scratch_slot(q)][x] = multiplied<Traits, T, level, q>(at, x);
          });
        });
  }
};

template <class Traits, int order, class T, int levels>
struct AdjointGather {
  static constexpr int rest = kAlongY | kAlongZ;

  template <class Interpreted>
  static void apply(const Row<T>& row, Index rows, Index first, Index last, const StageTable& table) {
    unroll<Traits::groups>([&](auto group) DW_FLAT { gather<group>(row, rows, first, last); });
    Interpreted::gather(row, first, last, table, {levels, kAlongX, false, rows});
  }

  template <class Interpreted>
  static void absorb(const Row<T>& row, Index first, Index last, const StageTable& table) {
    Interpreted::gather(row, first, last, table, {levels, rest});
  }

 private:
  static constexpr bool touched(int field) { return Traits::read(field) || Traits::target(field); }

  using Axes = Stencils<Traits::dim, order, T>;
  using Grids = RowGrids<levels, Traits::fields, Traits::coefficients, Traits::scratches, T>;

  template <int group>
  static void gather(const Row<T>& row, Index rows, Index first, Index last) {
    const Axes stencils(row.layout);
    Grids at(row, row.view.adjoint, row.view.scratch);
    for (Index r = 0; r < rows; ++r, at.advance(row)) gather_row<group>(at, stencils, first, last);
  }

  template <int group>
  static DW_INLINE void gather_row(const Grids& at, const Axes& stencils, Index first, Index last) {
#pragma GCC ivdep
    for (Index x = first; x < last; ++x) {
      T updated[levels][Traits::fields];
      unroll<levels>([&](auto level) DW_FLAT {
        unroll<Traits::fields>([&](auto f) DW_FLAT {
          if constexpr (Traits::group_of_field[f] == group && touched(f))
            updated[level][f] = gathered<Traits, order, level, f>(at, stencils, x, NoLayer{});
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
