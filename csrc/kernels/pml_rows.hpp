// The PML over a stretch of a row. Nothing here knows the equation, so that all of them share one copy of
// each loop.
#pragma once
#include "kernels/row.hpp"

namespace dualwave::DW_TARGET {

// A stretch [from, to) of a row in the slabs of one axis, for one piece of a stage and one level.
template <class T>
struct PmlStretch {
  Index from, to;
  T scale;            // the piece's
  int memory_number;  // of the piece, among all that have memory
  int axis;
  Index at;  // offset of the stretch's row in the axis' slab arrays
};

// put(x, what the layer adds to the derivative of the row f) for each cell.
template <Op op, int order, bool inner, class T, class Put>
DW_INLINE void for_absorbed(const Row<T>& row, const PmlStretch<T>& s, const T* f, T* state, Put&& put) {
  const Layout<T>& l = row.layout;
  const Slab& slab = l.geometry.slab[s.axis];
  const Index stride = inner ? 1 : l.geometry.stride[s.axis];
  const Index slab_stride = inner ? 1 : slab.stride[s.axis];
  const Weights<T> w = l.weights[s.axis];
  const PmlRow<op, inner, T> profile(l.profile[s.axis], row.index[s.axis]);
  T* memory = state + l.memory[s.memory_number] + s.at;
  if constexpr (op == Op::second) {
    const T* psi = memory + row.view.parity * slab.size;
    T* psi_next = memory + (1 - row.view.parity) * slab.size;
    T* zeta = memory + 2 * slab.size;
#pragma GCC ivdep
    for (Index x = s.from; x < s.to; ++x) {
      const auto step = second_pml<order>(f + x, stride, w, profile(x), psi + x, zeta + x, slab_stride);
      psi_next[x] = step.psi;
      zeta[x] = step.memory;
      put(x, step.added);
    }
  } else {
#pragma GCC ivdep
    for (Index x = s.from; x < s.to; ++x) {
      const auto step = staggered_pml(derivative<op, order>(f + x, stride, w), profile(x), memory + x);
      memory[x] = step.memory;
      put(x, step.added);
    }
  }
}

// to[x] = scale * that.
template <Op op, int order, bool inner, class T>
DW_NOINLINE void absorb(const Row<T>& row, const PmlStretch<T>& s, const T* f, T* state, T* __restrict to) {
  for_absorbed<op, order, inner>(row, s, f, state,
                                 [&, scale = s.scale](Index x, T value) DW_FLAT { to[x] = scale * value; });
}

// The same times c[x], added where it goes: target[x] += scale * c[x] * it.
template <Op op, int order, bool inner, class T>
DW_NOINLINE void absorb_into(const Row<T>& row, const PmlStretch<T>& s, const T* f, T* state, T scale,
                             const T* c, T* __restrict target) {
  for_absorbed<op, order, inner>(row, s, f, state, [=, factor = s.scale * scale](Index x, T value) DW_FLAT {
    target[x] = madd(factor * c[x], value, target[x]);
  });
}

// The transpose's first pass, over the row q of Lambda.
template <Op op, bool inner, class T>
DW_NOINLINE void multiply_absorbed(const Row<T>& row, const PmlStretch<T>& s, const T* q, T* adjoint) {
  const Layout<T>& l = row.layout;
  const Slab& slab = l.geometry.slab[s.axis];
  const PmlRow<op, inner, T> profile(l.profile[s.axis], row.index[s.axis]);
  T* kept = adjoint + l.memory[s.memory_number] + s.at + (op == Op::second ? 2 * slab.size : 0);
#pragma GCC ivdep
  for (Index x = s.from; x < s.to; ++x) pml_multiply(s.scale * q[x], profile(x), kept + x);
}

// The second, of one row: add(x, what the layer adds to the transposed derivative that is there already).
template <Op op, int order, bool inner, class T, class Add>
DW_INLINE void gather_row(const Row<T>& row, const PmlStretch<T>& s, const T* q, T* memory, Add&& add) {
  const Layout<T>& l = row.layout;
  const Slab& slab = l.geometry.slab[s.axis];
  const Index stride = inner ? 1 : l.geometry.stride[s.axis], slab_stride = inner ? 1 : slab.stride[s.axis];
  const Weights<T> w = l.weights[s.axis];
  if constexpr (op == Op::second) {
    const PmlRow<op, inner, T> profile(l.profile[s.axis], row.index[s.axis]);
    const AroundRow<order / 2, inner, T> around(l.profile[s.axis], row.index[s.axis]);
    const T *sigma = memory + 2 * slab.size, *phi = memory + (1 - row.view.parity) * slab.size;
    T* phi_next = memory + row.view.parity * slab.size;
    const T scale = s.scale;
#pragma GCC ivdep
    for (Index x = s.from; x < s.to; ++x)
      add(x, madd(-scale, second_derivative<order>(q + x, stride, w),
                  second_pml_gather<order>([&](int k) DW_FLAT { return scale * q[x + k * stride]; },
                                           AdjointMemory{sigma + x, phi + x, phi_next + x, slab_stride}, w,
                                           profile(x), [&](int k) DW_FLAT { return around(x, k); })));
  } else {
#pragma GCC ivdep
    for (Index x = s.from; x < s.to; ++x) add(x, transposed<op, order>(memory + x, slab_stride, w));
  }
}

// sum[x] += c[x] * that; with c null, += that.
template <Op op, int order, bool inner, class T>
DW_NOINLINE void gather_absorbed(const Row<T>& row, const PmlStretch<T>& s, const T* q, T* adjoint,
                                 T* __restrict sum, const T* c = nullptr) {
  T* memory = adjoint + row.layout.memory[s.memory_number] + s.at;
  if (c)
    gather_row<op, order, inner>(row, s, q, memory,
                                 [=](Index x, T value) DW_FLAT { sum[x] = madd(c[x], value, sum[x]); });
  else
    gather_row<op, order, inner>(row, s, q, memory, [=](Index x, T value) DW_FLAT { sum[x] += value; });
}

}  // namespace dualwave::DW_TARGET
