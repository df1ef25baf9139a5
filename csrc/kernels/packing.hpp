// The formats of a packed history, and rows to and from them.
#pragma once
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "engine/packing.hpp"
#include "kernels/algebra.hpp"

namespace dualwave::DW_TARGET {

template <class To, class From>
DW_INLINE To bits_as(From x) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  memcpy(&to, &x, sizeof(To));
  return to;
}

// Each format takes values of -1 to 1.
template <Packing>
struct Format;

template <>
struct Format<Packing::float32> {
  using Stored = float;
  static DW_INLINE Stored put(float x) { return x; }
  static DW_INLINE float get(Stored s) { return s; }
};

template <>
struct Format<Packing::bfloat16> {
  using Stored = std::uint16_t;
  static DW_INLINE Stored put(float x) {
    const auto u = bits_as<std::uint32_t>(x);
    return static_cast<Stored>((u + 0x7fff + (u >> 16 & 1)) >> 16);  // to nearest, ties to even
  }
  static DW_INLINE float get(Stored s) { return bits_as<float>(static_cast<std::uint32_t>(s) << 16); }
};

// The exponent is moved by a multiplication. Values under 2^-14 become zero with the denormals, which the
// threads flush.
template <>
struct Format<Packing::float16> {
  using Stored = std::uint16_t;
  static DW_INLINE Stored put(float x) {
    const auto sign = bits_as<std::uint32_t>(x) >> 16 & 0x8000;
    const auto u = bits_as<std::uint32_t>(x * 0x1p-112f) & 0x7fffffff;
    return static_cast<Stored>(sign | (u + 0x0fff + (u >> 13 & 1)) >> 13);
  }
  static DW_INLINE float get(Stored s) {
    const float size = bits_as<float>((static_cast<std::uint32_t>(s) & 0x7fff) << 13) * 0x1p112f;
    return s & 0x8000 ? -size : size;
  }
};

template <>
struct Format<Packing::int8> {
  using Stored = std::int8_t;
  static DW_INLINE Stored put(float x) { return static_cast<Stored>(x * 127.0f + (x < 0 ? -0.5f : 0.5f)); }
  static DW_INLINE float get(Stored s) { return static_cast<float>(s) * (1.0f / 127.0f); }
};

template <class T>
struct Exact {
  using Stored = T;
};

// f(format) for the one that is chosen at run time.
template <class T, class F>
DW_INLINE void with_format(Packing p, F&& f) {
  if (p == Packing::float32) f(Format<Packing::float32>{});
  if (p == Packing::bfloat16) f(Format<Packing::bfloat16>{});
  if (p == Packing::float16) f(Format<Packing::float16>{});
  if (p == Packing::int8) f(Format<Packing::int8>{});
  if (p == Packing::exact) f(Exact<T>{});
}

// The largest size of n values; not a number where one is none. Sizes compare as their bits do, and for these
// the compiler has a vector instruction.
template <class T>
DW_INLINE T largest_size(const T* values, Index n) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  Bits largest = 0;
  for (Index x = 0; x < n; ++x) {
    const Bits size = bits_as<Bits>(values[x]) & (~Bits{0} >> 1);
    largest = size > largest ? size : largest;
  }
  return bits_as<T>(largest);
}

// What values are multiplied by before they are rounded. A row of nothing but denormals is one of zeros.
template <class T>
DW_INLINE T packing_factor(T largest) {
  constexpr T least = sizeof(T) == 4 ? static_cast<T>(0x1p-126) : static_cast<T>(0x1p-1022);
  return largest < least ? T(0) : T(1) / largest;
}

// A value of a row, whose scale is there.
template <class F, class T>
DW_INLINE void pack_value(F, const T* row, Index x, unsigned char* packed) {
  const T factor = packing_factor(static_cast<T>(*reinterpret_cast<const double*>(packed)));
  reinterpret_cast<typename F::Stored*>(packed + kScaleBytes)[x] =
      F::put(static_cast<float>(row[x] * factor));
}

template <class F, class T>
DW_INLINE void unpack_value(F, const unsigned char* packed, Index x, T* row) {
  const T scale = static_cast<T>(*reinterpret_cast<const double*>(packed));
  const auto* from = reinterpret_cast<const typename F::Stored*>(packed + kScaleBytes);
  row[x] = static_cast<T>(F::get(from[x])) * scale;
}

template <class T>
DW_INLINE void pack_value(Exact<T>, const T* row, Index x, unsigned char* packed) {
  reinterpret_cast<T*>(packed + kScaleBytes)[x] = row[x];
}

template <class T>
DW_INLINE void unpack_value(Exact<T>, const unsigned char* packed, Index x, T* row) {
  row[x] = reinterpret_cast<const T*>(packed + kScaleBytes)[x];
}

// The same of whole rows, in loops that the compiler makes vectors of.
template <class F, class T>
DW_INLINE void pack_row(F, const T* from, Index n, unsigned char* packed) {
  const T largest = largest_size(from, n), factor = packing_factor(largest);
  *reinterpret_cast<double*>(packed) = static_cast<double>(largest);
  auto* __restrict to = reinterpret_cast<typename F::Stored*>(packed + kScaleBytes);
  for (Index x = 0; x < n; ++x) to[x] = F::put(static_cast<float>(from[x] * factor));
}

template <class F, class T>
DW_INLINE void unpack_row(F, const unsigned char* packed, Index n, T* __restrict to) {
  const T scale = static_cast<T>(*reinterpret_cast<const double*>(packed));
  const auto* from = reinterpret_cast<const typename F::Stored*>(packed + kScaleBytes);
  for (Index x = 0; x < n; ++x) to[x] = static_cast<T>(F::get(from[x])) * scale;
}

template <class T>
DW_INLINE void pack_row(Exact<T>, const T* from, Index n, unsigned char* packed) {
  memcpy(packed + kScaleBytes, from, sizeof(T) * n);
}

template <class T>
DW_INLINE void unpack_row(Exact<T>, const unsigned char* packed, Index n, T* to) {
  memcpy(to, packed + kScaleBytes, sizeof(T) * n);
}

template <class T>
void pack(Packing p, const Window& w, const T* quantity, unsigned char* packed, Index begin, Index end) {
  with_format<T>(p, [&](auto format) {
    for (Index r = begin; r < end; ++r, packed += packed_row_bytes(p, w.cells, 8 * sizeof(T)))
      pack_row(format, quantity + r * w.stride, w.cells, packed);
  });
}

template <class T>
void unpack(Packing p, const Window& w, T* quantity, const unsigned char* packed, Index begin, Index end) {
  with_format<T>(p, [&](auto format) {
    for (Index r = begin; r < end; ++r, packed += packed_row_bytes(p, w.cells, 8 * sizeof(T)))
      unpack_row(format, packed, w.cells, quantity + r * w.stride);
  });
}

template <class T>
const PackingKernels<T>& packing_kernels() {
  static constexpr PackingKernels<T> kernels{pack<T>, unpack<T>};
  return kernels;
}

}  // namespace dualwave::DW_TARGET
