// Rows that go to memory past the caches.
//
// A store to memory that is in no cache reads it first. What a march keeps of each step for the way back is
// more than the caches hold, and is written once: it is formed in a block of a few rows, which stay in the
// core's own cache, and from there goes to its place without that.
#pragma once
#include <cstdint>

#include "kernels/row.hpp"

#if defined(__SSE2__)
#  include <immintrin.h>
#endif

namespace dualwave::DW_TARGET {

// Copies `count` elements; whole vectors where `to` is at the beginning of one.
template <class T>
DW_NOINLINE void stream(T* __restrict to, const T* __restrict from, Index count) {
  Index x = 0;
#if defined(__AVX2__)
  constexpr Index lanes = 32 / sizeof(T);
  if (reinterpret_cast<std::uintptr_t>(to) % 32 == 0)
    for (; x + lanes <= count; x += lanes)
      _mm256_stream_si256(reinterpret_cast<__m256i*>(to + x),
                          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + x)));
#elif defined(__SSE2__)
  constexpr Index lanes = 16 / sizeof(T);
  if (reinterpret_cast<std::uintptr_t>(to) % 16 == 0)
    for (; x + lanes <= count; x += lanes)
      _mm_stream_si128(reinterpret_cast<__m128i*>(to + x),
                       _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + x)));
#endif
  for (; x < count; ++x) to[x] = from[x];
}

// What has been copied so can then be seen by other threads.
DW_INLINE void finish_streams() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace dualwave::DW_TARGET
