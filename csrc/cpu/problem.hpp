// One call of a map, made ready: layout, padded coefficients, nodes, and the operands by level.
#pragma once
#include <cstdlib>
#include <memory>
#include <vector>

#include "cpu/team.hpp"
#include "engine/description.hpp"
#include "engine/equation.hpp"
#include "engine/slots.hpp"
#include "kernels/view.hpp"

namespace dualwave {

// Memory from calloc: pages come zeroed from the system, and are first touched by the thread that uses them.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(Index size) { resize(size); }
  void resize(Index size);  // zeroed; throws std::bad_alloc
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

// Operands of one level; null where the map was given none.
template <class T>
struct Level {
  const T* amplitudes = nullptr;
  const T* source_weights = nullptr;
  const T* receiver_weights = nullptr;
  const T* state = nullptr;
  const T* receivers_bar = nullptr;
  const T* state_bar = nullptr;
  Buffer<T> coefficients;  // haloed grids [model][coefficient]
  T* out_receivers = nullptr;
  T* out_state = nullptr;
  T* gradient[kOperands] = {};
};

template <class T>
struct Problem {
  Description description;
  Map map;
  int levels;
  const EquationInfo& equation;
  const Kernels<T>& kernels;
  Layout<T> layout;
  Index compact_state = 0;  // elements of one shot's packed state, as the caller sees it
  Level<T> level[kLevels];
  Points sources, receivers;
  const std::int32_t* model_index = nullptr;  // [row][shot]
  const T* checkpoints_in = nullptr;          // [shot][checkpoint][state_size]
  T* checkpoints_out = nullptr;
  std::vector<int> stage_of_field;       // the stage after which a source on it is injected; -1: never updated
  bool recording_conflicts = false;      // a receiver's field changes in place during the first stage
  bool wants_gradient(int operand) const {
    for (int l = 0; l < levels; ++l)
      if (level[l].gradient[operand]) return true;
    return false;
  }

  // Checks every operand against the description; throws std::invalid_argument before any memory is touched.
  Problem(const Description& d, Map map, const Operands& operands);

 private:
  void read_operands(const Operands& operands);
  void pack_coefficients(int level, const Array& grids);
  void make_points(Points& points, const Array& nodes, const char* name);
  void make_profiles(const Array& profiles);
  void find_stages();
  Buffer<T> profiles_;
  Buffer<T> zero_row_;

 public:
  const T* zero_row() const { return zero_row_.data(); }
};

// Elements of a state block with this layout, which the checkpoints consist of.
template <class T>
Layout<T> make_layout(const Description& d, const EquationInfo& equation);
Index packed_state_size(const Description& d, const EquationInfo& equation);

extern template struct Problem<float>;
extern template struct Problem<double>;
extern template class Buffer<float>;
extern template class Buffer<double>;
extern template Layout<float> make_layout(const Description&, const EquationInfo&);
extern template Layout<double> make_layout(const Description&, const EquationInfo&);

}  // namespace dualwave
