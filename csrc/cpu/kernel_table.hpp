// The CPU's operations: a stage over a block of rows.
#pragma once
#include "kernels/operations.hpp"

namespace dualwave::DW_TARGET {

struct Rows {
  template <class T>
  using Function = RowKernel<T>;

  template <class Stage, class T>
  static void run(const Layout<T>& layout, const View<T>& view, Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      const Row<T> row(layout, view, r);
      for_stretches(row, [&](Index first, Index last, auto with_pml) {
        Stage::template apply<with_pml, kChunk>(row, first, last);
      });
    }
  }
};

template <class Equation, int dim, int order, class T>
const Kernels<T>& kernels() {
  return operations<Equation, dim, order, T, Rows>();
}

}  // namespace dualwave::DW_TARGET
