// The operands of the five maps, in the one order that Python, XLA and the core share (see core/maps.py).
#pragma once
#include <cstdint>

namespace dualwave {

enum class Map : int { forward, tangent, second_tangent, adjoint, tangent_adjoint };

constexpr int levels_of(Map map) {
  return map == Map::second_tangent ? 4 : map == Map::tangent || map == Map::tangent_adjoint ? 2 : 1;
}
constexpr bool is_reverse(Map map) { return map == Map::adjoint || map == Map::tangent_adjoint; }

// What every level has: the five operands that the propagation is linear in, each by itself.
enum Operand { kCoefficients, kAmplitudes, kSourceWeights, kReceiverWeights, kState, kOperands };

namespace input {
constexpr int primal(int level, int operand) { return level * kOperands + operand; }
constexpr int receivers_bar(int level) { return 20 + 2 * level; }
constexpr int state_bar(int level) { return 21 + 2 * level; }
enum { residual = 24, source_nodes, receiver_nodes, model_index, profiles, count };
}  // namespace input

namespace output {
constexpr int receivers(int level) { return 2 * level; }
constexpr int state(int level) { return 2 * level + 1; }
constexpr int gradient(int level, int operand) { return 8 + level * kOperands + operand; }
enum { residual = 18, count };
}  // namespace output

// Rows of model_index: which model a shot uses at each level, and which gradient its own is added to.
enum ModelIndexRow { kGradientRow = 4, kModelIndexRows = 5 };

struct Array {
  void* data = nullptr;
  std::int64_t size = 0;  // elements
  explicit operator bool() const { return data != nullptr; }
};

struct Operands {
  Array in[input::count];
  Array out[output::count];
};

}  // namespace dualwave
