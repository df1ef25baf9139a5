// Dual and hyper-dual numbers as planes of arrays.
//
// A map is the same time step over a truncated polynomial algebra: level 0 is the value, level 1 the part in
// direction d1, level 2 in d2, level 3 in d1 d2. Numbering the levels by the set of directions as bits makes
// the product
//     (a b)_L = sum over A subset of L of a_A b_(L without A),
// so that forward, tangent and second_tangent are one template with 1, 2 or 4 levels, and so are adjoint and
// tangent_adjoint.
#pragma once
#include <utility>

#if defined(__CUDACC__)
#  define DW_INLINE __host__ __device__ __forceinline__
#  define DW_FLAT
#else
#  define DW_INLINE inline __attribute__((always_inline))
#  define DW_FLAT __attribute__((always_inline))  // on lambdas: without it the vectoriser sees calls
#  define DW_NOINLINE __attribute__((noinline))
#endif

// Each instruction set has a namespace of its own: equal names in two objects built with different flags
// would be merged by the linker, and a baseline machine would then meet AVX code.
#ifndef DW_TARGET
#  define DW_TARGET generic
#endif

namespace dualwave::DW_TARGET {

// Fused multiply-add, written out: left to the compiler, contraction may differ between a vector loop and its
// remainder, and bits would depend on how rows are cut.
template <class T>
DW_INLINE T madd(T a, T b, T c) {
#if defined(__FMA__) || defined(__CUDA_ARCH__) || defined(__ARM_FEATURE_FMA)
  if constexpr (sizeof(T) == 4)
    return __builtin_fmaf(a, b, c);
  else
    return __builtin_fma(a, b, c);
#else
  return a * b + c;
#endif
}

template <int i>
using Int = std::integral_constant<int, i>;

template <class F, int... i>
DW_INLINE void unroll_over(F&& f, std::integer_sequence<int, i...>) {
  (f(Int<i>{}), ...);
}

// f(Int<0>{}), ..., f(Int<n - 1>{}): every index is a constant, as the register allocation of small arrays
// needs.
template <int n, class F>
DW_INLINE void unroll(F&& f) {
  unroll_over(f, std::make_integer_sequence<int, n>{});
}

// sum + (a b)_level, where a(level) and b(level) give the parts.
template <int level, class T, class A, class B>
DW_INLINE T product(T sum, A&& a, B&& b) {
  unroll<level + 1>([&](auto part) DW_FLAT {
    if constexpr ((part & level) == part) sum = madd(a(part), b(Int<level ^ part>{}), sum);
  });
  return sum;
}

}  // namespace dualwave::DW_TARGET
