// Convolutional PML at one cell, and its transpose.
//
// `second` (Pasalic & McGarry 2010), with D1, D2 central differences along the axis and profiles a, b, db:
//     t = (1 + b) D2 u + db D1 u + D1 psi,   psi' = a (b D1 u + psi),   zeta' = b t + a zeta,   S = t +
//     zeta'.
// psi is theirs times a, so that no neighbour's a is needed.
// Staggered (Komatitsch & Martin 2007):  m' = b D f + a m,   S = D f + m'.
// Each function returns or stores what the layer adds to the plain derivative, so that the interior needs no
// layer at all.
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

// u, psi: what derivatives along the axis read; psi_next, zeta: pointers that are written through.
template <int order, class T, class Field, class Cell, class Psi, class Memory>
DW_INLINE ValueOf<Field> second_pml(Field u, Index stride, const Weights<T>& w, const Cell& pml, Psi psi,
                                    Memory psi_next, Memory zeta, Index slab_stride) {
  using V = ValueOf<Field>;
  const V d1 = first_derivative<order>(u, stride, w);
  const V d2 = second_derivative<order>(u, stride, w);
  // t - D2 u
  const V added = madd(pml.b, d2, madd(pml.db, d1, first_derivative<order>(psi, slab_stride, w)));
  const V z = madd(pml.b, added, madd(pml.b, d2, pml.a * zeta[0]));
  put(psi_next, pml.a * madd(pml.b, d1, psi[0]));
  put(zeta, z);
  return added + z;
}

template <class V, class Cell, class Memory>
DW_INLINE V staggered_pml(V derivative, const Cell& pml, Memory m) {
  const V value = madd(pml.b, derivative, pml.a * m[0]);
  put(m, value);
  return value;
}

// The transpose, first half: from the cotangent q of S (and of the memory) the fields whose derivatives the
// second half takes: the layer adds D2 e - D1 y to the plain D2 q; z is what D1 carries back to psi.
template <class V, class Cell, class Memory>
DW_INLINE void second_pml_multiply(V q, const Cell& pml, Memory psi, Memory zeta, Memory e, Memory y,
                                   Memory z) {
  const V total = zeta[0] + q;
  const V t = madd(pml.b, total, q);
  put(zeta, pml.a * total);
  put(e, madd(pml.b, t, t - q));
  put(y, madd(pml.db, t, pml.a * pml.b * psi[0]));
  put(z, t);
}

template <int order, class T, class Scratch, class A, class Memory>
DW_INLINE ValueOf<Scratch> second_pml_gather(Scratch e, Scratch y, Scratch z, Index slab_stride,
                                             const Weights<T>& w, const A& a, Memory psi) {
  put(psi, madd(a, psi[0], -first_derivative<order>(z, slab_stride, w)));
  return second_derivative<order>(e, slab_stride, w) - first_derivative<order>(y, slab_stride, w);
}

template <class V, class Cell, class Memory>
DW_INLINE void staggered_pml_multiply(V q, const Cell& pml, Memory m, Memory e) {
  const V total = m[0] + q;
  put(m, pml.a * total);
  put(e, pml.b * total);
}

}  // namespace dualwave::DW_TARGET
