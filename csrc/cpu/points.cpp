// Sources and receivers of a shot: products of weights, amplitudes and fields, on every level (see kernels/algebra.hpp).
#include "cpu/shot.hpp"

namespace dualwave {
namespace {

// sum over parts of a_part b_(level without part), where f(part, other part) gives one product.
template <class T, class F>
T product_sum(int level, F&& f) {
  T sum = 0;
  for (int part = 0; part <= level; ++part)
    if ((part & level) == part) sum += f(part, level ^ part);
  return sum;
}

template <class T>
T at(const T* array, Index index) {
  return array ? array[index] : T(0);
}

}  // namespace

template <class T>
void Shot<T>::record(Index step) {
  const Points& points = p_.receivers;
  const Index steps = p_.description.steps;
  for (int level = 0; level < levels(); ++level) {
    T* out = p_.level[level].out_receivers;
    if (!out) continue;
    for (Index k = who_.index; k < points.count; k += who_.count) {
      const Node* nodes = points.of(shot_, k);
      const Index row = shot_ * points.count + k;
      T sum = 0;
      for (Index i = 0; i < points.taps; ++i)
        if (nodes[i].field >= 0)
          sum += product_sum<T>(level, [&](int a, int b) { return at(p_.level[a].receiver_weights, row * points.taps + i) * *at_node(m_.state[b], nodes[i]); });
      out[row * steps + step] = sum;
    }
  }
}

template <class T>
void Shot<T>::keep_traces(Index step_in_segment) {
  if (!m_.traces[0]) return;
  const Points& points = p_.receivers;
  for (int level = 0; level < levels(); ++level)
    for (Index k = who_.index; k < points.count; k += who_.count) {
      const Node* nodes = points.of(shot_, k);
      T* out = m_.traces[level].data() + (step_in_segment * points.count + k) * points.taps;
      for (Index i = 0; i < points.taps; ++i) out[i] = nodes[i].field >= 0 ? *at_node(m_.state[level], nodes[i]) : T(0);
    }
}

template <class T>
void Shot<T>::inject(int stage, Index step) {
  const Points& points = p_.sources;
  const Index steps = p_.description.steps;
  for (Index k = 0; k < points.count; ++k) {
    const Node* nodes = points.of(shot_, k);
    const Index row = shot_ * points.count + k;
    for (Index i = 0; i < points.taps; ++i) {
      const Node& node = nodes[i];
      if (node.field < 0 || p_.stage_of_field[node.field] != stage || !who_.owns(node)) continue;
      for (int level = 0; level < levels(); ++level)
        *at_node(m_.state[level], node) += product_sum<T>(level, [&](int a, int b) {
          return at(p_.level[a].source_weights, row * points.taps + i) * at(p_.level[b].amplitudes, row * steps + step);
        });
    }
  }
}

template <class T>
void Shot<T>::source_gradients(int stage, Index step) {
  const Points& points = p_.sources;
  const Index steps = p_.description.steps;
  for (int level = 0; level < levels(); ++level) {
    T* amplitudes = p_.level[level].gradient[kAmplitudes];
    T* weights = p_.level[level].gradient[kSourceWeights];
    if (!amplitudes && !weights) continue;
    for (Index k = who_.index; k < points.count; k += who_.count) {
      const Node* nodes = points.of(shot_, k);
      const Index row = shot_ * points.count + k;
      for (Index i = 0; i < points.taps; ++i) {
        const Node& node = nodes[i];
        if (node.field < 0 || p_.stage_of_field[node.field] != stage) continue;
        const auto lambda = [&](int b) { return *at_node(m_.adjoint[b], node); };
        if (amplitudes)
          amplitudes[row * steps + step] +=
              product_sum<T>(level, [&](int a, int b) { return at(p_.level[a].source_weights, row * points.taps + i) * lambda(b); });
        if (weights)
          weights[row * points.taps + i] += product_sum<T>(level, [&](int a, int b) { return at(p_.level[a].amplitudes, row * steps + step) * lambda(b); });
      }
    }
  }
}

template <class T>
void Shot<T>::receiver_gradients(Index step, Index step_in_segment) {
  const Points& points = p_.receivers;
  const Index steps = p_.description.steps;
  for (int level = 0; level < levels(); ++level) {
    T* weights = p_.level[level].gradient[kReceiverWeights];
    if (!weights) continue;
    for (Index k = who_.index; k < points.count; k += who_.count) {
      const Index row = shot_ * points.count + k;
      const Index trace = (step_in_segment * points.count + k) * points.taps;
      for (Index i = 0; i < points.taps; ++i)
        weights[row * points.taps + i] +=
            product_sum<T>(level, [&](int a, int b) { return at(p_.level[a].receivers_bar, row * steps + step) * m_.traces[b].data()[trace + i]; });
    }
  }
}

template <class T>
void Shot<T>::inject_residuals(Index step) {
  const Points& points = p_.receivers;
  const Index steps = p_.description.steps;
  for (Index k = 0; k < points.count; ++k) {
    const Node* nodes = points.of(shot_, k);
    const Index row = shot_ * points.count + k;
    for (Index i = 0; i < points.taps; ++i) {
      const Node& node = nodes[i];
      if (node.field < 0 || !who_.owns(node)) continue;
      for (int level = 0; level < levels(); ++level)
        *at_node(m_.adjoint[level], node) += product_sum<T>(level, [&](int a, int b) {
          return at(p_.level[a].receiver_weights, row * points.taps + i) * at(p_.level[b].receivers_bar, row * steps + step);
        });
    }
  }
}

template class Shot<float>;
template class Shot<double>;

}  // namespace dualwave
