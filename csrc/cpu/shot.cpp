#include "cpu/shot.hpp"

#include <algorithm>
#include <utility>

#include "engine/interrupt.hpp"

namespace dualwave {

bool Member::sync() const { return barrier ? barrier->wait() : !interrupted(); }

template <class T>
ShotMemory<T>::ShotMemory(const Problem<T>& p) {
  const Layout<T>& l = p.layout;
  const Description& d = p.description;
  const bool reverse = is_reverse(p.map);
  for (int level = 0; level < p.levels; ++level) {
    state[level].resize(l.state_size);
    if (!reverse) continue;
    adjoint[level].resize(l.state_size);
    scratch[level].resize(l.scratch_size);
    if (p.wants_gradient(kCoefficients)) {
      gradient[level].resize(p.equation.coefficients * l.geometry.grid);
      history[level].resize(std::min(d.interval, d.steps) * p.equation.histories() * l.geometry.grid);
    }
    if (p.wants_gradient(kReceiverWeights)) traces[level].resize(std::min(d.interval, d.steps) * p.receivers.count * p.receivers.taps);
  }
  if (reverse && !p.checkpoints_in) checkpoints.resize(d.checkpoints() * p.levels * l.state_size);
}

template <class T>
Shot<T>::Shot(Problem<T>& problem, ShotMemory<T>& memory, Member member, Index shot) : p_(problem), m_(memory), who_(member), shot_(shot) {}

// The names of the fields at the start of a step. Every step makes the same exchanges, of disjoint pairs, so they alternate.
template <class T>
void Shot<T>::set_roles(Index step) {
  for (int f = 0; f < p_.equation.fields; ++f) slot_[f] = f;
  parity_ = static_cast<int>(step % 2);
  if (parity_)
    for (std::size_t s = 0; s < p_.equation.stages.size(); ++s) swap(static_cast<int>(s));
}

template <class T>
void Shot<T>::swap(int stage) {
  for (const Swap& pair : p_.equation.stages[stage].swaps) std::swap(slot_[pair.first], slot_[pair.second]);
}

template <class T>
View<T> Shot<T>::view(int stage, Index step_in_segment) const {
  View<T> v{};
  const Index grid = p_.layout.geometry.grid;
  Index before = 0;
  for (int s = 0; s < stage; ++s) before += p_.equation.stages[s].histories;
  for (int l = 0; l < levels(); ++l) {
    const Buffer<T>& c = p_.level[l].coefficients;
    const Index model = c ? p_.model_index[l * p_.description.shots + shot_] : 0;
    v.state[l] = m_.state[l].data();
    v.coefficient[l] = c ? c.data() + model * p_.equation.coefficients * grid : p_.zero_row();
    v.coefficient_step[l] = c ? 1 : 0;
    v.history[l] = m_.history[l] ? m_.history[l].data() + (step_in_segment * p_.equation.histories() + before) * grid : nullptr;
    v.adjoint[l] = m_.adjoint[l].data();
    v.scratch[l] = m_.scratch[l].data();
    v.gradient[l] = m_.gradient[l].data();
  }
  std::copy(slot_, slot_ + p_.equation.fields, v.slot);
  v.parity = parity_;
  return v;
}

template <class T>
bool Shot<T>::march(Index first, Index last, Save save) {
  const int log_levels = levels() == 4 ? 2 : levels() - 1;
  const bool saving = save == Save::history && m_.history[0];
  for (Index t = first; t < last; ++t) {
    set_roles(t);
    if (save == Save::checkpoints && t % p_.description.interval == 0) {
      copy_checkpoint(t, true);
      if (!who_.sync()) return false;
    }
    if (save != Save::history) record(t);
    if (save == Save::history) keep_traces(t - first);
    if (p_.recording_conflicts && !who_.sync()) return false;
    for (std::size_t s = 0; s < p_.equation.stages.size(); ++s) {
      const int stage = static_cast<int>(s);
      const auto kernel = saving ? p_.kernels.forward_saving[s][log_levels] : p_.kernels.forward[s][log_levels];
      kernel(p_.layout, view(stage, t - first), who_.row_begin, who_.row_end);
      swap(stage);
      inject(stage, t);
      if (!who_.sync()) return false;
    }
  }
  return true;
}

// From the cotangent of the state after step last - 1 to that of the state before step first. The memory variables of the
// adjoint stay in one place (their update reads no neighbour), so only the names of the fields alternate.
template <class T>
bool Shot<T>::march_back(Index first, Index last) {
  const int log_levels = levels() - 1;
  for (Index t = last - 1; t >= first; --t) {
    set_roles(t);
    for (std::size_t s = 0; s < p_.equation.stages.size(); ++s) swap(static_cast<int>(s));
    for (int stage = static_cast<int>(p_.equation.stages.size()) - 1; stage >= 0; --stage) {
      source_gradients(stage, t);
      swap(stage);
      p_.kernels.adjoint_multiply[stage][log_levels](p_.layout, view(stage, t - first), who_.row_begin, who_.row_end);
      if (!who_.sync()) return false;
      p_.kernels.adjoint_gather[stage][log_levels](p_.layout, view(stage, t - first), who_.row_begin, who_.row_end);
      if (stage == 0) {
        receiver_gradients(t, t - first);
        inject_residuals(t);
      }
      if (!who_.sync()) return false;
    }
  }
  return true;
}

template <class T>
bool Shot<T>::run_reverse() {
  const Index steps = p_.description.steps, interval = p_.description.interval;
  for (int l = 0; l < levels(); ++l) {
    clear(m_.adjoint[l].data(), p_.layout.state_size);
    if (m_.gradient[l]) clear(m_.gradient[l].data(), p_.equation.coefficients * p_.layout.geometry.grid);
  }
  if (!who_.sync()) return false;
  set_roles(steps);
  if (who_.index == 0)
    for (int l = 0; l < levels(); ++l)
      if (p_.level[l].state_bar) load(p_.level[l].state_bar, m_.adjoint[l].data(), 0);
  if (!who_.sync()) return false;
  for (Index first = (p_.description.checkpoints() - 1) * interval; first >= 0; first -= interval) {
    const Index last = std::min(first + interval, steps);
    if (m_.history[0] || m_.traces[0]) {
      copy_checkpoint(first, false);
      if (!who_.sync() || !march(first, last, Save::history)) return false;
    }
    if (!march_back(first, last)) return false;
  }
  set_roles(0);
  if (who_.index == 0)
    for (int l = 0; l < levels(); ++l)
      if (T* out = p_.level[l].gradient[kState]) store(m_.adjoint[l].data(), out, 0);
  return who_.sync();
}

template <class T>
bool Shot<T>::run() {
  const Index steps = p_.description.steps;
  const bool reverse = is_reverse(p_.map);
  bool wants_outputs = false;
  for (int l = 0; l < levels(); ++l) wants_outputs |= p_.level[l].out_receivers || p_.level[l].out_state;
  const bool needs_history = reverse && (m_.history[0] || m_.traces[0]);
  if (!reverse || wants_outputs || (needs_history && !p_.checkpoints_in)) {
    for (int l = 0; l < levels(); ++l) clear(m_.state[l].data(), p_.layout.state_size);
    if (!who_.sync()) return false;
    set_roles(0);
    if (who_.index == 0)
      for (int l = 0; l < levels(); ++l)
        if (p_.level[l].state) load(p_.level[l].state, m_.state[l].data(), 0);
    if (!who_.sync()) return false;
    const bool saving = p_.checkpoints_out || (needs_history && !p_.checkpoints_in);
    if (!march(0, steps, saving ? Save::checkpoints : Save::nothing)) return false;
    set_roles(steps);
    if (who_.index == 0)
      for (int l = 0; l < levels(); ++l)
        if (T* out = p_.level[l].out_state) store(m_.state[l].data(), out, parity_);
    if (!who_.sync()) return false;
  }
  return !reverse || run_reverse();
}

template struct ShotMemory<float>;
template struct ShotMemory<double>;
template class Shot<float>;
template class Shot<double>;

}  // namespace dualwave
