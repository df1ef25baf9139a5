// The PML over a stretch of a row. Nothing here knows the equation, so that all of them share one copy of
// each loop.
#pragma once
#include "kernels/row.hpp"

namespace dualwave::DW_TARGET {

// A stretch [from, to) of a row in the slabs of one axis, for one piece of a stage and one level; the
// transpose takes it of several rows, one beside the other along y.
template <class T>
struct PmlStretch {
  Index from, to;
  T scale;            // the piece's
  int memory_number;  // of the piece, among all that have memory
  int axis;
  Index at;  // offset of the stretch's row in the axis' slab arrays
  Index rows;
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
    for (Index x = s.from; x < s.to; ++x)
      put(x, second_pml<order>(f + x, stride, w, profile(x), psi + x, psi_next + x, zeta + x, slab_stride));
  } else {
#pragma GCC ivdep
    for (Index x = s.from; x < s.to; ++x)
      put(x, staggered_pml(derivative<op, order>(f + x, stride, w), profile(x), memory + x));
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
DW_NOINLINE void multiply_absorbed(const Row<T>& row, const PmlStretch<T>& s, const T* q, T* adjoint,
                                   T* scratch) {
  const Layout<T>& l = row.layout;
  const Slab& slab = l.geometry.slab[s.axis];
  const PmlRow<op, inner, T> profile(l.profile[s.axis], row.index[s.axis]);
  T* memory = adjoint + l.memory[s.memory_number] + s.at;
  T* e = scratch + l.scratch[s.memory_number] + s.at;
  for (Index r = 0; r < s.rows; ++r) {
    if constexpr (op == Op::second) {
      T *zeta = memory + 2 * slab.size, *y = e + slab.size, *z = y + slab.size;
#pragma GCC ivdep
      for (Index x = s.from; x < s.to; ++x)
        second_pml_multiply(s.scale * q[x], profile(x), memory + x, zeta + x, e + x, y + x, z + x);
    } else {
#pragma GCC ivdep
      for (Index x = s.from; x < s.to; ++x)
        staggered_pml_multiply(s.scale * q[x], profile(x), memory + x, e + x);
    }
    q += l.geometry.stride[1];
    memory += slab.stride[1];
    e += slab.stride[1];
  }
}

// The transpose's second pass: sum[x] += what the layer adds to the transposed derivative.
template <Op op, int order, bool inner, class T>
DW_NOINLINE void gather_absorbed(const Row<T>& row, const PmlStretch<T>& s, const T* scratch, T* adjoint,
                                 T* __restrict sum) {
  const Layout<T>& l = row.layout;
  const Slab& slab = l.geometry.slab[s.axis];
  const Index slab_stride = inner ? 1 : slab.stride[s.axis];
  const Weights<T> w = l.weights[s.axis];
  const T* e = scratch + l.scratch[s.memory_number] + s.at;
  T* memory = adjoint + l.memory[s.memory_number] + s.at;
  for (Index r = 0; r < s.rows; ++r) {
    if constexpr (op == Op::second) {
      const PmlRow<op, inner, T> profile(l.profile[s.axis], row.index[s.axis]);
      const T *y = e + slab.size, *z = y + slab.size;
#pragma GCC ivdep
      for (Index x = s.from; x < s.to; ++x)
        sum[x] += second_pml_gather<order>(e + x, y + x, z + x, slab_stride, w, profile(x).a, memory + x);
    } else {
#pragma GCC ivdep
      for (Index x = s.from; x < s.to; ++x) sum[x] += transposed<op, order>(e + x, slab_stride, w);
    }
    sum += l.geometry.stride[1];
    memory += slab.stride[1];
    e += slab.stride[1];
  }
}

}  // namespace dualwave::DW_TARGET
