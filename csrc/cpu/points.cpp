// Sources and receivers of a shot. Nodes are read and added to with the rows that they lie in; what belongs
// to a point as a whole, its record or the gradient of its amplitude, is summed up from its nodes when the
// steps that are executed at once are done, by the thread that has every count-th point.
#include <algorithm>

#include "cpu/shot.hpp"

namespace dualwave {

template <class T>
Blocks<T> Shot<T>::blocks(const Buffer<T> (&of)[kLevels]) const {
  Blocks<T> b{{}, slot_, p_.layout.geometry.grid};
  for (int l = 0; l < levels(); ++l) b.block[l] = of[l].data();
  return b;
}

// f(node's number) for this shot's nodes in the rows of the event.
template <class T>
template <class F>
void Shot<T>::for_nodes(const Points<T>& points, const RowOrder& order, F&& f) const {
  const auto end = order.node.begin() + order.first[shot_ + 1];
  auto i = std::lower_bound(order.node.begin() + order.first[shot_], end, row_begin_,
                            [&](Index node, Index row) { return points.nodes[node].row < row; });
  for (; i != end && points.nodes[*i].row < row_end_; ++i) f(*i);
}

// Keeps the field at the receivers' nodes, of the levels that have a place for it.
template <class T>
void Shot<T>::keep(T* const (&to)[kLevels]) {
  const Points<T>& points = p_.receivers;
  const Blocks<T> state = blocks(m_.state);
  const Index first = shot_ * points.count * points.taps;
  for_nodes(points, p_.receiver_order, [&](Index i) {
    for (int level = 0; level < levels(); ++level)
      if (to[level]) to[level][i - first] = *state.at(level, points.nodes[i]);
  });
}

template <class T>
void Shot<T>::record(Index step) {
  if (!m_.samples[0]) return;
  const Index kept = step % steps_at_once(false) * p_.receivers.count * p_.receivers.taps;
  T* to[kLevels] = {};
  for (int level = 0; level < levels(); ++level) to[level] = m_.samples[level].data() + kept;
  keep(to);
}

template <class T>
bool Shot<T>::finish_records(Index first, Index last) {
  if (!m_.samples[0]) return true;
  const Points<T>& points = p_.receivers;
  const Index size = points.count * points.taps;
  for (int level = 0; level < levels(); ++level)
    if (T* out = p_.level[level].out_receivers)
      for (Index row = shot_ * points.count + who_.index; row < (shot_ + 1) * points.count; row += who_.count)
        for (Index step = first; step < last; ++step) {
          const Index kept = step % steps_at_once(false) * size - shot_ * size;
          out[row * points.steps + step] =
              recorded(points, row, level, [&](int l, Index i) { return m_.samples[l].data()[kept + i]; });
        }
  return sync();
}

template <class T>
void Shot<T>::keep_traces(Index step_in_segment) {
  T* to[kLevels] = {};
  for (int level = 0; level < levels(); ++level) to[level] = traces(level, step_in_segment);
  if (to[0]) keep(to);
}

// Adds weight * sample * factor(node) at nodes, those on fields of `stage` if one is named.
template <class T>
template <class Factor>
void Shot<T>::emit(const Points<T>& points, const RowOrder& order, const Blocks<T>& to, int stage, Index step,
                   Factor&& factor) {
  for_nodes(points, order, [&](Index i) {
    const Node& node = points.nodes[i];
    if (stage >= 0 && p_.stage_of_field[node.field] != stage) return;
    for (int level = 0; level < levels(); ++level)
      *to.at(level, node) += factor(node) * emitted(points, i / points.taps, i, step, level);
  });
}

template <class T>
void Shot<T>::inject(int stage, Index step, T sign) {
  emit(p_.sources, p_.source_order, blocks(m_.state), stage, step, [=](const Node&) { return sign; });
}

// What the cotangent at a node is multiplied by in the adjoint block.
template <class T>
T Shot<T>::scale_at(const Node& node) const {
  if (!p_.scaled) return 1;
  return scales(node.field)[node.offset] * scale_sign(node.field);
}

template <class T>
void Shot<T>::inject_residuals(Index step) {
  emit(p_.receivers, p_.receiver_order, blocks(m_.adjoint), -1, step,
       [&](const Node& node) { return scale_at(node); });
}

template <class T>
void Shot<T>::source_gradients(int stage, Index step) {
  if (!m_.lambdas[0]) return;
  const Points<T>& points = p_.sources;
  const Blocks<T> adjoint = blocks(m_.adjoint);
  const Index size = points.count * points.taps, kept = step % steps_at_once(true) * size - shot_ * size;
  for_nodes(points, p_.source_order, [&](Index i) {
    const Node& node = points.nodes[i];
    if (p_.stage_of_field[node.field] != stage) return;
    for (int level = 0; level < levels(); ++level)
      m_.lambdas[level].data()[kept + i] = *adjoint.at(level, node) / scale_at(node);
  });
}

template <class T>
bool Shot<T>::finish_source_gradients(Index first, Index last) {
  if (!m_.lambdas[0]) return true;
  const Points<T>& points = p_.sources;
  const Index size = points.count * points.taps;
  for (int level = 0; level < levels(); ++level) {
    T* amplitudes = p_.level[level].gradient[kAmplitudes];
    T* weights = p_.level[level].gradient[kSourceWeights];
    if (!amplitudes && !weights) continue;
    for (Index row = shot_ * points.count + who_.index; row < (shot_ + 1) * points.count; row += who_.count)
      for (Index step = last - 1; step >= first; --step) {
        const Index kept = step % steps_at_once(true) * size - shot_ * size;
        for (Index i = row * points.taps; i < (row + 1) * points.taps; ++i) {
          if (points.nodes[i].field < 0) continue;
          const auto lambda = [&](int l) { return m_.lambdas[l].data()[kept + i]; };
          if (amplitudes)
            amplitudes[row * points.steps + step] +=
                sum_parts<T>(level, [&](int a, int b) { return entry(points.weights[a], i) * lambda(b); });
          if (weights) weights[i] += weight_gradient(points, row, step, level, lambda);
        }
      }
  }
  return sync();
}

template <class T>
void Shot<T>::receiver_gradients(Index step, Index step_in_segment) {
  const Points<T>& points = p_.receivers;
  const Index size = points.count * points.taps;
  const T* kept[kLevels] = {};
  for (int level = 0; level < levels(); ++level) kept[level] = traces(level, step_in_segment);
  for (int level = 0; level < levels(); ++level)
    if (T* weights = p_.level[level].gradient[kReceiverWeights])
      for (Index i = shot_ * size + who_.index; i < (shot_ + 1) * size; i += who_.count) {
        if (points.nodes[i].field < 0) continue;
        weights[i] += weight_gradient(points, i / points.taps, step, level,
                                      [&](int l) { return kept[l][i - shot_ * size]; });
      }
}

template class Shot<float>;
template class Shot<double>;

}  // namespace dualwave
