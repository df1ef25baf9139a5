#include "cpu/problem.hpp"

#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

#include "engine/registry.hpp"

namespace dualwave {
namespace {

constexpr Index kProfileRows = 5;  // a, b, db, a_half, b_half
constexpr const char* kOperandNames[] = {"coefficients", "amplitudes", "source_weights", "receiver_weights", "state"};

[[noreturn]] void fail(const std::string& text) { throw std::invalid_argument(text); }

void check_size(const Array& array, Index expected, const std::string& name) {
  if (array && array.size != expected)
    fail(name + ": got " + std::to_string(array.size) + " elements, but the description asks for " + std::to_string(expected));
}

const Array& require(const Array& array, const std::string& name) {
  if (!array) fail(name + ": missing; this map needs it");
  return array;
}

template <class T>
const T* pointer(const Array& array) {
  return static_cast<const T*>(array.data);
}

}  // namespace

template <class T>
void Buffer<T>::resize(Index size) {
  constexpr std::size_t line = 64;
  owner_.reset(std::calloc(static_cast<std::size_t>(size) * sizeof(T) + line, 1));
  if (!owner_) throw std::bad_alloc();
  const auto address = reinterpret_cast<std::uintptr_t>(owner_.get());
  data_ = reinterpret_cast<T*>((address + line - 1) / line * line);
}

template <class T>
Layout<T> make_layout(const Description& d, const EquationInfo& equation) {
  Layout<T> l{};
  const int reach = d.order / 2;
  l.geometry = make_geometry(d.dim, reach, d.n, d.pml);
  for (int axis = 0; axis < 3; ++axis) {
    const double dx = d.spacing[axis];
    for (int k = 0; k <= reach; ++k) l.weights[axis].second[k] = static_cast<T>(kSecond[reach - 1][k] / (dx * dx));
    for (int k = 0; k < reach; ++k) l.weights[axis].first[k] = static_cast<T>(kFirst[reach - 1][k] / dx);
    for (int k = 0; k < reach; ++k) l.weights[axis].staggered[k] = static_cast<T>(kStaggered[reach - 1][k] / dx);
  }
  l.state_size = equation.fields * l.geometry.grid;
  int most_scratches = 0;
  for (const StageInfo& stage : equation.stages) most_scratches = std::max(most_scratches, stage.scratches);
  l.scratch_size = most_scratches * l.geometry.grid;
  for (std::size_t i = 0; i < equation.memories.size(); ++i) {
    const Memory& memory = equation.memories[i];
    const Index slab = l.geometry.slab[memory.axis].size;
    l.memory[i] = l.state_size;
    l.scratch[i] = l.scratch_size;
    l.state_size += memory_buffers(memory.op) * slab;
    l.scratch_size += memory_buffers(memory.op) * slab;  // e, y, z of a second derivative; e of a staggered one
  }
  for (int i = static_cast<int>(equation.memories.size()) - 1; i >= 0; --i) l.first_memory[equation.memories[i].stage] = i;
  return l;
}

Index packed_state_size(const Description& d, const EquationInfo& equation) {
  Index size = equation.fields * d.cells();
  for (const Memory& m : equation.memories) size += memory_count(m.op) * (d.cells() / d.n[m.axis]) * (d.pml[m.axis][0] + d.pml[m.axis][1]);
  return size;
}

template <class T>
Problem<T>::Problem(const Description& d, Map m, const Operands& operands)
    : description(d), map(m), levels(levels_of(m)), equation(equation_info(d.equation, d.dim)), kernels(find_kernels<T>(d.equation, d.dim, d.order)),
      layout(make_layout<T>(d, equation)), compact_state(packed_state_size(d, equation)), zero_row_(d.n[2]) {
  read_operands(operands);
  find_stages();
  make_points(sources, operands.in[input::source_nodes], "source_nodes");
  make_points(receivers, operands.in[input::receiver_nodes], "receiver_nodes");
  make_profiles(operands.in[input::profiles]);
  for (int l = 0; l < levels; ++l) pack_coefficients(l, operands.in[input::primal(l, kCoefficients)]);
}

template <class T>
void Problem<T>::read_operands(const Operands& operands) {
  const Description& d = description;
  const Index source_size = d.shots * d.sources, receiver_size = d.shots * d.receivers;
  const Index sizes[kOperands] = {0, source_size * d.steps, source_size * d.source_taps, receiver_size * d.receiver_taps, d.shots * compact_state};
  const Index gradient_grids = d.gradients * equation.coefficients * d.cells();
  for (int l = 0; l < kLevels; ++l) {
    Level<T>& to = level[l];
    const std::string suffix = std::to_string(l);
    for (int o = 0; o < kOperands; ++o) {
      const Array& in = operands.in[input::primal(l, o)];
      if (l >= levels && in) fail(std::string(kOperandNames[o]) + suffix + ": this map has no such level");
      if (o != kCoefficients) check_size(in, sizes[o], kOperandNames[o] + suffix);
      if (l == 0 && o != kState) require(in, kOperandNames[o]);
    }
    to.amplitudes = pointer<T>(operands.in[input::primal(l, kAmplitudes)]);
    to.source_weights = pointer<T>(operands.in[input::primal(l, kSourceWeights)]);
    to.receiver_weights = pointer<T>(operands.in[input::primal(l, kReceiverWeights)]);
    to.state = pointer<T>(operands.in[input::primal(l, kState)]);
    if (l < 2) {
      const Array &rb = operands.in[input::receivers_bar(l)], &sb = operands.in[input::state_bar(l)];
      if ((rb || sb) && !(is_reverse(map) && l < levels)) fail("receivers_bar, state_bar: this map takes no cotangent at level " + suffix);
      check_size(rb, receiver_size * d.steps, "receivers_bar" + suffix);
      check_size(sb, d.shots * compact_state, "state_bar" + suffix);
      to.receivers_bar = pointer<T>(rb);
      to.state_bar = pointer<T>(sb);
      for (int o = 0; o < kOperands; ++o) {
        const Array& out = operands.out[output::gradient(l, o)];
        if (out && !(is_reverse(map) && l < levels)) fail("gradients: this map has none at level " + suffix);
        check_size(out, o == kCoefficients ? gradient_grids : sizes[o], std::string("gradient of ") + kOperandNames[o] + suffix);
        to.gradient[o] = static_cast<T*>(out.data);
      }
    }
    const Array &receivers_out = operands.out[output::receivers(l)], &state_out = operands.out[output::state(l)];
    if (l >= levels && (receivers_out || state_out)) fail("receivers, state: this map has no level " + suffix);
    check_size(receivers_out, receiver_size * d.steps, "receivers" + suffix);
    check_size(state_out, d.shots * compact_state, "state" + suffix);
    to.out_receivers = static_cast<T*>(receivers_out.data);
    to.out_state = static_cast<T*>(state_out.data);
  }
  const Index checkpoint_size = d.shots * d.checkpoints() * layout.state_size;
  if (operands.in[input::checkpoints] && map != Map::adjoint) fail("checkpoints: only adjoint takes them");
  if (operands.out[output::checkpoints] && map != Map::forward) fail("checkpoints: only forward returns them");
  check_size(operands.in[input::checkpoints], checkpoint_size, "checkpoints");
  check_size(operands.out[output::checkpoints], checkpoint_size, "checkpoints");
  checkpoints_in = pointer<T>(operands.in[input::checkpoints]);
  checkpoints_out = static_cast<T*>(operands.out[output::checkpoints].data);

  const Array& index = require(operands.in[input::model_index], "model_index");
  check_size(index, kModelIndexRows * d.shots, "model_index");
  model_index = pointer<std::int32_t>(index);
  const auto check_models = [&](int row, Index models) {
    for (Index s = 0; s < d.shots; ++s)
      if (model_index[row * d.shots + s] < 0 || model_index[row * d.shots + s] >= models)
        fail("model_index: shot " + std::to_string(s) + " uses model " + std::to_string(model_index[row * d.shots + s]) + " of " + std::to_string(models));
  };
  const Index model_size = equation.coefficients * d.cells();
  for (int l = 0; l < levels; ++l) {
    const Array& in = operands.in[input::primal(l, kCoefficients)];
    if (!in) continue;
    if (in.size % model_size != 0) fail("coefficients" + std::to_string(l) + ": not a whole number of models");
    check_models(l, in.size / model_size);
  }
  if (wants_gradient(kCoefficients)) check_models(kGradientRow, d.gradients);
}

template <class T>
void Problem<T>::pack_coefficients(int l, const Array& grids) {
  if (!grids) return;
  const Geometry& g = layout.geometry;
  const Index count = grids.size / g.cells();
  Buffer<T>& packed = level[l].coefficients;
  packed.resize(count * g.grid);
  const T* from = pointer<T>(grids);
  const Index rows = count * g.rows();
  const int members = rows * g.n[2] > 65536 ? num_threads() : 1;
  run_team(members, [&](int member) {
    for (Index r = rows * member / members; r < rows * (member + 1) / members; ++r) {
      const Index row = r % g.rows();
      T* to = packed.data() + r / g.rows() * g.grid + g.origin + row / g.n[1] * g.stride[0] + row % g.n[1] * g.stride[1];
      std::memcpy(to, from + r * g.n[2], sizeof(T) * g.n[2]);
    }
  });
}

template <class T>
void Problem<T>::find_stages() {
  stage_of_field.assign(equation.fields, -1);
  for (std::size_t s = 0; s < equation.stages.size(); ++s)
    for (const Term& term : equation.stages[s].terms) {
      int field = term.target;  // a source is injected under the name that the field has after the stage
      for (const Swap& swap : equation.stages[s].swaps) field = field == swap.first ? swap.second : field == swap.second ? swap.first : field;
      stage_of_field[field] = static_cast<int>(s);
    }
}

template <class T>
void Problem<T>::make_points(Points& points, const Array& nodes, const char* name) {
  const bool is_source = &points == &sources;
  const Description& d = description;
  const Geometry& g = layout.geometry;
  points.count = is_source ? d.sources : d.receivers;
  points.taps = is_source ? d.source_taps : d.receiver_taps;
  const Index total = d.shots * points.count * points.taps;
  if (total == 0) return;
  check_size(require(nodes, name), total, name);
  points.nodes.resize(total);
  const std::int32_t* at = pointer<std::int32_t>(nodes);
  for (Index i = 0; i < total; ++i) {
    if (at[i] == -1) continue;
    const Index cells = g.cells(), field = at[i] / cells, cell = at[i] % cells;
    if (at[i] < 0 || field >= equation.fields)
      fail(std::string(name) + ": node " + std::to_string(at[i]) + " lies outside the grid of " + std::to_string(cells) +
           " cells; give locations inside the model, or IGNORE_LOCATION");
    if (is_source && stage_of_field[field] < 0) fail(std::string(name) + ": a source on a field that no stage updates");
    const Index row = cell / g.n[2];
    points.nodes[i] = {static_cast<int>(field), row, g.origin + row / g.n[1] * g.stride[0] + row % g.n[1] * g.stride[1] + cell % g.n[2]};
    if (!is_source)
      for (const Term& term : equation.stages[0].terms) recording_conflicts |= term.target == field;
  }
}

template <class T>
void Problem<T>::make_profiles(const Array& profiles) {
  const Index halo = layout.geometry.halo;
  Index cells = 0;
  for (int axis = 3 - description.dim; axis < 3; ++axis) cells += description.n[axis];
  check_size(require(profiles, "profiles"), kProfileRows * cells, "profiles");
  profiles_.resize(kProfileRows * (cells + 2 * halo * description.dim));
  const T* from = pointer<T>(profiles);
  T* to = profiles_.data();
  for (int axis = 3 - description.dim; axis < 3; ++axis) {
    const T* row[kProfileRows];
    for (Index r = 0; r < kProfileRows; ++r) {
      std::memcpy(to + halo, from, sizeof(T) * description.n[axis]);
      row[r] = to + halo;
      from += description.n[axis];
      to += description.n[axis] + 2 * halo;
    }
    layout.profile[axis] = {row[0], row[1], row[2], row[3], row[4]};
  }
}

template struct Problem<float>;
template struct Problem<double>;
template class Buffer<float>;
template class Buffer<double>;
template Layout<float> make_layout(const Description&, const EquationInfo&);
template Layout<double> make_layout(const Description&, const EquationInfo&);

}  // namespace dualwave
