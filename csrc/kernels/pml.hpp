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

// The transpose, first half: s = q + a s, of the cotangent q of S. It stands for the cotangent of zeta, or m,
// which is a s.
template <class V, class A, class Memory>
DW_INLINE void pml_multiply(V q, const A& a, Memory s) {
  put(s, madd(a, s[0], q));
}

// Profiles around one cell of a row: b(k) of the k-th from it.
template <int reach, class T>
struct RowTaps {
  T b_[2 * reach + 1], db_[2 * reach + 1], ab_[2 * reach + 1], a_;
  DW_INLINE RowTaps(const T* a, const T* b, const T* db, const T* ab) : a_(a[0]) {
    unroll<2 * reach + 1>([&](auto i) DW_FLAT {
      b_[i] = b[i - reach];
      db_[i] = db[i - reach];
      ab_[i] = ab[i - reach];
    });
  }
  DW_INLINE T a() const { return a_; }
  DW_INLINE T b(int k) const { return b_[reach + k]; }
  DW_INLINE T db(int k) const { return db_[reach + k]; }
  DW_INLINE T ab(int k) const { return ab_[reach + k]; }
};

// The same where each cell has its own: pointers to those of one cell, or of one vector of them.
template <class F>
struct CellTaps {
  F a_, b_, db_, ab_;
  DW_INLINE auto a() const { return a_[0]; }
  DW_INLINE auto b(int k) const { return b_[k]; }
  DW_INLINE auto db(int k) const { return db_[k]; }
  DW_INLINE auto ab(int k) const { return ab_[k]; }
};

// Of a second derivative, what the transpose keeps, at a cell: pointer-like, but for the new psi.
template <class Old, class New>
struct AdjointMemory {
  Old s, psi;
  New psi_next;
  Index stride;
};
template <class Old, class New>
AdjointMemory(Old, Old, New, Index) -> AdjointMemory<Old, New>;

// The second half, what the layer adds to D2 q: D2 e - D1 y, with t = q + b s the cotangent of t,
// e = b (t + s), y = db t + a b psi, and psi' = a psi - D1 t. None of these is kept: each cell forms its
// neighbours'. q(k): of the k-th from the cell along the axis.
template <int order, class Q, class Old, class New, class T, class Taps>
DW_INLINE ValueOf<Old> second_pml_gather(Q&& q, const AdjointMemory<Old, New>& m, const Weights<T>& w,
                                         const Taps& pml) {
  using V = ValueOf<Old>;
  constexpr int reach = order / 2;
  V t[2 * reach + 1], e[2 * reach + 1], y[2 * reach + 1];
  unroll<2 * reach + 1>([&](auto i) DW_FLAT {
    constexpr int k = i - reach;
    const V there = m.s[k * m.stride];
    t[i] = madd(pml.b(k), there, q(k));
    e[i] = pml.b(k) * (t[i] + there);
    y[i] = madd(pml.db(k), t[i], pml.ab(k) * m.psi[k * m.stride]);
  });
  put(m.psi_next, madd(pml.a(), m.psi[0], -first_derivative<order>(t + reach, 1, w)));
  return second_derivative<order>(e + reach, 1, w) - first_derivative<order>(y + reach, 1, w);
}

// The same of a staggered difference: the transpose of it, of b s.
template <Op op, int order, class T, class S, class Taps>
DW_INLINE ValueOf<S> staggered_pml_gather(S s, Index slab_stride, const Weights<T>& w, const Taps& pml) {
  constexpr int reach = order / 2;
  ValueOf<S> e[2 * reach + 1];
  unroll<2 * reach + 1>([&](auto i) DW_FLAT { e[i] = pml.b(i - reach) * s[(i - reach) * slab_stride]; });
  return transposed<op, order>(e + reach, 1, w);
}

}  // namespace dualwave::DW_TARGET
