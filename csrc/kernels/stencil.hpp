// Finite-difference stencils: Taylor coefficients of orders 2 to 8 (Fornberg 1988), central and staggered.
#pragma once
#include <cstdint>
#include <type_traits>

#include "kernels/algebra.hpp"
#include "table/table.hpp"

namespace dualwave {

constexpr int kMaxReach = 4;  // cells on either side of the centre, order / 2

// Row order/2 - 1. Second derivative: centre, then each distance; first derivative: each distance from 1;
// staggered: from 1/2.
constexpr double kSecond[4][5] = {{-2, 1},
                                  {-5.0 / 2, 4.0 / 3, -1.0 / 12},
                                  {-49.0 / 18, 3.0 / 2, -3.0 / 20, 1.0 / 90},
                                  {-205.0 / 72, 8.0 / 5, -1.0 / 5, 8.0 / 315, -1.0 / 560}};
constexpr double kFirst[4][4] = {{1.0 / 2},
                                 {2.0 / 3, -1.0 / 12},
                                 {3.0 / 4, -3.0 / 20, 1.0 / 60},
                                 {4.0 / 5, -1.0 / 5, 4.0 / 105, -1.0 / 280}};
constexpr double kStaggered[4][4] = {{1},
                                     {9.0 / 8, -1.0 / 24},
                                     {75.0 / 64, -25.0 / 384, 3.0 / 640},
                                     {1225.0 / 1024, -245.0 / 3072, 49.0 / 5120, -5.0 / 7168}};

// One axis' weights, divided by the cell size (squared for `second`).
template <class T>
struct Weights {
  T second[kMaxReach + 1];
  T first[kMaxReach];
  T staggered[kMaxReach];
};

}  // namespace dualwave

namespace dualwave::DW_TARGET {

using Index = std::int64_t;

template <class F>
using ValueOf = std::decay_t<decltype(std::declval<F&>()[0])>;

// The sum of weight[k] * f(k).
template <int n, class T, class F>
DW_INLINE auto weighted(const T* weight, F&& f) {
  auto sum = weight[0] * f(Int<0>{});
  unroll<n - 1>([&](auto k) DW_FLAT { sum = madd(weight[k + 1], f(Int<k + 1>{}), sum); });
  return sum;
}

// Each takes a pointer-like f (f[k] the value k elements away) and the stride of its axis.
template <int order, class T, class F>
DW_INLINE ValueOf<F> second_derivative(F f, Index stride, const Weights<T>& w) {
  ValueOf<F> sum = w.second[0] * f[0];
  unroll<order / 2>(
      [&](auto k) DW_FLAT { sum = madd(w.second[k + 1], f[(k + 1) * stride] + f[-(k + 1) * stride], sum); });
  return sum;
}

template <int order, class T, class F>
DW_INLINE ValueOf<F> first_derivative(F f, Index stride, const Weights<T>& w) {
  return weighted<order / 2>(w.first,
                             [&](auto k) DW_FLAT { return f[(k + 1) * stride] - f[-(k + 1) * stride]; });
}

template <int order, class T, class F>
DW_INLINE ValueOf<F> forward_difference(F f, Index stride, const Weights<T>& w) {
  return weighted<order / 2>(w.staggered,
                             [&](auto k) DW_FLAT { return f[(k + 1) * stride] - f[-k * stride]; });
}

template <int order, class T, class F>
DW_INLINE ValueOf<F> backward_difference(F f, Index stride, const Weights<T>& w) {
  return weighted<order / 2>(w.staggered,
                             [&](auto k) DW_FLAT { return f[k * stride] - f[-(k + 1) * stride]; });
}

// Op applied to f, and its transpose. With the zero halo each matrix is Toeplitz, so `second` is symmetric
// and the two staggered differences are each other's transpose up to sign.
template <Op op, int order, class T, class F>
DW_INLINE ValueOf<F> derivative(F f, Index stride, const Weights<T>& w) {
  if constexpr (op == Op::second)
    return second_derivative<order>(f, stride, w);
  else if constexpr (op == Op::forward)
    return forward_difference<order>(f, stride, w);
  else if constexpr (op == Op::backward)
    return backward_difference<order>(f, stride, w);
  else
    return f[0];
}

template <Op op, int order, class T, class F>
DW_INLINE ValueOf<F> transposed(F f, Index stride, const Weights<T>& w) {
  if constexpr (op == Op::forward)
    return -backward_difference<order>(f, stride, w);
  else if constexpr (op == Op::backward)
    return -forward_difference<order>(f, stride, w);
  else
    return derivative<op, order>(f, stride, w);
}

}  // namespace dualwave::DW_TARGET
