// Convolutional PML at one cell, and its transpose.
//
// `second` (Pasalic & McGarry 2010), with D1, D2 central differences along the axis and profiles a, b, db:
//     t = (1 + b) D2 u + db D1 u + D1 psi,   psi' = a (b D1 u + psi),   zeta' = b t + a zeta,   S = t +
//     zeta'.
// psi is theirs times a, so that no neighbour's a is needed.
// Staggered (Komatitsch & Martin 2007):  m' = b D f + a m,   S = D f + m'.
// A step ahead returns what the layer adds to the plain derivative, so that the interior needs no layer at
// all.
#pragma once
#include "kernels/stencil.hpp"

namespace dualwave::DW_TARGET {

// Profiles at a cell, or at one vector of them.
template <class V>
struct PmlCell {
  V a, b, db;
};

template <class T>
DW_INLINE void put(T* to, T value) {
  *to = value;
}

// What the layer adds to a derivative, and the new values of its memory: zeta and psi, or m alone. They are
// stored when all that a cell reads has been read: a compiler can't tell that the one is not the other.
template <class V>
struct PmlStep {
  V added, memory, psi;
};

// u, psi: what derivatives along the axis read.
template <int order, class T, class Field, class Cell, class Psi, class Memory>
DW_INLINE PmlStep<ValueOf<Field>> second_pml(const Field& u, Index stride, const Weights<T>& w,
                                             const Cell& pml, const Psi& psi, Memory zeta,
                                             Index slab_stride) {
  using V = ValueOf<Field>;
  const V d1 = first_derivative<order>(u, stride, w);
  const V d2 = second_derivative<order>(u, stride, w);
  // t - D2 u
  const V added = madd(pml.b, d2, madd(pml.db, d1, first_derivative<order>(psi, slab_stride, w)));
  const V z = madd(pml.b, added, madd(pml.b, d2, pml.a * zeta[0]));
  return {added + z, z, pml.a * madd(pml.b, d1, psi[0])};
}

template <class V, class Cell, class Memory>
DW_INLINE PmlStep<V> staggered_pml(const V& derivative, const Cell& pml, Memory m) {
  const V value = madd(pml.b, derivative, pml.a * m[0]);
  return {value, value, V{}};
}

// The transpose, first half: sigma' = a sigma + b q, of the cotangent q of S or of the stretched derivative.
// b times the cotangent of the step's own zeta, or m; that of the one before is a / b times it.
template <class V, class Cell, class Memory>
DW_INLINE void pml_multiply(V q, const Cell& pml, Memory sigma) {
  put(sigma, madd(pml.b, q, pml.a * sigma[0]));
}

// Of a second derivative, what the transpose keeps, at a cell: pointer-like, but for the new phi.
template <class Old, class New>
struct AdjointMemory {
  Old sigma, phi;
  New phi_next;
  Index stride;
};
template <class Old, class New>
AdjointMemory(Old, Old, New, Index) -> AdjointMemory<Old, New>;

// The second half, in place of D2 q. With t = q + sigma the cotangent of t, and phi = a b times that of psi:
//     D2 ((1 + b) t) - D1 (db t + phi),   phi' = a (phi - b D1 t).
// q(k): of the k-th cell along the axis; around(k): what t of it counts for, see weight_around. To the
// transpose of a staggered difference the layer adds that of sigma.
template <int order, class Q, class Old, class New, class T, class Cell, class Around>
DW_INLINE ValueOf<Old> second_pml_gather(Q&& q, const AdjointMemory<Old, New>& m, const Weights<T>& w,
                                         const Cell& pml, Around&& around) {
  using V = ValueOf<Old>;
  constexpr int reach = order / 2;
  V t[2 * reach + 1];
  unroll<2 * reach + 1>([&](auto i) DW_FLAT { t[i] = q(i - reach) + m.sigma[(i - reach) * m.stride]; });
  V sum = around(0) * t[reach];
  unroll<reach>([&](auto i) DW_FLAT {
    constexpr int k = i + 1;
    sum = madd(around(k), t[reach + k], madd(around(-k), t[reach - k], sum));
  });
  put(m.phi_next, pml.a * madd(-pml.b, first_derivative<order>(t + reach, 1, w), m.phi[0]));
  return sum - first_derivative<order>(m.phi, m.stride, w);
}

}  // namespace dualwave::DW_TARGET
