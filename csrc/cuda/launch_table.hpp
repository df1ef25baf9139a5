// The device's operations: a stage over the cells of all shots, the CPU's code on stretches of one cell.
#pragma once
#include "cuda/batch.hpp"
#include "kernels/operations.hpp"

namespace dualwave::DW_TARGET {

struct Cells {
  template <class T>
  using Function = Launch<T>;
  static constexpr int kCells = 1;

  template <class Stage, class Traits, class Interpreted, class T>
  static void run(const device::Stream& stream, const BatchView<T>& batch) {
    const Geometry& g = batch.layout.geometry;
    const StageTable table = stage_table<Traits>;
    stream.for_each(batch.strides.shots * g.cells(), [batch, table] DW_DEVICE(Index i) {
      const Geometry& g = batch.layout.geometry;
      const Strides& strides = batch.strides;
      const Index rows = g.n[0] * g.n[1], x = i % g.n[2], r = i / g.n[2] % rows, shot = i / (g.n[2] * rows);
      View<T> view = batch.view;
      for (int l = 0; l < kLevels; ++l) {
        view.state[l] += shot * strides.state;
        view.coefficient[l] +=
            view.coefficient_step[l] * (strides.model_index[l * strides.shots + shot] * strides.model);
        if (view.history[l]) view.history[l] += shot * strides.history[l];
        if (view.adjoint[l]) view.adjoint[l] += shot * strides.state;
        if (view.scratch[l]) view.scratch[l] += shot * strides.scratch;
        if (view.gradient[l]) view.gradient[l] += shot * strides.gradient;
      }
      const Row<T> row(batch.layout, view, r);
      Stage::template apply<Interpreted>(row, 1, x, x + 1, table);
      if (row.in_outer_slab() || g.in_slab(2, x)) Stage::template absorb<Interpreted>(row, x, x + 1, table);
    });
  }
};

template <class Equation, int dim, int order, class T>
const Launches<T>& launches() {
  return operations<Equation, dim, order, T, Cells>();
}

}  // namespace dualwave::DW_TARGET
