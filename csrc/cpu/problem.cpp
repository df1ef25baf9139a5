#include "cpu/problem.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

#include "cpu/team.hpp"
#include "engine/registry.hpp"

namespace dualwave {

namespace {

template <class T>
RowOrder row_order(const Points<T>& points, Index shots) {
  RowOrder order;
  const Index size = points.count * points.taps;
  for (Index shot = 0; shot < shots; ++shot) {
    const auto begin = static_cast<std::ptrdiff_t>(order.node.size());
    order.first.push_back(begin);
    for (Index i = shot * size; i < (shot + 1) * size; ++i)
      if (points.nodes[i].field >= 0) order.node.push_back(i);
    // Stable, so that sources in one cell add up in their own order.
    std::stable_sort(order.node.begin() + begin, order.node.end(),
                     [&](Index a, Index b) { return points.nodes[a].row < points.nodes[b].row; });
  }
  order.first.push_back(static_cast<Index>(order.node.size()));
  return order;
}

// A pass over as many cells is worth waking a team for, or is not.
int threads_for(Index cells) { return cells > 65536 ? num_threads() : 1; }

}  // namespace

template <class T>
Problem<T>::Problem(const Description& d, Map m, const Operands& operands)
    : Call<T>(d, m, operands),
      kernels(find_kernels<T>(d.equation, d.dim, d.order)),
      zero_row(this->layout.geometry.row_cells()),
      source_nodes_(make_nodes(this->source_nodes, d.shots * d.sources * d.source_taps, "source_nodes")),
      receiver_nodes_(
          make_nodes(this->receiver_nodes, d.shots * d.receivers * d.receiver_taps, "receiver_nodes")) {
  sources = make_sources(*this, source_nodes_.data());
  receivers = make_receivers(*this, receiver_nodes_.data());
  for (const Node& node : source_nodes_)
    if (node.field >= 0 && this->stage_of_field[node.field] < 0)
      throw std::invalid_argument("source_nodes: a source on a field that no stage updates");
  source_order = row_order(sources, d.shots);
  receiver_order = row_order(receivers, d.shots);
  for (int l = 0; l < this->levels; ++l)
    if (this->level[l].coefficients) check_models(l, this->level[l].models);
  if (this->wants_gradient(kCoefficients)) check_models(kGradientRow, d.gradients);
  if (this->residual_out) {
    const Index size = d.shots * residual_shape(d, this->history).size();
    prefer_huge_pages(this->residual_out, size * sizeof(T));
  }
  pack_profiles();
  for (int l = 0; l < this->levels; ++l)
    if (this->level[l].coefficients) pack_coefficients(l);
  scaled = can_scale();
  schedule = make_schedule<T>(*this);
  // A transposed stage reads its targets' neighbours where cotangents are scaled, and scratch grids where
  // not.
  schedule.residuals_apart = scaled && records_targets(0);
}

// Whether cotangents can be had again from what they are times coefficients, wherever they are wanted.
template <class T>
bool Problem<T>::can_scale() const {
  const EquationInfo& equation = this->equation;
  if (this->map != Map::adjoint || equation.scaled_by.empty() || mirrors(this->layout.geometry)) return false;
  if (!are_positive(!this->wants_gradient(kState))) return false;
  if (!this->wants_gradient(kAmplitudes) && !this->wants_gradient(kSourceWeights)) return true;
  const Index grid = this->layout.geometry.grid, in_a_shot = sources.count * sources.taps;
  for (Index i = 0; i < this->description.shots * in_a_shot; ++i) {
    const Node& node = source_nodes_[i];
    if (node.field < 0) continue;
    const Index model = this->model_index[i / in_a_shot] * equation.coefficients;
    if (coefficients[0].data()[(model + equation.scaled_by[node.field]) * grid + node.offset] == 0)
      return false;
  }
  return true;
}

// Whether a receiver is on a field that the stage adds to.
template <class T>
bool Problem<T>::records_targets(int stage) const {
  const std::vector<Term>& terms = this->equation.stages[stage].terms;
  return std::any_of(receiver_nodes_.begin(), receiver_nodes_.end(), [&](const Node& node) {
    return std::any_of(terms.begin(), terms.end(), [&](const Term& t) { return t.target == node.field; });
  });
}

// Whether every coefficient is above zero, and not so small that products with it would lose bits; with
// `inside`, but those of half nodes past the last cell, which are not in the grid.
template <class T>
bool Problem<T>::are_positive(bool inside) const {
  const Geometry& g = this->layout.geometry;
  const Index rows = this->level[0].models * this->equation.coefficients * g.rows();
  const T least = std::sqrt(std::numeric_limits<T>::min());
  std::atomic<bool> all{true};
  const int members = threads_for(rows * g.n[2]);
  run_team(members, [&](int member) {
    for (Index r = rows * member / members; r < rows * (member + 1) / members; ++r) {
      const T* row = this->level[0].coefficients + r * g.n[2];
      const int half = inside ? this->equation.half_axis[r / g.rows() % this->equation.coefficients] : -1;
      const Index z = r % g.rows() / g.n[1], y = r % g.n[1];
      if ((half == 0 && z + 1 == g.n[0]) || (half == 1 && y + 1 == g.n[1])) continue;
      bool positive = true;
      for (Index x = 0; x < g.n[2] - (half == 2); ++x) positive = positive && row[x] > least;
      if (!positive) all = false;
    }
  });
  return all;
}

template <class T>
void Problem<T>::check_models(int row, Index models) const {
  for (Index s = 0; s < this->description.shots; ++s) {
    const Index model = this->model_index[row * this->description.shots + s];
    if (model < 0 || model >= models)
      throw std::invalid_argument("model_index: shot " + std::to_string(s) + " uses model " +
                                  std::to_string(model) + " of " + std::to_string(models));
  }
}

template <class T>
void Problem<T>::pack_coefficients(int l) {
  const Geometry& g = this->layout.geometry;
  const Index grids = this->level[l].models * this->equation.coefficients;
  Buffer<T>& packed = coefficients[l];
  packed.resize(grids * g.grid);
  if (needs_reversed(*this)) reversed[l].resize(grids * g.grid);
  const T* from = this->level[l].coefficients;
  const Index rows = grids * g.rows();
  const int members = threads_for(rows * g.n[2]);
  run_team(members, [&](int member) {
    for (Index r = rows * member / members; r < rows * (member + 1) / members; ++r) {
      const Index row = r % g.rows();
      T* to = packed.data() + r / g.rows() * g.grid + g.origin + row / g.n[1] * g.stride[0] +
              row % g.n[1] * g.stride[1];
      std::memcpy(to, from + r * g.n[2], sizeof(T) * g.n[2]);
      if (T* back = reversed[l].data())
        for (Index x = 0; x < g.n[2]; ++x) back[to - packed.data() + x] = -to[x];
    }
  });
}

template <class T>
std::vector<Node> Problem<T>::make_nodes(const std::int32_t* at, Index total, const char* name) const {
  const Geometry& g = this->layout.geometry;
  const Index cells = g.cells();
  std::vector<Node> nodes(total);
  for (Index i = 0; i < total; ++i) {
    if (at[i] == -1) continue;
    if (at[i] < 0 || at[i] >= this->equation.fields * cells)
      throw std::invalid_argument(std::string(name) + ": node " + std::to_string(at[i]) +
                                  " lies outside the grid of " + std::to_string(cells) +
                                  " cells; give locations inside the model, or IGNORE_LOCATION");
    nodes[i] = make_node(g, at[i]);
  }
  return nodes;
}

template <class T>
void Problem<T>::pack_profiles() {
  constexpr Index kRows = 5;  // of the caller's
  const int reach = this->layout.geometry.halo;
  const Description& d = this->description;
  constexpr Index halo = kAlign;
  Index cells = 0;
  // The loops along x run over whole vectors, and read those before and after.
  const auto extent = [&](int axis) {
    return 2 * halo + (axis == 2 ? this->layout.geometry.row_cells() : d.n[axis]);
  };
  for (int axis = 3 - d.dim; axis < 3; ++axis) cells += extent(axis);
  profiles_.resize((kRows + 2 * reach + 1) * cells);
  const T* from = this->profiles;
  T* to = profiles_.data();
  for (int axis = 3 - d.dim; axis < 3; ++axis) {
    const T* row[kRows];
    for (Index r = 0; r < kRows; ++r) {
      std::memcpy(to + halo, from, sizeof(T) * d.n[axis]);
      row[r] = to + halo;
      from += d.n[axis];
      to += extent(axis);
    }
    for (Index i = 0; i < d.n[axis]; ++i)
      for (int k = -reach; k <= reach; ++k)
        to[around_at(reach, axis == 2, i, k)] =
            weight_around(this->layout.weights[axis], row[1], row[2], i, k);
    this->layout.profile[axis] = {row[0], row[1], row[2], row[3], row[4], to};
    to += (2 * reach + 1) * extent(axis);
  }
}

template struct Problem<float>;
template struct Problem<double>;

}  // namespace dualwave
