// A call made ready for the CPU: padded coefficients and profiles, nodes, everything that refers to a value checked.
#pragma once
#include <cstdlib>
#include <memory>
#include <vector>

#include "engine/call.hpp"

namespace dualwave {

// Zeroed memory. It comes from calloc, whose pages the system zeroes when a thread first touches them.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(Index size) { resize(size); }
  void resize(Index size);  // throws std::bad_alloc
  T* data() const { return data_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  std::unique_ptr<void, Free> owner_;
  T* data_ = nullptr;  // aligned to a cache line
};

struct Node {
  int field = -1;    // -1: an ignored location
  Index row = 0;     // z * ny + y, which says whose it is when threads share a shot
  Index offset = 0;  // in a grid
};

// A list of sources or receivers: `taps` nodes each.
struct Points {
  Index count = 0;  // in a shot
  Index taps = 0;
  std::vector<Node> nodes;  // [shot][point][tap]
  const Node* of(Index shot, Index point) const { return nodes.data() + (shot * count + point) * taps; }
};

template <class T>
struct Problem : Call<T> {
  const Kernels<T>& kernels;
  Buffer<T> coefficients[kLevels];   // haloed grids [model][coefficient]
  Buffer<T> zero_row;                // stands for the coefficients of a level that has none
  Points sources, receivers;
  bool recording_conflicts = false;  // a receiver's field changes in place during the first stage

  // Throws std::invalid_argument for operands that do not fit, nodes outside the grid included.
  Problem(const Description& d, Map map, const Operands& operands);

 private:
  void check_models(int row, Index models) const;
  void pack_coefficients(int level);
  void pack_profiles();
  Points make_points(const std::int32_t* nodes, Index count, Index taps, const char* name) const;
  Buffer<T> profiles_;
};

extern template struct Problem<float>;
extern template struct Problem<double>;
extern template class Buffer<float>;
extern template class Buffer<double>;

}  // namespace dualwave
