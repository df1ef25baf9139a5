// One call of a map: its operands by level, checked against the description. Pointers may be of the host or
// of a device.
#pragma once
#include "engine/description.hpp"
#include "engine/history.hpp"
#include "engine/slots.hpp"
#include "kernels/points.hpp"

namespace dualwave {

// Operands of one level; null where the map was given none.
template <class T>
struct Level {
  const T* coefficients = nullptr;  // [models][coefficient][cells]
  Index models = 0;
  const T* amplitudes = nullptr;
  const T* source_weights = nullptr;
  const T* receiver_weights = nullptr;
  const T* state = nullptr;
  const T* receivers_bar = nullptr;
  const T* state_bar = nullptr;
  T* out_receivers = nullptr;
  T* out_state = nullptr;
  T* gradient[kOperands] = {};
};

// What a call asks for, as far as memory depends on it.
struct Needs {
  int levels = 1;
  int members = 0;  // threads that march a shot together
  bool reverse = false;
  bool records = true;
  bool models = true, source_gradients = true, receiver_weights = true;
  bool residual = false;  // left by an earlier forward, on the way back; or to be left
};

template <class T>
struct Call {
  Description description;
  Map map;
  int levels;
  const EquationInfo& equation;
  Layout<T> layout;  // its profiles are set by whoever runs the call, where they are needed
  History history;
  Index packed_state = 0;  // elements of one shot's state, as the caller sees it
  Level<T> level[kLevels];
  const std::int32_t* source_nodes = nullptr;
  const std::int32_t* receiver_nodes = nullptr;
  const std::int32_t* model_index = nullptr;  // [row][shot]
  const T* profiles = nullptr;
  const T* residual_in = nullptr;  // see residual_shape
  T* residual_out = nullptr;
  std::vector<int> stage_of_field;  // the stage after which a source on it is injected; -1: never updated

  // Throws std::invalid_argument when an operand is missing, unexpected or of a wrong size.
  Call(const Description& d, Map map, const Operands& operands);

  T* residual() const { return residual_out ? residual_out : const_cast<T*>(residual_in); }
  bool wants_gradient(int operand) const;
  bool wants_records() const;
  bool wants_outputs() const;
  Index gradient_size(int operand) const;
  Needs needs() const;

 private:
  Index operand_size(int operand) const;
  void read_level(int l, const Operands& operands);
  void read_cotangents(int l, const Operands& operands);
  void read_constants(const Operands& operands);
};

template <class T>
Layout<T> make_layout(const Description& d, const EquationInfo& equation);

// What forward leaves of a shot for its adjoint, as (count, elements): the kept states; or as one, where the
// history is full, that and the field at the receivers' nodes of each step.
struct ResidualShape {
  Index count, elements;
  Index size() const { return count * elements; }
};
ResidualShape residual_shape(const Description& d, const History& history);

// Node number field * cells + cell, where it lies in a grid.
DW_POINTS Node make_node(const Geometry& g, Index number) {
  const Index cells = g.n[0] * g.n[1] * g.n[2], cell = number % cells, row = cell / g.n[2];
  return {static_cast<int>(number / cells), row,
          g.origin + row / g.n[1] * g.stride[0] + row % g.n[1] * g.stride[1] + cell % g.n[2]};
}

template <class T>
Points<T> make_sources(const Call<T>& call, const Node* nodes);
template <class T>
Points<T> make_receivers(const Call<T>& call, const Node* nodes);

extern template struct Call<float>;
extern template struct Call<double>;
extern template Layout<float> make_layout(const Description&, const EquationInfo&);
extern template Layout<double> make_layout(const Description&, const EquationInfo&);

}  // namespace dualwave
