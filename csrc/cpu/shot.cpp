#include "cpu/shot.hpp"

#include <algorithm>

#include "engine/interrupt.hpp"

namespace dualwave {

bool Member::sync() const { return barrier ? barrier->wait() : !interrupted(); }

template <class T>
ShotMemory<T>::ShotMemory(const Problem<T>& p) {
  const Layout<T>& l = p.layout;
  const Description& d = p.description;
  const bool reverse = is_reverse(p.map);
  const Index steps = most_steps(d, l.state_size);
  for (int level = 0; level < p.levels; ++level) {
    state[level].resize(l.state_size);
    if (p.wants_records()) samples[level].resize(steps * p.receivers.count * p.receivers.taps);
    if (!reverse) continue;
    if (p.wants_gradient(kAmplitudes) || p.wants_gradient(kSourceWeights))
      lambdas[level].resize(steps * p.sources.count * p.sources.taps);
    adjoint[level].resize(l.state_size);
    scratch[level].resize(l.scratch_size);
    if (p.wants_gradient(kCoefficients)) {
      gradient[level].resize(p.equation.coefficients * l.geometry.grid);
      history[level].resize(std::min(d.interval, d.steps) * p.equation.histories() * l.geometry.grid);
    }
    if (p.wants_gradient(kReceiverWeights))
      traces[level].resize(std::min(d.interval, d.steps) * p.receivers.count * p.receivers.taps);
  }
  if (reverse && !p.checkpoints_in) checkpoints.resize(d.checkpoints() * p.levels * l.state_size);
}

template <class T>
Shot<T>::Shot(Problem<T>& problem, ShotMemory<T>& memory, const Wavefronts& wavefronts, Member member,
              Index shot)
    : TimeLoop<Shot<T>>(problem.description, problem.equation, problem.map, make_schedule<T>(problem)),
      p_(problem),
      m_(memory),
      wavefronts_(wavefronts),
      who_(member),
      shot_(shot) {}

template <class T>
View<T> Shot<T>::view(int stage, Index step_in_segment) const {
  View<T> v{};
  const Index grid = p_.layout.geometry.grid;
  const Index before = this->histories_before(stage);
  for (int l = 0; l < levels(); ++l) {
    const Buffer<T>& c = p_.coefficients[l];
    const Index model = c ? p_.model_index[l * p_.description.shots + shot_] : 0;
    v.state[l] = m_.state[l].data();
    v.coefficient[l] = c ? c.data() + model * p_.equation.coefficients * grid : p_.zero_row.data();
    v.coefficient_step[l] = c ? 1 : 0;
    v.history[l] = m_.history[l]
                       ? m_.history[l].data() + (step_in_segment * p_.equation.histories() + before) * grid
                       : nullptr;
    v.adjoint[l] = m_.adjoint[l].data();
    v.scratch[l] = m_.scratch[l].data();
    v.gradient[l] = m_.gradient[l].data();
  }
  std::copy(slot_, slot_ + p_.equation.fields, v.slot);
  v.parity = parity_;
  return v;
}

template <class T>
void Shot<T>::update(int stage, Index step_in_segment, bool save) {
  const int levels = this->log_levels();
  const RowKernel<T> kernel =
      save ? p_.kernels.forward_saving[stage][levels] : p_.kernels.forward[stage][levels];
  kernel(p_.layout, view(stage, step_in_segment), row_begin_, row_end_);
}

template <class T>
void Shot<T>::multiply(int stage, Index step_in_segment) {
  p_.kernels.adjoint_multiply[stage][this->log_levels()](p_.layout, view(stage, step_in_segment), row_begin_,
                                                         row_end_);
}

template <class T>
void Shot<T>::gather(int stage, Index step_in_segment) {
  p_.kernels.adjoint_gather[stage][this->log_levels()](p_.layout, view(stage, step_in_segment), row_begin_,
                                                       row_end_);
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

template struct ShotMemory<float>;
template struct ShotMemory<double>;
template class Shot<float>;
template class Shot<double>;

}  // namespace dualwave
