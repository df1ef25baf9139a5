// Sources and receivers: products of weights, amplitudes and fields at nodes, on every level (see
// kernels/algebra.hpp).
#pragma once
#include "kernels/view.hpp"

#if defined(__CUDACC__)
#  define DW_POINTS __host__ __device__ inline
#else
#  define DW_POINTS inline
#endif

namespace dualwave {

struct Node {
  int field = -1;    // -1: an ignored location
  Index row = 0;     // z * ny + y, which says whose it is when threads share a shot
  Index offset = 0;  // in a grid
};

// The sources, or the receivers, of all shots: each has `taps` nodes with a weight each, and a series of
// samples.
template <class T>
struct Points {
  Index count = 0;  // in a shot
  Index taps = 0;
  Index steps = 0;
  const Node* nodes = nullptr;     // [shot][point][tap]
  const T* weights[kLevels] = {};  // as the nodes; null at a level that has none
  const T* series[kLevels] = {};   // [shot][point][step]: amplitudes, or the receivers' cotangents
};

// The state blocks of a shot, with the names of the fields.
template <class T>
struct Blocks {
  T* block[kLevels];
  const int* slot;
  Index grid;
  DW_POINTS T* at(int level, const Node& node) const {
    return block[level] + slot[node.field] * grid + node.offset;
  }
};

// sum over parts of f(part, level without part).
template <class T, class F>
DW_POINTS T sum_parts(int level, F&& f) {
  T sum = 0;
  for (int part = 0; part <= level; ++part)
    if ((part & level) == part) sum += f(part, level ^ part);
  return sum;
}

template <class T>
DW_POINTS T entry(const T* array, Index index) {
  return array ? array[index] : T(0);
}

// What point `row` (shot * count + point) reads: sum over its taps of weight * value(level, tap).
template <class T, class Value>
DW_POINTS T recorded(const Points<T>& p, Index row, int level, Value&& value) {
  T sum = 0;
  for (Index i = row * p.taps; i < (row + 1) * p.taps; ++i)
    if (p.nodes[i].field >= 0)
      sum += sum_parts<T>(level, [&](int a, int b) { return entry(p.weights[a], i) * value(b, i); });
  return sum;
}

// What tap i of point `row` adds to its node: weight * sample.
template <class T>
DW_POINTS T emitted(const Points<T>& p, Index row, Index i, Index step, int level) {
  return sum_parts<T>(
      level, [&](int a, int b) { return entry(p.weights[a], i) * entry(p.series[b], row * p.steps + step); });
}

// Gradient of tap i's weight: sample * value, the value at the node by level.
template <class T, class Value>
DW_POINTS T weight_gradient(const Points<T>& p, Index row, Index step, int level, Value&& value) {
  return sum_parts<T>(level,
                      [&](int a, int b) { return entry(p.series[a], row * p.steps + step) * value(b); });
}

}  // namespace dualwave
