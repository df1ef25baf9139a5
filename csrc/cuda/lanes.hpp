// Neighbouring cells along x as one value: a thread that updates some of them loads and stores 16 bytes at
// once, and works out its addresses once for all.
#pragma once
#include "kernels/cell.hpp"

namespace dualwave::DW_TARGET {

// At a multiple of its size in memory: rows start at a multiple of kAlign elements, and so do tiles.
template <class T, int n>
struct alignas(n * sizeof(T)) Lanes {
  T lane[n];
};

template <class T, int n, class F>
DW_INLINE Lanes<T, n> each_lane(F&& f) {
  Lanes<T, n> out;
  unroll<n>([&](auto k) { out.lane[k] = f(k); });
  return out;
}

template <class T, int n>
DW_INLINE Lanes<T, n> operator+(const Lanes<T, n>& a, const Lanes<T, n>& b) {
  return each_lane<T, n>([&](auto k) { return a.lane[k] + b.lane[k]; });
}
template <class T, int n>
DW_INLINE Lanes<T, n> operator-(const Lanes<T, n>& a, const Lanes<T, n>& b) {
  return each_lane<T, n>([&](auto k) { return a.lane[k] - b.lane[k]; });
}
template <class T, int n>
DW_INLINE Lanes<T, n> operator-(const Lanes<T, n>& a) {
  return each_lane<T, n>([&](auto k) { return -a.lane[k]; });
}
template <class T, int n>
DW_INLINE Lanes<T, n> operator*(T a, const Lanes<T, n>& b) {
  return each_lane<T, n>([&](auto k) { return a * b.lane[k]; });
}
template <class T, int n>
DW_INLINE Lanes<T, n> operator*(const Lanes<T, n>& a, const Lanes<T, n>& b) {
  return each_lane<T, n>([&](auto k) { return a.lane[k] * b.lane[k]; });
}
template <class T, int n>
DW_INLINE Lanes<T, n> madd(T a, const Lanes<T, n>& b, const Lanes<T, n>& c) {
  return each_lane<T, n>([&](auto k) { return madd(a, b.lane[k], c.lane[k]); });
}
template <class T, int n>
DW_INLINE Lanes<T, n> madd(const Lanes<T, n>& a, const Lanes<T, n>& b, const Lanes<T, n>& c) {
  return each_lane<T, n>([&](auto k) { return madd(a.lane[k], b.lane[k], c.lane[k]); });
}

// Points to Lanes; offsets are of elements, and multiples of n.
template <class T, int n>
struct LanePointer {
  using Value = Lanes<std::remove_const_t<T>, n>;
  T* first;
  DW_INLINE LanePointer operator+(Index offset) const { return {first + offset}; }
  DW_INLINE Value operator[](Index offset) const { return *reinterpret_cast<const Value*>(first + offset); }
};

// The same for one cell.
template <class T>
struct LanePointer<T, 1> {
  using Value = std::remove_const_t<T>;
  T* first;
  DW_INLINE LanePointer operator+(Index offset) const { return {first + offset}; }
  DW_INLINE Value operator[](Index offset) const { return first[offset]; }
};

template <class T, int n>
DW_INLINE void put(const LanePointer<T, n>& to, const Lanes<T, n>& value) {
  *reinterpret_cast<Lanes<T, n>*>(to.first) = value;
}
template <class T>
DW_INLINE void put(const LanePointer<T, 1>& to, T value) {
  *to.first = value;
}

// Along x: a stretch of whole Lanes that reaches kMaxReach to either side. Those that an order does not need
// are not loaded.
template <class T, int n>
struct LaneTaps {
  static constexpr int reach = (kMaxReach + n - 1) / n * n;
  T value[2 * reach + n];
  DW_INLINE explicit LaneTaps(const T* first) {
    unroll<(2 * reach + n) / n>([&](auto k) {
      const auto lanes = *reinterpret_cast<const Lanes<T, n>*>(first + (k * n - reach));
      unroll<n>([&](auto i) { value[k * n + i] = lanes.lane[i]; });
    });
  }
  DW_INLINE Lanes<T, n> operator[](Index offset) const {
    return each_lane<T, n>([&](auto k) { return value[reach + offset + k]; });
  }
};

template <class T, int n>
DW_INLINE auto along_x(const LanePointer<T, n>& f) {
  if constexpr (n == 1)
    return f;
  else
    return LaneTaps<std::remove_const_t<T>, n>(f.first);
}

}  // namespace dualwave::DW_TARGET
