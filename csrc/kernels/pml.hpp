// Convolutional PML at one cell, and its transpose.
//
// `second` (Pasalic & McGarry 2010), with D1, D2 central differences along the axis and profiles a, b, db:
//     t = (1 + b) D2 u + db D1 u + D1(a psi),   psi' = b D1 u + a psi,   zeta' = b t + a zeta,   S = t +
//     zeta'.
// Staggered (Komatitsch & Martin 2007):  m' = b D f + a m,   S = D f + m'.
// Each function returns or stores what the layer adds to the plain derivative, so that the interior needs no
// layer at all.
#pragma once
#include "kernels/stencil.hpp"

namespace dualwave::DW_TARGET {

// Profiles at a cell; `a` is also read at the cell's neighbours along the axis, a[-1] for instance.
template <class T, class Neighbours = const T*>
struct PmlCell {
  Neighbours a;
  T b;
  T db;
};

template <int order, class T, class A>
DW_INLINE T second_pml(const T* u, Index stride, const Weights<T>& w, PmlCell<T, A> pml, const T* psi,
                       T* psi_next, T* zeta, Index slab_stride) {
  const T d1 = first_derivative<order>(u, stride, w);
  const T d2 = second_derivative<order>(u, stride, w);
  T memory = 0;
  unroll<order / 2>([&](auto k) DW_FLAT {
    constexpr int d = k + 1;
    memory = madd(w.first[k], pml.a[d] * psi[d * slab_stride] - pml.a[-d] * psi[-d * slab_stride], memory);
  });
  const T t = madd(pml.b, d2, d2) + madd(pml.db, d1, memory);
  const T z = madd(pml.b, t, pml.a[0] * zeta[0]);
  psi_next[0] = madd(pml.b, d1, pml.a[0] * psi[0]);
  zeta[0] = z;
  return (t - d2) + z;
}

template <class T, class A>
DW_INLINE T staggered_pml(T derivative, PmlCell<T, A> pml, T* m) {
  m[0] = madd(pml.b, derivative, pml.a[0] * m[0]);
  return m[0];
}

// The transpose, first half: from the cotangent q of S (and of the memory) the fields whose derivatives the
// second half takes: the layer adds D2 e - D1 y to the plain D2 q; z is what D1 carries back to psi.
template <class T, class A>
DW_INLINE void second_pml_multiply(T q, PmlCell<T, A> pml, const T* psi, T* zeta, T* e, T* y, T* z) {
  const T total = zeta[0] + q;
  const T t = madd(pml.b, total, q);
  zeta[0] = pml.a[0] * total;
  e[0] = madd(pml.b, t, t - q);
  y[0] = madd(pml.db, t, pml.b * psi[0]);
  z[0] = t;
}

template <int order, class T>
DW_INLINE T second_pml_gather(const T* e, const T* y, const T* z, Index slab_stride, const Weights<T>& w, T a,
                              T* psi) {
  psi[0] = a * (psi[0] - first_derivative<order>(z, slab_stride, w));
  return second_derivative<order>(e, slab_stride, w) - first_derivative<order>(y, slab_stride, w);
}

template <class T, class A>
DW_INLINE void staggered_pml_multiply(T q, PmlCell<T, A> pml, T* m, T* e) {
  const T total = m[0] + q;
  m[0] = pml.a[0] * total;
  e[0] = pml.b * total;
}

}  // namespace dualwave::DW_TARGET
