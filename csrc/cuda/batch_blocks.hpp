// State blocks of a batch: packing, checkpoints, and the models' gradients.
#pragma once
#include "cuda/batch.hpp"

namespace dualwave {

// Between a packed array [shot][packed_state] and the shots' blocks: the grids of the fields, then each
// piece's memory in the slabs' own cells (as cpu/blocks.cpp). One launch an array.
template <class T>
void Batch<T>::move_packed(T* packed, const device::Buffer<T>& block, int psi_copy, bool store) {
  const Geometry g = layout_.geometry;
  const Index shots = call_.description.shots, packed_size = call_.packed_state,
              block_size = layout_.state_size;
  T* blocks = block.data();
  Index at = 0;
  const auto move = [&](Index count, auto offset) {
    T* rows = packed + at;
    stream_.for_each(shots * count, [=] DW_DEVICE(Index i) {
      T& outside = rows[i / count * packed_size + i % count];
      T& inside = blocks[i / count * block_size + offset(i % count)];
      if (store)
        outside = inside;
      else
        inside = outside;
    });
    at += count;
  };
  const Index cells = g.n[0] * g.n[1] * g.n[2];
  for (int field = 0; field < call_.equation.fields; ++field) {
    const Index base = slot_[field] * g.grid;
    move(cells, [=] DW_DEVICE(Index i) { return base + make_node(g, i).offset; });
  }
  for (std::size_t m = 0; m < call_.equation.memories.size(); ++m) {
    const Memory memory = call_.equation.memories[m];
    const int axis = memory.axis;
    const Index low = g.pml[axis][0], width = low + g.pml[axis][1];
    if (width == 0) continue;
    for (int variable = 0; variable < memory_count(memory.op); ++variable) {
      const int copy = memory.op == Op::second ? (variable == 0 ? psi_copy : 2) : 0;
      const Index base = layout_.memory[m] + copy * g.slab[axis].size + g.slab[axis].origin;
      const Index ny = axis == 1 ? width : g.n[1], nx = axis == 2 ? width : g.n[2];
      move(cells / g.n[axis] * width, [=] DW_DEVICE(Index i) {
        Index cell[3] = {i / (ny * nx), i / nx % ny, i % nx};
        const Index j = cell[axis];
        cell[axis] = g.slab_index(axis, j < low ? j : g.n[axis] - width + j);
        return base + cell[0] * g.slab[axis].stride[0] + cell[1] * g.slab[axis].stride[1] + cell[2];
      });
    }
  }
}

template <class T>
bool Batch<T>::load_state() {
  for (int l = 0; l < levels(); ++l) {
    stream_.clear(state_[l].data(), sizeof(T) * call_.description.shots * layout_.state_size);
    if (const T* from = call_.level[l].state) move_packed(const_cast<T*>(from), state_[l], 0, false);
  }
  return true;
}

template <class T>
bool Batch<T>::store_state() {
  for (int l = 0; l < levels(); ++l)
    if (T* out = call_.level[l].out_state) move_packed(out, state_[l], parity_, true);
  return true;
}

template <class T>
bool Batch<T>::load_adjoint() {
  for (int l = 0; l < levels(); ++l)
    if (const T* from = call_.level[l].state_bar) move_packed(const_cast<T*>(from), adjoint_[l], 0, false);
  return true;
}

template <class T>
bool Batch<T>::store_adjoint() {
  for (int l = 0; l < levels(); ++l)
    if (T* out = call_.level[l].gradient[kState]) move_packed(out, adjoint_[l], 0, true);
  return true;
}

// Checkpoints are [shot][checkpoint][level][state_size].
template <class T>
void Batch<T>::move_checkpoint(Index number, bool save) {
  const Index size = layout_.state_size, per_shot = call_.description.checkpoints() * levels() * size;
  T* all = checkpoints_            ? checkpoints_.data()
           : call_.checkpoints_out ? call_.checkpoints_out
                                   : const_cast<T*>(call_.checkpoints_in);
  for (Index shot = 0; shot < call_.description.shots; ++shot)
    for (int l = 0; l < levels(); ++l) {
      T* kept = all + shot * per_shot + (number * levels() + l) * size;
      T* state = state_[l].data() + shot * size;
      stream_.copy(save ? kept : state, save ? state : kept, sizeof(T) * size);
    }
}

template <class T>
void Batch<T>::finish() {
  const Geometry g = layout_.geometry;
  const Index shots = call_.description.shots, coefficients = call_.equation.coefficients,
              model_cells = coefficients * g.n[0] * g.n[1] * g.n[2];
  const std::int32_t* model = call_.model_index + kGradientRow * shots;
  const Index models = call_.description.gradients;
  const int* outside = outside_.data();
  for (int l = 0; l < levels(); ++l) {
    if (T* out = call_.level[l].gradient[kCoefficients]) {
      const T* from = gradient_[l].data();
      const Index cells = model_cells / coefficients;
      // A thread a cell takes the shots in their order, so that sums keep their bits.
      stream_.for_each(models * model_cells, [=] DW_DEVICE(Index i) {
        const Index cell = i % model_cells,
                    offset = cell / cells * g.grid + make_node(g, cell % cells).offset;
        T sum = 0;
        for (Index s = 0; s < shots; ++s)
          if (model[s] == i / model_cells) sum += from[s * coefficients * g.grid + offset];
        out[i] = *outside ? T(0) / T(0) : sum;
      });
    }
    if (T* out = call_.level[l].out_receivers)
      stream_.for_each(shots * receivers_.count * receivers_.steps, [=] DW_DEVICE(Index i) {
        if (*outside) out[i] = T(0) / T(0);
      });
  }
}

}  // namespace dualwave
