// Neighbouring cells along x as one value, in a vector register. A device has cuda/lanes.hpp.
//
// Written out, rather than left to the compiler, for what a stencil along x reads: where a vector is of the
// size of a cache line each of its neighbours k cells away lies in two lines, and would be loaded twice. Of
// three vectors that lie in a line each it is formed by shifts.
#pragma once
#include "kernels/cell.hpp"

#if defined(__SSE2__)
#  include <immintrin.h>
#elif defined(__ARM_NEON)
#  include <arm_neon.h>
#endif

namespace dualwave::DW_TARGET {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

template <class T, int n>
struct Lanes {
  typedef T Register __attribute__((vector_size(n * sizeof(T))));
  Register all;
};

template <class T, int n>
DW_INLINE Lanes<T, n> operator+(const Lanes<T, n>& a, const Lanes<T, n>& b) {
  return {a.all + b.all};
}
template <class T, int n>
DW_INLINE Lanes<T, n> operator-(const Lanes<T, n>& a, const Lanes<T, n>& b) {
  return {a.all - b.all};
}
template <class T, int n>
DW_INLINE Lanes<T, n> operator-(const Lanes<T, n>& a) {
  return {-a.all};
}
template <class T, int n>
DW_INLINE Lanes<T, n> operator*(const Lanes<T, n>& a, const Lanes<T, n>& b) {
  return {a.all * b.all};
}
template <class T, int n>
DW_INLINE Lanes<T, n> broadcast(T a) {
  return {a - typename Lanes<T, n>::Register{}};
}
template <class T, int n>
DW_INLINE Lanes<T, n> operator*(T a, const Lanes<T, n>& b) {
  return {a * b.all};
}

// Of registers; what has no such instruction does two.
template <class R>
DW_INLINE R fused(const R& a, const R& b, const R& c) {
  return a * b + c;
}
#if defined(__AVX512F__)
DW_INLINE __m512 fused(const __m512& a, const __m512& b, const __m512& c) { return _mm512_fmadd_ps(a, b, c); }
DW_INLINE __m512d fused(const __m512d& a, const __m512d& b, const __m512d& c) {
  return _mm512_fmadd_pd(a, b, c);
}
#endif
#if defined(__FMA__)
DW_INLINE __m256 fused(const __m256& a, const __m256& b, const __m256& c) { return _mm256_fmadd_ps(a, b, c); }
DW_INLINE __m256d fused(const __m256d& a, const __m256d& b, const __m256d& c) {
  return _mm256_fmadd_pd(a, b, c);
}
#elif defined(__ARM_NEON) && defined(__ARM_FEATURE_FMA)
DW_INLINE float32x4_t fused(const float32x4_t& a, const float32x4_t& b, const float32x4_t& c) {
  return vfmaq_f32(c, a, b);
}
DW_INLINE float64x2_t fused(const float64x2_t& a, const float64x2_t& b, const float64x2_t& c) {
  return vfmaq_f64(c, a, b);
}
#endif

template <class T, int n>
DW_INLINE Lanes<T, n> madd(const Lanes<T, n>& a, const Lanes<T, n>& b, const Lanes<T, n>& c) {
  return {fused(a.all, b.all, c.all)};
}
template <class T, int n>
DW_INLINE Lanes<T, n> madd(T a, const Lanes<T, n>& b, const Lanes<T, n>& c) {
  return madd(broadcast<T, n>(a), b, c);
}

// Points to the first of them; offsets are of elements.
template <class T, int n>
struct LanePointer {
  using Element = std::remove_const_t<T>;
  using Value = Lanes<Element, n>;
  typedef Element Anywhere __attribute__((vector_size(n * sizeof(T)), aligned(sizeof(T))));
  T* first;
  DW_INLINE LanePointer operator+(Index offset) const { return {first + offset}; }
  DW_INLINE Value operator[](Index offset) const {
    return {*reinterpret_cast<const Anywhere*>(first + offset)};
  }
};

template <class T, int n>
DW_INLINE void put(const LanePointer<T, n>& to, const Lanes<T, n>& value) {
  *reinterpret_cast<typename LanePointer<T, n>::Anywhere*>(to.first) = value.all;
}

#if defined(__AVX512F__)
// The lanes from the k-th of low on, and then those of high. Masks of ones: GCC warns of what the plain
// functions leave undefined (its bug 105593).
template <int k, class R>
DW_INLINE R shifted(const R& low, const R& high) {
  if constexpr (sizeof(R) == 64 && sizeof(low[0]) == 4)
    return reinterpret_cast<R>(_mm512_maskz_alignr_epi32(0xffff, reinterpret_cast<__m512i>(high),
                                                         reinterpret_cast<__m512i>(low), k));
  else if constexpr (sizeof(R) == 64)
    return reinterpret_cast<R>(
        _mm512_maskz_alignr_epi64(0xff, reinterpret_cast<__m512i>(high), reinterpret_cast<__m512i>(low), k));
  else
    return reinterpret_cast<R>(
        _mm256_maskz_alignr_epi32(0xff, reinterpret_cast<__m256i>(high), reinterpret_cast<__m256i>(low), k));
}
#endif

// What a stencil along x reads. That which an order does not need is not formed.
template <class T, int n>
struct LaneTaps {
  Lanes<T, n> at[2 * kMaxReach + 1];
  DW_INLINE explicit LaneTaps(const LanePointer<const T, n>& f) {
    at[kMaxReach] = f[0];
#if defined(__AVX512F__)
    const Lanes<T, n> before = f[-n], after = f[n];
    unroll<kMaxReach>([&](auto k) DW_FLAT {
      at[kMaxReach - (k + 1)] = {shifted<n - (k + 1)>(before.all, at[kMaxReach].all)};
      at[kMaxReach + (k + 1)] = {shifted<k + 1>(at[kMaxReach].all, after.all)};
    });
#else
    unroll<kMaxReach>([&](auto k) DW_FLAT {
      at[kMaxReach - (k + 1)] = f[-(k + 1)];
      at[kMaxReach + (k + 1)] = f[k + 1];
    });
#endif
  }
  DW_INLINE const Lanes<T, n>& operator[](Index k) const { return at[kMaxReach + k]; }
};

template <class T, int n>
DW_INLINE auto along_x(const LanePointer<T, n>& f) {
  return LaneTaps<std::remove_const_t<T>, n>({f.first});
}

}  // namespace dualwave::DW_TARGET
