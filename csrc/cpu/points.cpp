// Sources and receivers of a shot. Threads that share the shot take every count-th point, or the nodes in
// their own rows.
#include "cpu/shot.hpp"

namespace dualwave {

template <class T>
Blocks<T> Shot<T>::blocks(const Buffer<T> (&of)[kLevels]) const {
  Blocks<T> b{{}, slot_, p_.layout.geometry.grid};
  for (int l = 0; l < levels(); ++l) b.block[l] = of[l].data();
  return b;
}

template <class T>
void Shot<T>::record(Index step) {
  const Points<T>& points = p_.receivers;
  const Blocks<T> state = blocks(m_.state);
  for (int level = 0; level < levels(); ++level)
    if (T* out = p_.level[level].out_receivers)
      for (Index row = shot_ * points.count + who_.index; row < (shot_ + 1) * points.count; row += who_.count)
        out[row * points.steps + step] = recorded(points, state, row, level);
}

template <class T>
void Shot<T>::keep_traces(Index step_in_segment) {
  if (!m_.traces[0]) return;
  const Points<T>& points = p_.receivers;
  const Blocks<T> state = blocks(m_.state);
  const Index size = points.count * points.taps;
  for (int level = 0; level < levels(); ++level)
    for (Index i = who_.index; i < size; i += who_.count) {
      const Node& node = points.nodes[shot_ * size + i];
      m_.traces[level].data()[step_in_segment * size + i] = node.field >= 0 ? *state.at(level, node) : T(0);
    }
}

// Adds weight * sample at the nodes of this member's rows, those on fields of `stage` if one is named.
template <class T>
void Shot<T>::emit(const Points<T>& points, const Blocks<T>& to, int stage, Index step) {
  for (Index row = shot_ * points.count; row < (shot_ + 1) * points.count; ++row)
    for (Index i = row * points.taps; i < (row + 1) * points.taps; ++i) {
      const Node& node = points.nodes[i];
      if (node.field < 0 || !who_.owns(node) || (stage >= 0 && p_.stage_of_field[node.field] != stage))
        continue;
      for (int level = 0; level < levels(); ++level)
        *to.at(level, node) += emitted(points, row, i, step, level);
    }
}

template <class T>
void Shot<T>::inject(int stage, Index step) {
  emit(p_.sources, blocks(m_.state), stage, step);
}

template <class T>
void Shot<T>::inject_residuals(Index step) {
  emit(p_.receivers, blocks(m_.adjoint), -1, step);
}

template <class T>
void Shot<T>::source_gradients(int stage, Index step) {
  const Points<T>& points = p_.sources;
  const Blocks<T> adjoint = blocks(m_.adjoint);
  for (int level = 0; level < levels(); ++level) {
    T* amplitudes = p_.level[level].gradient[kAmplitudes];
    T* weights = p_.level[level].gradient[kSourceWeights];
    if (!amplitudes && !weights) continue;
    for (Index row = shot_ * points.count + who_.index; row < (shot_ + 1) * points.count; row += who_.count)
      for (Index i = row * points.taps; i < (row + 1) * points.taps; ++i) {
        const Node& node = points.nodes[i];
        if (node.field < 0 || p_.stage_of_field[node.field] != stage) continue;
        const auto lambda = [&](int l) { return *adjoint.at(l, node); };
        if (amplitudes)
          amplitudes[row * points.steps + step] +=
              sum_parts<T>(level, [&](int a, int b) { return entry(points.weights[a], i) * lambda(b); });
        if (weights) weights[i] += weight_gradient(points, row, step, level, lambda);
      }
  }
}

template <class T>
void Shot<T>::receiver_gradients(Index step, Index step_in_segment) {
  const Points<T>& points = p_.receivers;
  const Index size = points.count * points.taps;
  for (int level = 0; level < levels(); ++level)
    if (T* weights = p_.level[level].gradient[kReceiverWeights])
      for (Index i = who_.index; i < size; i += who_.count) {
        const auto trace = [&](int l) { return m_.traces[l].data()[step_in_segment * size + i]; };
        weights[shot_ * size + i] +=
            weight_gradient(points, shot_ * points.count + i / points.taps, step, level, trace);
      }
}

template class Shot<float>;
template class Shot<double>;

}  // namespace dualwave
