#include "engine/call.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "engine/registry.hpp"

namespace dualwave {
namespace {

constexpr Index kProfileRows = 5;  // a, b, db, a_half, b_half
constexpr const char* kOperandNames[] = {"coefficients", "amplitudes", "source_weights", "receiver_weights",
                                         "state"};

[[noreturn]] void fail(const std::string& text) { throw std::invalid_argument(text); }

void check_size(const Array& array, Index expected, const std::string& name) {
  if (array && array.size != expected)
    fail(name + ": got " + std::to_string(array.size) + " elements, but the description asks for " +
         std::to_string(expected));
}

const Array& require(const Array& array, const std::string& name) {
  if (!array) fail(name + ": missing; this map needs it");
  return array;
}

template <class T>
const T* pointer(const Array& array) {
  return static_cast<const T*>(array.data);
}

template <class T>
T* output_pointer(const Array& array) {
  return static_cast<T*>(array.data);
}

std::vector<int> injection_stages(const EquationInfo& equation) {
  std::vector<int> stage_of_field(equation.fields, -1);
  for (std::size_t s = 0; s < equation.stages.size(); ++s)
    for (const Term& term : equation.stages[s].terms) {
      int field = term.target;  // a source is injected under the name that the field has after the stage
      for (const Swap& swap : equation.stages[s].swaps)
        field = field == swap.first ? swap.second : field == swap.second ? swap.first : field;
      stage_of_field[field] = static_cast<int>(s);
    }
  return stage_of_field;
}

}  // namespace

template <class T>
Layout<T> make_layout(const Description& d, const EquationInfo& equation) {
  Layout<T> l{};
  const int reach = d.order / 2;
  l.geometry = make_geometry(d.dim, reach, equation.slab_reach(reach), d.n, d.pml, d.face);
  l.interior = interior(l.geometry);
  l.window = make_window(l.geometry, d.window_first, d.window_last);
  for (int axis = 0; axis < 3; ++axis) {
    const double dx = d.spacing[axis];
    for (int k = 0; k <= reach; ++k)
      l.weights[axis].second[k] = static_cast<T>(kSecond[reach - 1][k] / (dx * dx));
    for (int k = 0; k < reach; ++k) l.weights[axis].first[k] = static_cast<T>(kFirst[reach - 1][k] / dx);
    for (int k = 0; k < reach; ++k)
      l.weights[axis].staggered[k] = static_cast<T>(kStaggered[reach - 1][k] / dx);
  }
  l.state_size = equation.fields * l.geometry.grid;
  int most_scratches = 0;
  for (const StageInfo& stage : equation.stages) most_scratches = std::max(most_scratches, stage.scratches);
  l.scratch_size = most_scratches * l.geometry.grid;
  for (std::size_t i = 0; i < equation.memories.size(); ++i) {
    const Memory& memory = equation.memories[i];
    const Index slab = l.geometry.slab[memory.axis].size;
    l.memory[i] = l.state_size;
    l.state_size += memory_buffers(memory.op) * slab;
  }
  for (int i = static_cast<int>(equation.memories.size()) - 1; i >= 0; --i)
    l.first_memory[equation.memories[i].stage] = i;
  return l;
}

ResidualShape residual_shape(const Description& d, const History& history) {
  if (!d.full) return {d.checkpoints(), history.state};
  if (d.place != Place::caller) return {0, 0};
  const Index traces = d.steps * d.receivers * d.receiver_taps;
  constexpr Index kLine = 16;  // the next shot's begins at a cache line
  return {1, (history.size() + traces + kLine - 1) / kLine * kLine};
}

template <class T>
Call<T>::Call(const Description& d, Map m, const Operands& operands)
    : description(d),
      map(m),
      levels(levels_of(m)),
      equation(equation_info(d.equation, d.dim)),
      layout(make_layout<T>(d, equation)),
      history(d, equation, layout.geometry, layout.window),
      packed_state(packed_state_size(equation, layout.geometry, Packed::callers)),
      stage_of_field(injection_stages(equation)) {
  for (int l = 0; l < kLevels; ++l) read_level(l, operands);
  for (int l = 0; l < 2; ++l) read_cotangents(l, operands);
  read_constants(operands);
}

template <class T>
Index Call<T>::operand_size(int operand) const {
  const Description& d = description;
  const Index sizes[kOperands] = {0, d.shots * d.sources * d.steps, d.shots * d.sources * d.source_taps,
                                  d.shots * d.receivers * d.receiver_taps, d.shots * packed_state};
  return sizes[operand];
}

template <class T>
Index Call<T>::gradient_size(int operand) const {
  return operand == kCoefficients ? description.gradients * equation.coefficients * description.cells()
                                  : operand_size(operand);
}

template <class T>
bool Call<T>::wants_gradient(int operand) const {
  return level[0].gradient[operand] || level[1].gradient[operand];
}

template <class T>
bool Call<T>::wants_records() const {
  return std::any_of(level, level + levels, [](const Level<T>& l) { return l.out_receivers; });
}

template <class T>
bool Call<T>::wants_outputs() const {
  return std::any_of(level, level + levels, [](const Level<T>& l) { return l.out_receivers || l.out_state; });
}

template <class T>
Needs Call<T>::needs() const {
  Needs n;
  n.levels = levels;
  n.reverse = is_reverse(map);
  n.records = wants_records();
  n.models = wants_gradient(kCoefficients);
  n.source_gradients = wants_gradient(kAmplitudes) || wants_gradient(kSourceWeights);
  n.receiver_weights = wants_gradient(kReceiverWeights);
  n.residual = residual() != nullptr;
  return n;
}

template <class T>
void Call<T>::read_level(int l, const Operands& operands) {
  const std::string suffix = std::to_string(l);
  for (int o = 0; o < kOperands; ++o) {
    const Array& in = operands.in[input::primal(l, o)];
    if (l >= levels && in) fail(std::string(kOperandNames[o]) + suffix + ": this map has no such level");
    if (o != kCoefficients) check_size(in, operand_size(o), kOperandNames[o] + suffix);
    if (l == 0 && o != kState) require(in, kOperandNames[o]);
  }
  Level<T>& to = level[l];
  const Array& grids = operands.in[input::primal(l, kCoefficients)];
  const Index model_size = equation.coefficients * description.cells();
  if (grids.size % model_size != 0) fail("coefficients" + suffix + ": not a whole number of models");
  to.coefficients = pointer<T>(grids);
  to.models = grids.size / model_size;
  to.amplitudes = pointer<T>(operands.in[input::primal(l, kAmplitudes)]);
  to.source_weights = pointer<T>(operands.in[input::primal(l, kSourceWeights)]);
  to.receiver_weights = pointer<T>(operands.in[input::primal(l, kReceiverWeights)]);
  to.state = pointer<T>(operands.in[input::primal(l, kState)]);

  const Array &receivers = operands.out[output::receivers(l)], &state = operands.out[output::state(l)];
  if (l >= levels && (receivers || state)) fail("receivers, state: this map has no level " + suffix);
  check_size(receivers, description.shots * description.receivers * description.steps, "receivers" + suffix);
  check_size(state, description.shots * packed_state, "state" + suffix);
  to.out_receivers = output_pointer<T>(receivers);
  to.out_state = output_pointer<T>(state);
}

template <class T>
void Call<T>::read_cotangents(int l, const Operands& operands) {
  const std::string suffix = std::to_string(l);
  const bool has = is_reverse(map) && l < levels;
  Level<T>& to = level[l];
  const Array &receivers = operands.in[input::receivers_bar(l)], &state = operands.in[input::state_bar(l)];
  if ((receivers || state) && !has)
    fail("receivers_bar, state_bar: this map takes no cotangent at level " + suffix);
  check_size(receivers, description.shots * description.receivers * description.steps,
             "receivers_bar" + suffix);
  check_size(state, description.shots * packed_state, "state_bar" + suffix);
  to.receivers_bar = pointer<T>(receivers);
  to.state_bar = pointer<T>(state);
  for (int o = 0; o < kOperands; ++o) {
    const Array& out = operands.out[output::gradient(l, o)];
    if (out && !has) fail("gradients: this map has none at level " + suffix);
    check_size(out, gradient_size(o), std::string("gradient of ") + kOperandNames[o] + suffix);
    to.gradient[o] = output_pointer<T>(out);
  }
}

template <class T>
void Call<T>::read_constants(const Operands& operands) {
  const Description& d = description;
  const Index residual_size = d.shots * residual_shape(d, history).size();
  const Array &left = operands.in[input::residual], &leave = operands.out[output::residual];
  if (left && map != Map::adjoint) fail("residual: only adjoint takes it");
  if (leave && map != Map::forward && map != Map::tangent)
    fail("residual: only forward and tangent return it");
  check_size(left, residual_size, "residual");
  check_size(leave, residual_size, "residual");
  if (d.place == Place::caller) {
    residual_in = pointer<T>(left);
    residual_out = output_pointer<T>(leave);
  }

  const Index source_nodes_size = d.shots * d.sources * d.source_taps,
              receiver_nodes_size = d.shots * d.receivers * d.receiver_taps;
  if (source_nodes_size)
    check_size(require(operands.in[input::source_nodes], "source_nodes"), source_nodes_size, "source_nodes");
  if (receiver_nodes_size)
    check_size(require(operands.in[input::receiver_nodes], "receiver_nodes"), receiver_nodes_size,
               "receiver_nodes");
  source_nodes = pointer<std::int32_t>(operands.in[input::source_nodes]);
  receiver_nodes = pointer<std::int32_t>(operands.in[input::receiver_nodes]);
  check_size(require(operands.in[input::model_index], "model_index"), kModelIndexRows * d.shots,
             "model_index");
  model_index = pointer<std::int32_t>(operands.in[input::model_index]);
  Index cells = 0;
  for (int axis = 3 - d.dim; axis < 3; ++axis) cells += d.n[axis];
  check_size(require(operands.in[input::profiles], "profiles"), kProfileRows * cells, "profiles");
  profiles = pointer<T>(operands.in[input::profiles]);
}

template <class T>
Points<T> make_sources(const Call<T>& call, const Node* nodes) {
  const Description& d = call.description;
  Points<T> points{d.sources, d.source_taps, d.steps, nodes, {}, {}};
  for (int l = 0; l < call.levels; ++l) {
    points.weights[l] = call.level[l].source_weights;
    points.series[l] = call.level[l].amplitudes;
  }
  return points;
}

template <class T>
Points<T> make_receivers(const Call<T>& call, const Node* nodes) {
  const Description& d = call.description;
  Points<T> points{d.receivers, d.receiver_taps, d.steps, nodes, {}, {}};
  for (int l = 0; l < call.levels; ++l) {
    points.weights[l] = call.level[l].receiver_weights;
    points.series[l] = call.level[l].receivers_bar;
  }
  return points;
}

template struct Call<float>;
template struct Call<double>;
template Points<float> make_sources(const Call<float>&, const Node*);
template Points<double> make_sources(const Call<double>&, const Node*);
template Points<float> make_receivers(const Call<float>&, const Node*);
template Points<double> make_receivers(const Call<double>&, const Node*);
template Layout<float> make_layout(const Description&, const EquationInfo&);
template Layout<double> make_layout(const Description&, const EquationInfo&);

}  // namespace dualwave
