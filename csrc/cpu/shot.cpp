#include "cpu/shot.hpp"

#include <algorithm>

#include "engine/interrupt.hpp"

namespace dualwave {
namespace {

// Elements of one member's staging block.
Index staging_size(const History& history, int levels) {
  return levels * history.quantities * staged_quantity(history.window);
}

}  // namespace

bool Member::sync() const { return barrier ? barrier->wait() : !interrupted(); }

template <class T>
ShotSizes shot_sizes(const Description& d, const EquationInfo& equation, const Layout<T>& l,
                     const History& history, const Needs& needs) {
  const Index at_once = most_steps(d, l.state_size);
  const Index source_nodes = d.sources * d.source_taps, receiver_nodes = d.receivers * d.receiver_taps;
  ShotSizes size;
  // Where steps leave the caches to the history, they keep the latest of it, which the march back reads
  // first.
  const Index kept = history.plain(d.full ? history.samples : d.most_samples()),
              least = std::min(kept, Touched(equation, l, {needs.models, false, false}).back);
  const Index staging = needs.levels * least * (d.bits / 8) > last_cache()
                            ? needs.members * staging_size(history, needs.levels)
                            : 0;
  size.state = l.state_size;
  if (needs.records) size.samples = at_once * receiver_nodes;
  const bool has_history = d.full && needs.residual, packed = d.packing != Packing::none;
  if (!needs.reverse) {
    // The history that is left is of the primal level. Kernels save all levels': here, of one step.
    if (has_history && (packed || needs.levels > 1)) size.history = history.plain(packed ? at_once : 1);
    if (has_history && !packed) size.staging = staging;
    return size;
  }
  size.adjoint = l.state_size;
  size.scratch = l.scratch_size;
  if (needs.source_gradients) size.lambdas = at_once * source_nodes;
  if (needs.receiver_weights && !has_history) size.traces = d.history_steps * receiver_nodes;
  if (needs.models) {
    size.gradient = equation.coefficients * l.window.size;
    if (packed) size.history = history.plain(at_once);
    if (!packed) size.staging = staging;
    if (!packed && !has_history) size.history = history.plain(d.most_samples());
    if (packed && !has_history) size.packed = history.fields_at();
  }
  if (needs.models || needs.receiver_weights)
    size.checkpoints =
        (d.inner_states + (needs.residual ? 0 : d.checkpoints())) * needs.levels * history.state;
  return size;
}

template <class T>
ShotMemory<T>::ShotMemory(const Problem<T>& p, int members) {
  Needs needs = p.needs();
  needs.members = members;
  const ShotSizes size = shot_sizes(p.description, p.equation, p.layout, p.history, needs);
  for (int level = 0; level < p.levels; ++level) {
    // What is cleared at the start of a march, or written before it is read, need not be of zeros.
    state[level].resize(size.state, Content::any);
    adjoint[level].resize(size.adjoint, Content::any);
    if (!p.scaled) scratch[level].resize(size.scratch);
    gradient[level].resize(size.gradient, Content::any);
    history[level].resize(size.history, Content::any);
    if (p.description.place == Place::disk && size.packed > 0)
      file[level] = make_file_store(p.description.folder, size.packed * static_cast<Index>(sizeof(T)));
    else
      packed[level].resize(size.packed, Content::any);
    traces[level].resize(size.traces);
    samples[level].resize(size.samples);
    lambdas[level].resize(size.lambdas);
  }
  checkpoints.resize(size.checkpoints, Content::any);
  staging.resize(size.staging, Content::any);
}

template <class T>
Shot<T>::Shot(Problem<T>& problem, ShotMemory<T>& memory, const Wavefronts& wavefronts, Member member,
              Index shot)
    : TimeLoop<Shot<T>>(problem.description, problem.equation, problem.map, problem.schedule),
      p_(problem),
      m_(memory),
      wavefronts_(wavefronts),
      who_(member),
      shot_(shot) {}

// The shot's coefficients; null where the level has none.
template <class T>
const T* Shot<T>::model(int level) const {
  const Buffer<T>& c = p_.coefficients[level];
  if (!c) return nullptr;
  const Index model = p_.model_index[level * p_.description.shots + shot_];
  return c.data() + model * p_.equation.coefficients * p_.layout.geometry.grid;
}

template <class T>
View<T> Shot<T>::view(int stage, Index sample) const {
  View<T> v{};
  const Index before = this->histories_before(stage);
  for (int l = 0; l < levels(); ++l) {
    const T* coefficients = model(l);
    v.state[l] = m_.state[l].data();
    v.coefficient[l] = coefficients ? coefficients : p_.zero_row.data();
    v.coefficient_step[l] = coefficients ? 1 : 0;
    if (sample >= 0) {
      v.history[l] = history(l, sample) + before * p_.layout.window.size;
      v.gradient[l] = m_.gradient[l].data();
    }
    v.adjoint[l] = m_.adjoint[l].data();
    v.scratch[l] = m_.scratch[l].data();
  }
  std::copy(slot_, slot_ + p_.equation.fields, v.slot);
  v.parity = parity_;
  if (sample >= 0 && m_.staging)
    v.staging = m_.staging.data() + who_.index * staging_size(p_.history, levels());
  return v;
}

template <class T>
void Shot<T>::update(int stage, Index sample) {
  const int levels = this->log_levels();
  const RowKernel<T> kernel =
      sample >= 0 ? p_.kernels.forward_saving[stage][levels] : p_.kernels.forward[stage][levels];
  kernel(p_.layout, view(stage, sample), row_begin_, row_end_);
}

template <class T>
void Shot<T>::retreat(int stage, Index sample) {
  View<T> v = view(stage, sample);
  // What adds to a field takes away with the coefficients' signs reversed; a leapfrog is its own inverse.
  for (int l = 0; l < levels() && p_.equation.stages[stage].accumulate; ++l)
    if (p_.coefficients[l])
      v.coefficient[l] = p_.reversed[l].data() + (v.coefficient[l] - p_.coefficients[l].data());
  p_.kernels.retreat[stage][this->log_levels()](p_.layout, v, row_begin_, row_end_);
}

template <class T>
void Shot<T>::multiply(int stage, Index sample) {
  if (p_.scaled)
    return p_.kernels.scaled_multiply[stage](p_.layout, view(stage, sample), row_begin_, row_end_);
  p_.kernels.adjoint_multiply[stage][this->log_levels()](p_.layout, view(stage, sample), row_begin_,
                                                         row_end_);
}

template <class T>
void Shot<T>::gather(int stage, Index sample) {
  if (p_.scaled) return p_.kernels.scaled_gather[stage](p_.layout, view(stage, sample), row_begin_, row_end_);
  p_.kernels.adjoint_gather[stage][this->log_levels()](p_.layout, view(stage, sample), row_begin_, row_end_);
}

template <class T>
void Shot<T>::mirror_grid(T* grid, int axis, Nodes nodes) {
  const Geometry& g = p_.layout.geometry;
  if (!g.mirrored(axis)) return;
  const Index lines = g.cells() / g.n[axis];
  for (Index i = lines * who_.index / who_.count; i < lines * (who_.index + 1) / who_.count; ++i)
    mirror_line(grid, g, axis, nodes, i);
}

template <class T>
void Shot<T>::mirror_field(int field, int axis, Nodes nodes) {
  for (int l = 0; l < levels(); ++l)
    mirror_grid(m_.state[l].data() + slot_[field] * p_.layout.geometry.grid, axis, nodes);
}

template <class T>
void Shot<T>::mirror_scratch(int slot, int axis, Nodes nodes) {
  for (int l = 0; l < levels(); ++l)
    mirror_grid(m_.scratch[l].data() + slot * p_.layout.geometry.grid, axis, nodes);
}

template ShotSizes shot_sizes(const Description&, const EquationInfo&, const Layout<float>&, const History&,
                              const Needs&);
template ShotSizes shot_sizes(const Description&, const EquationInfo&, const Layout<double>&, const History&,
                              const Needs&);
template struct ShotMemory<float>;
template struct ShotMemory<double>;
template class Shot<float>;
template class Shot<double>;

}  // namespace dualwave
