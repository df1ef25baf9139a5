// The PML at the cells of a thread: what it adds to each piece of a stage and of its transpose. The CPU has
// it in kernels/pml_rows.hpp, row by row.
#pragma once
#include "cuda/batch.hpp"
#include "cuda/lanes.hpp"
#include "kernels/pml.hpp"

namespace dualwave::DW_TARGET {

template <class Traits, int order, class T, int levels, int lanes>
class Layer {
  using Pointer = LanePointer<T, lanes>;
  using Value = typename Pointer::Value;

 public:
  static constexpr bool acts = true;
  template <int p>
  static constexpr bool acts_on = Traits::piece(p).op != Op::value;

  // `blocks`: by level the states, or their adjoints.
  DW_INLINE Layer(const BatchView<T>& batch, T* const (&blocks)[kLevels], Index shot, const int (&cell)[3])
      : layout_(batch.layout), parity_(batch.view.parity) {
    unroll<levels>([&](auto level) { memory_[level] = blocks[level] + shot * batch.strides.state; });
    const Geometry& g = layout_.geometry;
    unroll<Traits::dim>([&](auto a) {
      constexpr int axis = 3 - Traits::dim + a;
      cell_[axis] = cell[axis];
      inside_[axis] = g.in_slab(axis, cell[axis]);
      const Slab& slab = g.slab[axis];
      at_[axis] = 0;
      unroll<3>([&](auto other) {
        at_[axis] += slab.stride[other] * (other == axis ? g.slab_index(axis, cell[axis]) : cell[other]);
      });
    });
  }

  // What it adds to piece p of the field f at the cell.
  template <int p>
  DW_INLINE Value forward(int level, Pointer f) const {
    constexpr Op op = Traits::piece(p).op;
    constexpr int axis = axis_of(p);
    if (!inside_[axis]) return {};
    const Index size = layout_.geometry.slab[axis].size;
    const Index stride = axis == 2 ? 1 : layout_.geometry.stride[axis];
    const Weights<T>& weights = layout_.weights[axis];
    const Pointer memory = memory_of<p>(level);
    if constexpr (op == Op::second) {
      const auto step =
          second_pml<order>(taps<axis>(f), stride, weights, profile<p>(), taps<axis>(memory + parity_ * size),
                            memory + 2 * size, slab_stride(axis));
      put(memory + (1 - parity_) * size, step.psi);
      put(memory + 2 * size, step.memory);
      return step.added;
    } else {
      const auto step =
          staggered_pml(derivative<op, order>(taps<axis>(f), stride, weights), profile<p>(), memory);
      put(memory, step.memory);
      return step.added;
    }
  }

  // The transpose's first half, of the cotangent q of the piece's quantity.
  template <int p>
  DW_INLINE void multiply(int level, const Value& q) const {
    constexpr Piece piece = Traits::piece(p);
    constexpr int axis = axis_of(p);
    constexpr T scale = static_cast<T>(piece.scale);
    if (!inside_[axis]) return;
    const Index before = piece.op == Op::second ? 2 * layout_.geometry.slab[axis].size : 0;
    pml_multiply(scale * q, profile<p>(), memory_of<p>(level) + before);
  }

  // The second half, in place of scale times the transposed derivative of q, the cotangent of its quantity.
  template <int p>
  DW_INLINE Value gather(int level, Pointer q, T scale) const {
    constexpr Piece piece = Traits::piece(p);
    constexpr int axis = axis_of(p);
    const Index stride = axis == 2 ? 1 : layout_.geometry.stride[axis];
    const Weights<T>& weights = layout_.weights[axis];
    const auto q_around = taps<axis>(q);
    if (!inside_[axis]) return scale * transposed<piece.op, order>(q_around, stride, weights);
    const Pointer memory = memory_of<p>(level);
    if constexpr (piece.op == Op::second) {
      const Index size = layout_.geometry.slab[axis].size;
      return second_pml_gather<order>(
          [&](int k) { return scale * q_around[k * stride]; },
          AdjointMemory{taps<axis>(memory + 2 * size), taps<axis>(memory + (1 - parity_) * size),
                        memory + parity_ * size, slab_stride(axis)},
          weights, profile<p>(), [&](int k) { return around<axis>(k); });
    } else {
      return madd(scale, transposed<piece.op, order>(q_around, stride, weights),
                  transposed<piece.op, order>(taps<axis>(memory), slab_stride(axis), weights));
    }
  }

 private:
  static constexpr int axis_of(int p) { return 3 - Traits::dim + Traits::piece(p).axis; }
  // Its number among the stage's pieces with memory.
  static constexpr int number_of(int p) {
    int number = 0;
    for (int other = 0; other < p; ++other) number += Traits::piece(other).op != Op::value;
    return number;
  }
  DW_INLINE Index slab_stride(int axis) const {
    return axis == 2 ? 1 : layout_.geometry.slab[axis].stride[axis];
  }
  // On other axes than x the profiles are one value for all lanes.
  template <int p>
  DW_INLINE auto profile() const {
    constexpr int axis = axis_of(p);
    constexpr Op op = Traits::piece(p).op;
    using Reads = LanePointer<const T, axis == 2 ? lanes : 1>;
    const auto of = layout_.profile[axis].template seen<op>();
    const auto at_cell = [&](const T* profile) { return Reads{profile + cell_[axis]}[0]; };
    return PmlCell<typename Reads::Value>{at_cell(of.a), at_cell(of.b), at_cell(of.db)};
  }
  // The same of weight_around.
  template <int axis>
  DW_INLINE auto around(int k) const {
    using Reads = LanePointer<const T, axis == 2 ? lanes : 1>;
    return Reads{layout_.profile[axis].around}[around_at(order / 2, axis == 2, cell_[axis], k)];
  }
  template <int p>
  DW_INLINE Pointer memory_of(int level) const {
    constexpr int number = number_of(p), axis = axis_of(p);
    return Pointer{memory_[level]} + layout_.memory[layout_.first_memory[Traits::index] + number] + at_[axis];
  }

  const Layout<T>& layout_;
  int parity_;
  T* memory_[levels];
  int cell_[3];
  bool inside_[3];
  Index at_[3];
};

// The layer at a cell, or none.
template <bool layered, class Traits, int order, int levels, int lanes, class T>
DW_INLINE auto layer(const BatchView<T>& batch, T* const (&blocks)[kLevels], Index shot,
                     const int (&cell)[3]) {
  if constexpr (layered)
    return Layer<Traits, order, T, levels, lanes>(batch, blocks, shot, cell);
  else
    return NoLayer{};
}

}  // namespace dualwave::DW_TARGET
