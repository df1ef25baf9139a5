// A history in fewer bits than the fields have: each row of a grid is scaled by its largest value, so that no
// format runs out of exponents, and its values are rounded. The formats are in kernels/packing.hpp.
#pragma once
#include "engine/window.hpp"

namespace dualwave {

// In the order of PACKINGS in core/layout.py. Exact: values as they are, without a scale, for a history that
// is moved away.
enum class Packing : int { none, float32, bfloat16, float16, int8, exact };
constexpr int kPackings = 5;  // those that may be asked for

constexpr Index packed_value_bytes(Packing p, int bits) {
  return p == Packing::exact ? bits / 8 : p == Packing::float32 ? 4 : p == Packing::int8 ? 1 : 2;
}

// Of a row of n values of `bits`: its scale, a double, then the values, in whole words.
constexpr Index kScaleBytes = 8;
constexpr Index packed_row_bytes(Packing p, Index n, int bits) {
  return kScaleBytes + (n * packed_value_bytes(p, bits) + 7) / 8 * 8;
}

// Of rows [begin, end) of a quantity in the window, and the same rows packed.
template <class T>
struct PackingKernels {
  void (*pack)(Packing, const Window&, const T* quantity, unsigned char* packed, Index begin, Index end);
  void (*unpack)(Packing, const Window&, T* quantity, const unsigned char* packed, Index begin, Index end);
};

}  // namespace dualwave
