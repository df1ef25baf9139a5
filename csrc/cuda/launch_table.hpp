// The device's operations: a stage over the cells of all shots, in two launches: the cells that the PML does
// not reach, which so take fewer registers, and the others.
#pragma once
#include "cuda/cells.hpp"
#include "kernels/operations.hpp"

namespace dualwave::DW_TARGET {

// The threads of a block, of those that were tried on an H200: the further a stencil reaches, the shorter the
// rows that are fastest. The slabs along x are two times 16 cells or little more.
template <int dim, int order, int lanes, bool layered>
using TileOf = std::conditional_t<
    dim == 3,
    std::conditional_t<layered, Tile<2, 4, 8, lanes>,
                       std::conditional_t<(order > 4), Tile<2, 4, 16, lanes>, Tile<2, 4, 32, lanes>>>,
    std::conditional_t<dim == 2, Tile<1, 16, 16, lanes>, Tile<1, 1, 256, lanes>>>;

// What a thread does.
template <class Cell, class T, int lanes, bool layered>
struct Applied {
  BatchView<T> batch;
  DW_INLINE void operator()(Index shot, int z, int y, int x) const {
    Cell::template apply<lanes, layered>(batch, shot, {z, y, x});
  }
};

template <int order, class T>
struct Cells {
  static constexpr bool scales = false;

  template <class Traits, int levels, bool save>
  static void forward(const device::Stream& stream, const BatchView<T>& batch) {
    run<CellForward<Traits, order, T, levels, save>, Traits::dim, levels>(stream, batch);
  }
  // The stage alone, where the PML has no part in it.
  template <class Traits, int levels>
  static void retreat(const device::Stream& stream, const BatchView<T>& batch) {
    if (batch.view.history[0])
      inside<CellForward<Traits, order, T, levels, true>, Traits::dim, levels>(stream, batch);
    else
      inside<CellForward<Traits, order, T, levels, false>, Traits::dim, levels>(stream, batch);
  }
  template <class Traits, int levels>
  static void multiply(const device::Stream& stream, const BatchView<T>& batch) {
    run<CellMultiply<Traits, T, levels>, Traits::dim, levels>(stream, batch);
  }
  template <class Traits, int levels>
  static void gather(const device::Stream& stream, const BatchView<T>& batch) {
    run<CellGather<Traits, order, T, levels>, Traits::dim, levels>(stream, batch);
  }

 private:
  // 16 bytes of each array a thread; less on several levels, of whose values the registers would not hold
  // more.
  template <int levels>
  static constexpr int lanes = std::max(1, 16 / static_cast<int>(sizeof(T)) / levels);

  template <class Cell, int dim, int levels>
  static void run(const device::Stream& stream, const BatchView<T>& batch) {
    const Geometry& g = batch.layout.geometry;
    const bool at_once = batch.strides.shots * g.cells() <= device::kAtOnce;
    if (!at_once) inside<Cell, dim, levels>(stream, batch);
    launch<Cell, TileOf<dim, Cell::order, lanes<levels>, true>, true>(
        stream, at_once ? everything(g) : frame(g), batch);
  }

  template <class Cell, int dim, int levels>
  static void inside(const device::Stream& stream, const BatchView<T>& batch) {
    Boxes boxes;
    boxes.add(batch.layout.interior);
    launch<Cell, TileOf<dim, Cell::order, lanes<levels>, false>, false>(stream, boxes, batch);
  }

  template <class Cell, class Tile, bool layered>
  static void launch(const device::Stream& stream, const Boxes& boxes, const BatchView<T>& batch) {
    stream.for_tiles<Tile>(boxes, batch.strides.shots, Applied<Cell, T, Tile::lanes, layered>{batch});
  }
};

template <class Equation, int dim, int order, class T>
const Launches<T>& launches() {
  return operations<Equation, dim, Cells<order, T>, Launch<T>>();
}

}  // namespace dualwave::DW_TARGET
