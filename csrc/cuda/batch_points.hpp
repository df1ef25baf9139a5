// Sources and receivers of a batch.
#pragma once
#include "cuda/batch.hpp"

namespace dualwave {

// The blocks of one shot, to be made on the device from the batch's.
template <class T>
struct BatchBlocks {
  T* block[kLevels];
  Index stride;
  Index grid;
  DW_POINTS Blocks<T> of(Index shot, const int* slot) const {
    Blocks<T> b{{}, slot, grid};
    for (int l = 0; l < kLevels; ++l) b.block[l] = block[l] ? block[l] + shot * stride : nullptr;
    return b;
  }
};

template <class T>
BatchBlocks<T> batch_blocks(const device::Buffer<T> (&of)[kLevels], Index stride, Index grid) {
  BatchBlocks<T> b{{}, stride, grid};
  for (int l = 0; l < kLevels; ++l) b.block[l] = of[l].data();
  return b;
}

template <class T>
void Batch<T>::record(Index step) {
  const Points<T> points = receivers_;
  const BatchBlocks<T> state = batch_blocks(state_, layout_.state_size, layout_.geometry.grid);
  const FieldNames fields = names();
  for (int level = 0; level < levels(); ++level)
    if (T* out = call_.level[level].out_receivers)
      stream_.for_each(call_.description.shots * points.count, [=] DW_DEVICE(Index row) {
        const Blocks<T> shot = state.of(row / points.count, fields.slot);
        out[row * points.steps + step] =
            recorded(points, row, level, [&](int l, Index i) { return *shot.at(l, points.nodes[i]); });
      });
}

template <class T>
void Batch<T>::keep_traces(Index step_in_segment) {
  const Points<T> points = receivers_;
  const BatchBlocks<T> state = batch_blocks(state_, layout_.state_size, layout_.geometry.grid);
  const FieldNames fields = names();
  const Index size = points.count * points.taps, total = call_.description.shots * size;
  for (int level = 0; level < levels(); ++level) {
    const Kept out = traces(level, step_in_segment);
    if (!out.first) continue;
    stream_.for_each(total, [=] DW_DEVICE(Index i) {
      const Node& node = points.nodes[i];
      out.first[i / size * out.stride + i % size] =
          node.field >= 0 ? *state.of(i / size, fields.slot).at(level, node) : T(0);
    });
  }
}

template <class T>
void Batch<T>::emit(const Points<T>& of, device::Buffer<T> (&blocks)[kLevels], int stage, Index step,
                    T sign) {
  const Points<T> points = of;
  const BatchBlocks<T> to = batch_blocks(blocks, layout_.state_size, layout_.geometry.grid);
  const FieldNames fields = names();
  const Index size = points.count * points.taps;
  const int count = levels();
  stream_.for_each(call_.description.shots * size, [=] DW_DEVICE(Index i) {
    const Node& node = points.nodes[i];
    if (node.field < 0 || (stage >= 0 && fields.stage[node.field] != stage)) return;
    for (int level = 0; level < count; ++level)
      device::add(to.of(i / size, fields.slot).at(level, node),
                  sign * emitted(points, i / points.taps, i, step, level));
  });
}

template <class T>
void Batch<T>::source_gradients(int stage, Index step) {
  const Points<T> points = sources_;
  const BatchBlocks<T> adjoint = batch_blocks(adjoint_, layout_.state_size, layout_.geometry.grid);
  const FieldNames fields = names();
  for (int level = 0; level < levels(); ++level) {
    T* amplitudes = call_.level[level].gradient[kAmplitudes];
    T* weights = call_.level[level].gradient[kSourceWeights];
    if (!amplitudes && !weights) continue;
    stream_.for_each(call_.description.shots * points.count, [=] DW_DEVICE(Index row) {
      const Blocks<T> shot = adjoint.of(row / points.count, fields.slot);
      for (Index i = row * points.taps; i < (row + 1) * points.taps; ++i) {
        const Node& node = points.nodes[i];
        if (node.field < 0 || fields.stage[node.field] != stage) continue;
        const auto lambda = [&](int l) { return *shot.at(l, node); };
        if (amplitudes)
          amplitudes[row * points.steps + step] +=
              sum_parts<T>(level, [&](int a, int b) { return entry(points.weights[a], i) * lambda(b); });
        if (weights) weights[i] += weight_gradient(points, row, step, level, lambda);
      }
    });
  }
}

template <class T>
void Batch<T>::receiver_gradients(Index step, Index step_in_segment) {
  const Points<T> points = receivers_;
  const Index size = points.count * points.taps, total = call_.description.shots * size;
  const Kept low = traces(0, step_in_segment), high = traces(1, step_in_segment);
  for (int level = 0; level < levels(); ++level)
    if (T* weights = call_.level[level].gradient[kReceiverWeights])
      stream_.for_each(total, [=] DW_DEVICE(Index i) {
        if (points.nodes[i].field < 0) return;
        const auto kept = [&](int l) {
          const Kept& of_level = l == 0 ? low : high;
          return of_level.first[i / size * of_level.stride + i % size];
        };
        weights[i] += weight_gradient(points, i / points.taps, step, level, kept);
      });
}

}  // namespace dualwave
