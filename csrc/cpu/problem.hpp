// A call made ready for the CPU: padded coefficients and profiles, nodes, everything that refers to a value
// checked.
#pragma once
#include <atomic>
#include <exception>
#include <mutex>
#include <vector>

#include "cpu/buffer.hpp"
#include "engine/time_loop.hpp"
#include "kernels/points.hpp"

namespace dualwave {

// The nodes of each shot's sources, or receivers, in the order of their rows; ignored ones left out.
struct RowOrder {
  std::vector<Index> node;
  std::vector<Index> first;  // of each shot, and one more
};

// The first exception of several threads, none of which may throw it: the others would wait for that one.
class Failure {
 public:
  explicit operator bool() const { return failed_; }
  void keep() {  // in a handler
    std::lock_guard<std::mutex> lock(mutex_);
    if (!first_) first_ = std::current_exception();
    failed_ = true;
  }
  void rethrow() const {
    if (first_) std::rethrow_exception(first_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr first_;
  std::atomic<bool> failed_{false};
};

template <class T>
struct Problem : Call<T> {
  const Kernels<T>& kernels;
  Buffer<T> coefficients[kLevels];  // haloed grids [model][coefficient]
  Buffer<T> reversed[kLevels];      // the same with the signs reversed, where fields are rebuilt
  Buffer<T> zero_row;               // stands for the coefficients of a level that has none
  bool scaled = false;              // the transpose is of cotangents times coefficients, see Scaling
  Schedule schedule;
  Points<T> sources, receivers;
  RowOrder source_order, receiver_order;
  Failure failure;

  // Throws std::invalid_argument for operands that do not fit, nodes outside the grid included.
  Problem(const Description& d, Map map, const Operands& operands);

 private:
  void check_models(int row, Index models) const;
  void pack_coefficients(int level);
  bool can_scale() const;
  bool records_targets(int stage) const;
  bool are_positive(bool inside) const;
  void pack_profiles();
  std::vector<Node> make_nodes(const std::int32_t* nodes, Index total, const char* name) const;
  Buffer<T> profiles_;
  std::vector<Node> source_nodes_, receiver_nodes_;
};

extern template struct Problem<float>;
extern template struct Problem<double>;

}  // namespace dualwave
