// Memory and operands of a batch.
#pragma once
#include <algorithm>

#include "cuda/batch.hpp"

namespace dualwave {

template <class T>
Batch<T>::Batch(const Call<T>& call, const device::Stream& stream)
    : TimeLoop<Batch<T>>(call.description, call.equation, call.map, make_schedule(call)),
      call_(call),
      stream_(stream),
      layout_(call.layout),
      zero_row_(stream, call.layout.geometry.row_cells()),
      outside_(stream, 1) {
  const Description& d = call.description;
  source_nodes_ = make_nodes(call.source_nodes, d.shots * d.sources * d.source_taps, true);
  receiver_nodes_ = make_nodes(call.receiver_nodes, d.shots * d.receivers * d.receiver_taps, false);
  sources_ = make_sources(call, source_nodes_.data());
  receivers_ = make_receivers(call, receiver_nodes_.data());
  pack_profiles();
  for (int l = 0; l < levels(); ++l)
    if (call.level[l].coefficients) pack_coefficients(l);
  allocate();
  for (int l = 0; l < levels(); ++l)
    for (int o = 0; o < kOperands; ++o)
      if (T* out = call.level[l].gradient[o]) stream_.clear(out, sizeof(T) * call.gradient_size(o));
}

template <class T>
void Batch<T>::allocate() {
  const Description& d = call_.description;
  const bool reverse = is_reverse(call_.map), has_history = d.full && call_.residual(),
             packed = d.packing != Packing::none;
  const History& layout = call_.history;
  for (int l = 0; l < levels(); ++l) {
    state_[l] = {stream_, d.shots * layout_.state_size};
    // The history that is left is of the primal level. Kernels save all levels': here, of one step.
    if (!reverse && has_history && (packed || l > 0)) history_[l] = {stream_, d.shots * layout.plain(1)};
    if (!reverse) continue;
    adjoint_[l] = {stream_, d.shots * layout_.state_size};
    scratch_[l] = {stream_, d.shots * layout_.scratch_size};
    if (call_.wants_gradient(kCoefficients)) {
      gradient_[l] = {stream_, d.shots * call_.equation.coefficients * layout_.window.size};
      if (packed || !has_history)
        history_[l] = {stream_, d.shots * layout.plain(packed ? 1 : d.most_samples())};
      const bool elsewhere = d.elsewhere();
      if (packed && !has_history)
        packed_[l] = {stream_, d.shots * (elsewhere ? layout.kept(1) : layout.fields_at())};
      const Index bytes = d.shots * layout.fields_at() * static_cast<Index>(sizeof(T));
      if (elsewhere && !stream_.counts())
        store_[l] = d.place == Place::host ? make_host_store(bytes) : make_file_store(d.folder, bytes);
    }
    if (call_.wants_gradient(kReceiverWeights) && !has_history)
      traces_[l] = {stream_, d.history_steps * d.shots * d.receivers * d.receiver_taps};
  }
  const Index states = d.inner_states + (call_.residual_in ? 0 : d.checkpoints());
  if (reverse && states && this->schedule_.needs_history)
    checkpoints_ = {stream_, d.shots * states * levels() * layout.state};
}

template <class T>
void Batch<T>::pack_coefficients(int l) {
  const Geometry g = layout_.geometry;
  const Index cells = g.n[0] * g.n[1] * g.n[2],
              total = call_.level[l].models * call_.equation.coefficients * cells;
  coefficients_[l] = {stream_, call_.level[l].models * call_.equation.coefficients * g.grid};
  T* to = coefficients_[l].data();
  const T* from = call_.level[l].coefficients;
  if (needs_reversed(call_))
    reversed_[l] = {stream_, call_.level[l].models * call_.equation.coefficients * g.grid};
  T* back = reversed_[l].data();
  stream_.for_each(total, [=] DW_DEVICE(Index i) {
    const Index at = i / cells * g.grid + make_node(g, i % cells).offset;
    to[at] = from[i];
    if (back) back[at] = -from[i];
  });
}

template <class T>
void Batch<T>::pack_profiles() {
  constexpr Index kRows = 5;
  const int reach = layout_.geometry.halo;
  const Description& d = call_.description;
  // Zeros before and after a row, as far as 16 bytes at a time may read.
  const auto stride = [&](int axis) { return 2 * kAlign + (d.n[axis] + kAlign - 1) / kAlign * kAlign; };
  Index cells = 0;
  for (int axis = 3 - d.dim; axis < 3; ++axis) cells += stride(axis);
  profiles_ = {stream_, (kRows + 2 * reach + 1) * cells};
  const T* from = call_.profiles;
  T* to = profiles_.data();
  for (int axis = 3 - d.dim; axis < 3; ++axis) {
    const T* row[kRows];
    for (Index r = 0; r < kRows; ++r) {
      stream_.copy(to + kAlign, from, sizeof(T) * d.n[axis]);
      row[r] = to + kAlign;
      from += d.n[axis];
      to += stride(axis);
    }
    stream_.for_each(d.n[axis], [=, w = layout_.weights[axis], b = row[1], db = row[2]] DW_DEVICE(Index i) {
      for (int k = -reach; k <= reach; ++k)
        to[around_at(reach, axis == 2, i, k)] = weight_around(w, b, db, i, k);
    });
    layout_.profile[axis] = {row[0], row[1], row[2], row[3], row[4], to};
    to += (2 * reach + 1) * stride(axis);
  }
}

// Values are the device's: what the CPU refuses with an error is marked here, and the mark makes every output
// NaN.
template <class T>
device::Buffer<Node> Batch<T>::make_nodes(const std::int32_t* numbers, Index total, bool is_source) {
  device::Buffer<Node> nodes(stream_, total);
  Node* to = nodes.data();
  int* outside = outside_.data();
  const Geometry g = layout_.geometry;
  const Index limit = call_.equation.fields * g.n[0] * g.n[1] * g.n[2];
  const FieldNames fields = names();
  stream_.for_each(total, [=] DW_DEVICE(Index i) {
    const Index number = numbers[i];
    to[i] = Node{};
    if (number == -1) return;
    const Node node = number >= 0 && number < limit ? make_node(g, number) : Node{};
    if (node.field < 0 || (is_source && fields.stage[node.field] < 0))
      *outside = 1;
    else
      to[i] = node;
  });
  return nodes;
}

template <class T>
typename Batch<T>::FieldNames Batch<T>::names() const {
  FieldNames fields{};
  std::copy(slot_, slot_ + kMaxFields, fields.slot);
  std::copy(call_.stage_of_field.begin(), call_.stage_of_field.end(), fields.stage);
  return fields;
}

template <class T>
BatchView<T> Batch<T>::view(int stage, Index sample) const {
  const Index grid = layout_.geometry.grid, window = layout_.window.size;
  const Index coefficients = call_.equation.coefficients;
  BatchView<T> b{layout_, {}, {}};
  const Description& d = call_.description;
  b.strides = {d.shots,          layout_.state_size, {}, {}, coefficients * window, coefficients * grid,
               call_.model_index};
  for (int l = 0; l < levels(); ++l) {
    b.view.state[l] = state_[l].data();
    b.view.coefficient[l] = coefficients_[l] ? coefficients_[l].data() : zero_row_.data();
    b.view.coefficient_step[l] = coefficients_[l] ? 1 : 0;
    if (sample >= 0) {
      const Kept kept = history(l, sample);
      b.view.history[l] = kept.first + this->histories_before(stage) * window;
      b.strides.history[l] = kept.stride;
      b.view.gradient[l] = gradient_[l].data();
    }
    b.view.adjoint[l] = adjoint_[l].data();
    b.view.scratch[l] = scratch_[l].data();
    b.strides.scratch[l] = layout_.scratch_size;
  }
  std::copy(slot_, slot_ + kMaxFields, b.view.slot);
  b.view.parity = parity_;
  return b;
}

template <class T>
const Launches<T>& Batch<T>::launches() const {
  const Description& d = call_.description;
  return find_launches<T>(d.equation, d.dim, d.order);
}

template <class T>
void Batch<T>::update(int stage, Index sample) {
  const int levels = this->log_levels();
  const Launches<T>& of = launches();
  (sample >= 0 ? of.forward_saving[stage][levels] : of.forward[stage][levels])(stream_, view(stage, sample));
}

template <class T>
void Batch<T>::retreat(int stage, Index sample) {
  BatchView<T> b = view(stage, sample);
  // What adds to a field takes away with the coefficients' signs reversed; a leapfrog is its own inverse.
  for (int l = 0; l < levels() && call_.equation.stages[stage].accumulate; ++l)
    if (reversed_[l]) b.view.coefficient[l] = reversed_[l].data();
  launches().retreat[stage][this->log_levels()](stream_, b);
}

template <class T>
void Batch<T>::multiply(int stage, Index sample) {
  launches().adjoint_multiply[stage][this->log_levels()](stream_, view(stage, sample));
}

template <class T>
void Batch<T>::gather(int stage, Index sample) {
  launches().adjoint_gather[stage][this->log_levels()](stream_, view(stage, sample));
}

}  // namespace dualwave
