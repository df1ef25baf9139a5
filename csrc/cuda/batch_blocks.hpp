// State blocks of a batch: packing, checkpoints, and the models' gradients.
#pragma once
#include "cuda/batch.hpp"
#include "kernels/packing.hpp"

namespace dualwave {

// The parts of all shots.
template <class T>
struct PartMove {
  Part part;
  typename Batch<T>::Kept block, packed;
  bool packs;
  typename Profile<T>::Seen profile{};  // of PML memory of an adjoint block
  DW_POINTS void operator()(Index i) const {
    const Index of_shot = part.cells(), shot = i / of_shot, x = i % part.extent[2],
                y = i / part.extent[2] % part.extent[1], z = i % of_shot / part.extent[2] / part.extent[1];
    const auto at = [=](const Cells& cells) {
      return cells.first + z * cells.stride[0] + y * cells.stride[1] + x;
    };
    T& in = block.first[shot * block.stride + at(part.block)];
    T& out = packed.first[shot * packed.stride + at(part.packed)];
    const Index cell = part.on_axis(z, y, x);
    const T factor = profile.a ? cotangent_of_memory(profile.a[cell], profile.b[cell], part.is_psi) : T(1);
    if (packs)
      out = factor * in;
    else
      in = factor == 0 ? T(0) : out / factor;
  }
};

template <class T>
void Batch<T>::move_part(const Part& part, Kept block, Kept packed, bool packs) {
  const PartMove<T> move{part, block, packed, packs};
  stream_.for_each(call_.description.shots * part.cells(), [=] DW_DEVICE(Index i) { move(i); });
}

template <class T>
void Batch<T>::move_state(const device::Buffer<T>& block, Kept packed, Packed as, int psi_copy, bool packs) {
  for (const Part& part :
       packed_state(call_.equation, layout_.geometry, as, {slot_, layout_.memory, psi_copy}))
    move_part(part, {block.data(), layout_.state_size}, packed, packs);
}

// The same of one of the caller's, if there is one.
template <class T>
void Batch<T>::move_callers(const device::Buffer<T>& block, const T* packed, int psi_copy, bool packs) {
  if (packed)
    move_state(block, {const_cast<T*>(packed), call_.packed_state}, Packed::callers, psi_copy, packs);
}

// The same of an adjoint block.
template <class T>
void Batch<T>::move_adjoint(const device::Buffer<T>& block, const T* packed, bool packs) {
  if (!packed) return;
  for (const Part& part :
       packed_state(call_.equation, layout_.geometry, Packed::callers, {slot_, layout_.memory, parity_})) {
    PartMove<T> move{
        part, {block.data(), layout_.state_size}, {const_cast<T*>(packed), call_.packed_state}, packs};
    if (part.profile_axis >= 0)
      move.profile = layout_.profile[part.profile_axis].at_nodes(part.at_half_nodes);
    stream_.for_each(call_.description.shots * part.cells(), [=] DW_DEVICE(Index i) { move(i); });
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
void Batch<T>::clear_state() {
  for (int l = 0; l < levels(); ++l)
    stream_.clear(state_[l].data(), sizeof(T) * call_.description.shots * layout_.state_size);
}

template <class T>
bool Batch<T>::load_state() {
  clear_state();
  for (int l = 0; l < levels(); ++l) move_callers(state_[l], call_.level[l].state, 0, false);
  return true;
}

template <class T>
bool Batch<T>::store_state() {
  for (int l = 0; l < levels(); ++l) move_callers(state_[l], call_.level[l].out_state, parity_, true);
  return true;
}

template <class T>
bool Batch<T>::load_adjoint() {
  for (int l = 0; l < levels(); ++l) move_adjoint(adjoint_[l], call_.level[l].state_bar, false);
  return true;
}

template <class T>
bool Batch<T>::store_adjoint() {
  for (int l = 0; l < levels(); ++l) move_adjoint(adjoint_[l], call_.level[l].gradient[kState], true);
  return true;
}

// Kept states are [shot][number][level][History::state]: the caller's checkpoints, which are of the primal
// level, and then those that are the batch's own.
template <class T>
void Batch<T>::move_checkpoint(Index number, bool save) {
  const Description& d = call_.description;
  const int kept_levels = is_reverse(call_.map) ? levels() : 1;
  T* callers = call_.residual();
  const Index count = callers ? d.checkpoints() : 0;
  const bool is_own = number >= count;
  T* all = is_own ? checkpoints_.data() : callers;
  const Index size = call_.history.state,
              per_shot = (is_own ? d.inner_states + d.checkpoints() - count : count) * kept_levels * size;
  if (is_own) number -= count;
  for (int l = 0; l < kept_levels; ++l)
    move_state(state_[l], {all + (number * kept_levels + l) * size, per_shot}, Packed::kept, parity_, save);
}

template <class T>
typename Batch<T>::Kept Batch<T>::callers_history() const {
  const Description& d = call_.description;
  return {d.full ? call_.residual() : nullptr, residual_shape(d, call_.history).size()};
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
  if (call_.description.elsewhere()) return {packed_[level].data(), call_.history.kept(1)};
  return kept(level, call_.history.kept(sample));
}

template <class T>
void Batch<T>::move_frame(int level, Index sample, Index kept_sample, bool keeps) {
  if (!kept(level, 0).first) return;
  for (const Part& part : call_.history.frame_parts(kept_sample))
    move_part(part, history(level, sample), kept(level, 0), keeps);
}

template <class T>
void Batch<T>::move_strips(int stage, Index step, bool keeps) {
  for (int l = 0; l < levels(); ++l)
    for (const Strip& strip : call_.history.strips) {
      if (!kept(l, 0).first || strip.stage != stage) continue;
      move_part(call_.history.strip_part(strip, layout_.geometry, slot_, step),
                {state_[l].data(), layout_.state_size}, kept(l, 0), keeps);
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
        out[i] = each * sum;
      });
    }
    for (int o = 0; o < kOperands; ++o) mark_outside(call_.level[l].gradient[o], call_.gradient_size(o));
    mark_outside(call_.level[l].out_receivers, shots * receivers_.count * receivers_.steps);
    mark_outside(call_.level[l].out_state, shots * call_.packed_state);
  }
}

// Not a number in all of an output, if there is one and a node lies outside the grid.
template <class T>
void Batch<T>::mark_outside(T* out, Index size) {
  const int* outside = outside_.data();
  if (out)
    stream_.for_each(size, [=] DW_DEVICE(Index i) {
      if (*outside) out[i] = T(0) / T(0);
    });
}

}  // namespace dualwave
