// State blocks of a batch: packing, checkpoints, and the models' gradients.
#pragma once
#include "cuda/batch.hpp"
#include "kernels/packing.hpp"

namespace dualwave {

// Where element i of a packed array lies in a state block: of a field's grid ...
struct FieldOffset {
  Geometry g;
  Index base;
  DW_POINTS Index operator()(Index i) const { return base + make_node(g, i).offset; }
};

// ... and of a memory variable, packed over the slabs' own cells.
struct SlabOffset {
  Geometry g;
  int axis;
  Index shift;  // see Memory::high_shift
  Index base;
  DW_POINTS Index operator()(Index i) const {
    const Index low = g.pml[axis][0], width = low + g.pml[axis][1];
    const Index ny = axis == 1 ? width : g.n[1], nx = axis == 2 ? width : g.n[2];
    Index cell[3] = {i / (ny * nx), i / nx % ny, i % nx};
    const Index j = cell[axis];
    cell[axis] = g.slab_index(axis, j < low ? j : g.n[axis] - shift - width + j);
    const Slab& slab = g.slab[axis];
    return base + slab.origin + cell[0] * slab.stride[0] + cell[1] * slab.stride[1] + cell[2];
  }
};

// `count` elements of every shot, between the packed rows and the blocks.
template <class T>
template <class Offset>
void Batch<T>::move_rows(T* packed, T* blocks, Index count, Offset offset, bool store) {
  const Index packed_size = call_.packed_state, block_size = layout_.state_size;
  stream_.for_each(call_.description.shots * count, [=] DW_DEVICE(Index i) {
    T& outside = packed[i / count * packed_size + i % count];
    T& inside = blocks[i / count * block_size + offset(i % count)];
    if (store)
      outside = inside;
    else
      inside = outside;
  });
}

// Between a packed array [shot][packed_state] and the shots' blocks, in the order of cpu/blocks.cpp.
template <class T>
void Batch<T>::move_packed(T* packed, const device::Buffer<T>& block, int psi_copy, bool store) {
  const Geometry& g = layout_.geometry;
  const Index cells = g.cells();
  for (int field = 0; field < call_.equation.fields; ++field) {
    move_rows(packed, block.data(), cells, FieldOffset{g, slot_[field] * g.grid}, store);
    packed += cells;
  }
  for (std::size_t m = 0; m < call_.equation.memories.size(); ++m) {
    const Memory& memory = call_.equation.memories[m];
    const Index count = cells / g.n[memory.axis] * (g.pml[memory.axis][0] + g.pml[memory.axis][1]);
    for (int variable = 0; variable < memory_count(memory.op); ++variable) {
      const int copy = memory.op == Op::second ? (variable == 0 ? psi_copy : 2) : 0;
      const Index base = layout_.memory[m] + copy * g.slab[memory.axis].size;
      move_rows(packed, block.data(), count, SlabOffset{g, memory.axis, memory.high_shift(), base}, store);
      packed += count;
    }
  }
}

// The images of grid `number` of every shot's block.
template <class T>
void Batch<T>::mirror_grids(device::Buffer<T> (&blocks)[kLevels], Index stride, int number, int axis,
                            Nodes nodes) {
  const Geometry g = layout_.geometry;
  if (!g.mirrored(axis)) return;
  const Index lines = g.cells() / g.n[axis];
  for (int l = 0; l < levels(); ++l) {
    T* first = blocks[l].data() + number * g.grid;
    stream_.for_each(call_.description.shots * lines, [=] DW_DEVICE(Index i) {
      mirror_line(first + i / lines * stride, g, axis, nodes, i % lines);
    });
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

// Kept states are [shot][number][level][state_size]: the caller's checkpoints, which are of the primal level,
// and then those that are the batch's own.
template <class T>
void Batch<T>::move_checkpoint(Index number, bool save) {
  const Description& d = call_.description;
  const int kept_levels = is_reverse(call_.map) ? levels() : 1;
  T* callers = call_.residual();
  const Index count = callers ? d.checkpoints() : 0;
  const bool is_own = number >= count;
  T* all = is_own ? checkpoints_.data() : callers;
  const Index size = layout_.state_size,
              per_shot = (is_own ? d.inner_states + d.checkpoints() - count : count) * kept_levels * size;
  if (is_own) number -= count;
  for (Index shot = 0; shot < call_.description.shots; ++shot)
    for (int l = 0; l < kept_levels; ++l) {
      T* kept = all + shot * per_shot + (number * kept_levels + l) * size;
      T* state = state_[l].data() + shot * size;
      stream_.copy(save ? kept : state, save ? state : kept, sizeof(T) * size);
    }
}

template <class T>
typename Batch<T>::Kept Batch<T>::callers_history() const {
  const Description& d = call_.description;
  return {d.full ? call_.residual() : nullptr, residual_shape(d, call_.history, layout_.state_size).size()};
}

// The quantities of a sampled step.
template <class T>
typename Batch<T>::Kept Batch<T>::history(int level, Index sample) const {
  const auto size = [&](Index samples) { return call_.history.plain(samples); };
  if (call_.description.packing != Packing::none) return {history_[level].data(), size(1)};
  const Kept callers = callers_history();
  if (callers.first && level > 0) return {history_[level].data(), size(1)};
  if (callers.first) return {callers.first + size(sample), callers.stride};
  return {history_[level].data() + size(sample), size(call_.description.most_samples())};
}

// What is kept of a level, packed or to be rebuilt, from an offset on; null where nothing is.
template <class T>
typename Batch<T>::Kept Batch<T>::kept(int level, Index at) const {
  const Kept callers = callers_history();
  if (callers.first && level > 0) return {nullptr, 0};
  if (callers.first) return {callers.first + at, callers.stride};
  return {packed_[level].data() + at, call_.history.fields_at()};
}

template <class T>
typename Batch<T>::Kept Batch<T>::packed_history(int level, Index sample) const {
  if (call_.description.place != Place::caller) return {packed_[level].data(), call_.history.kept(1)};
  return kept(level, call_.history.kept(sample));
}

// Between arrays where a shot's cell (z, y, x) is at an offset given by strides from cell (0, 0, 0), and ones
// that have the box's cells in order.
template <class T>
struct BoxMove {
  Box box;
  typename Batch<T>::Kept cells, kept;
  Index stride[3];
  bool keeps;
  DW_POINTS void operator()(Index i) const {
    const Index of_box = box.cells(), shot = i / of_box, at = i % of_box;
    const Index x = at % box.extent(2), y = at / box.extent(2) % box.extent(1),
                z = at / box.extent(2) / box.extent(1);
    T& cell = cells.first[shot * cells.stride + (box.first[0] + z) * stride[0] +
                          (box.first[1] + y) * stride[1] + box.first[2] + x];
    T& other = kept.first[shot * kept.stride + at];
    if (keeps)
      other = cell;
    else
      cell = other;
  }
};

template <class T>
void Batch<T>::move_box(const Box& box, Kept cells, const Index (&stride)[2], Kept kept, bool keeps) {
  const BoxMove<T> move{box, cells, kept, {stride[0], stride[1]}, keeps};
  stream_.for_each(call_.description.shots * box.cells(), [=] DW_DEVICE(Index i) { move(i); });
}

template <class T>
void Batch<T>::move_frame(int level, Index sample, Index kept_sample, bool keeps) {
  const Window& w = layout_.window;
  Kept to = kept(level, call_.history.kept(kept_sample));
  if (!to.first) return;
  Kept quantity = history(level, sample);
  quantity.first += w.offset(0, 0);
  const Index stride[2] = {(w.last[1] - w.first[1]) * w.stride, w.stride};
  for (int h = 0; h < call_.equation.histories(); ++h, quantity.first += w.size)
    for (int b = 0; b < call_.history.frame.count; ++b) {
      const Box& box = call_.history.frame.box[b];
      move_box(box, quantity, stride, to, keeps);
      to.first += box.cells();
    }
}

template <class T>
void Batch<T>::move_strips(int stage, Index step, bool keeps) {
  const Geometry& g = layout_.geometry;
  for (int l = 0; l < levels(); ++l) {
    Kept to = kept(l, call_.history.strips_at(step));
    for (const Strip& strip : call_.history.strips) {
      if (!to.first || strip.stage != stage) continue;
      const Kept field{state_[l].data() + slot_[strip.field] * g.grid + g.origin, layout_.state_size};
      move_box(strip.box, field, {g.stride[0], g.stride[1]}, {to.first + strip.at, to.stride}, keeps);
    }
  }
}

// The fields after the last step; the layers have no part in what is rebuilt.
template <class T>
void Batch<T>::move_last_fields(bool keeps) {
  const std::size_t bytes = sizeof(T) * call_.history.last_fields;
  const Kept to = kept(0, call_.history.fields_at());
  for (Index shot = 0; shot < call_.description.shots; ++shot) {
    T* kept = to.first + shot * to.stride;
    T* fields = state_[0].data() + shot * layout_.state_size;
    stream_.copy(keeps ? kept : fields, keeps ? fields : kept, bytes);
  }
}

// Row i of all shots' quantities, plain and packed.
template <class T>
struct HistoryRows {
  Window w;
  typename Batch<T>::Kept plain, kept;
  Index rows, bytes;  // of a shot; of one packed
  DW_POINTS T* values(Index i) const {
    const Index row = i % rows;
    return plain.first + i / rows * plain.stride + row / w.rows() * w.size + row % w.rows() * w.stride;
  }
  DW_POINTS unsigned char* packed(Index i) const {
    return reinterpret_cast<unsigned char*>(kept.first + i / rows * kept.stride) + i % rows * bytes;
  }
};

// Between the step that is marched and its place in the history. First a thread a row, for its scale, then
// one a cell.
template <class T>
void Batch<T>::move_history(Index sample, Index packed_sample, bool packs) {
  const Window& w = layout_.window;
  const Packing packing = call_.description.packing;
  if (call_.description.boundary) {
    for (int l = 0; l < levels(); ++l) move_frame(l, sample, packed_sample, packs);
    return;
  }
  const Index n = w.cells, rows = call_.equation.histories() * w.rows(), all = call_.description.shots * rows;
  for (int l = 0; l < levels(); ++l) {
    const Kept kept = packed_history(l, packed_sample);
    if (!kept.first) continue;
    if (!packs) move_packed_history(packed_sample, l, false);
    const HistoryRows<T> at{w, history(l, sample), kept, rows,
                            packed_row_bytes(packing, n, call_.description.bits)};
    if (packs && packing != Packing::exact)
      stream_.for_each(all, [=] DW_DEVICE(Index i) {
        *reinterpret_cast<double*>(at.packed(i)) = DW_TARGET::largest_size(at.values(i), n);
      });
    stream_.for_each(all * n, [=] DW_DEVICE(Index i) {
      T* row = at.values(i / n);
      unsigned char* packed = at.packed(i / n);
      DW_TARGET::with_format<T>(packing, [&](auto format) {
        if (packs)
          DW_TARGET::pack_value(format, row, i % n, packed);
        else
          DW_TARGET::unpack_value(format, packed, i % n, row);
      });
    });
    if (packs) move_packed_history(packed_sample, l, true);
  }
}

// Between the packed step on the device and its place elsewhere, if it has one. Here the host waits.
template <class T>
void Batch<T>::move_packed_history(Index sample, int level, bool away) {
  if (!store_[level]) return;
  const Description& d = call_.description;
  const std::size_t bytes = sizeof(T) * d.shots * call_.history.kept(1);
  const Index at = sample * static_cast<Index>(bytes);
  crossing_.resize(bytes);
  if (away) {
    stream_.to_host(crossing_.data(), packed_[level].data(), bytes);
    store_[level]->write(crossing_.data(), bytes, at);
  } else {
    store_[level]->read(crossing_.data(), bytes, at);
    stream_.from_host(packed_[level].data(), crossing_.data(), bytes);
  }
}

// The field at the receivers' nodes.
template <class T>
typename Batch<T>::Kept Batch<T>::traces(int level, Index step_in_segment) const {
  const Description& d = call_.description;
  const Index size = d.receivers * d.receiver_taps, at = step_in_segment * size;
  const Kept callers = callers_history();
  if (callers.first && level > 0) return {nullptr, 0};
  if (callers.first) {
    return {callers.first + call_.history.size() + at, callers.stride};
  }
  T* first = traces_[level].data();
  return {first ? first + at : nullptr, d.history_steps * size};
}

template <class T>
void Batch<T>::finish() {
  const Geometry g = layout_.geometry;
  const Window w = layout_.window;
  const Index shots = call_.description.shots, coefficients = call_.equation.coefficients,
              model_cells = coefficients * g.n[0] * g.n[1] * g.n[2];
  const std::int32_t* model = call_.model_index + kGradientRow * shots;
  const Index models = call_.description.gradients;
  const T each = static_cast<T>(call_.description.sampling);
  const int* outside = outside_.data();
  for (int l = 0; l < levels(); ++l) {
    if (T* out = call_.level[l].gradient[kCoefficients]) {
      const T* from = gradient_[l].data();
      const Index cells = model_cells / coefficients;
      // A thread a cell takes the shots in their order, so that sums keep their bits.
      stream_.for_each(models * model_cells, [=] DW_DEVICE(Index i) {
        const Index cell = i % model_cells, x = cell % g.n[2], y = cell / g.n[2] % g.n[1],
                    z = cell % cells / g.n[2] / g.n[1];
        const Index offset = cell / cells * w.size + w.offset(z, y) + x;
        T sum = 0;
        for (Index s = 0; s < shots; ++s)
          if (w.wants(z, y, x) && model[s] == i / model_cells)
            sum += from[s * coefficients * w.size + offset];
        out[i] = *outside ? T(0) / T(0) : each * sum;
      });
    }
    if (T* out = call_.level[l].out_receivers)
      stream_.for_each(shots * receivers_.count * receivers_.steps, [=] DW_DEVICE(Index i) {
        if (*outside) out[i] = T(0) / T(0);
      });
  }
}

}  // namespace dualwave
