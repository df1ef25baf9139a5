// The order of events of the five maps: one time loop for the CPU and for a device.
//
// A backend derives from TimeLoop<Backend> and supplies the events; each returns when the backend may go on
// to the next, and sync() is where threads that share a shot wait for each other (false: the run was
// interrupted).
#pragma once
#include <algorithm>
#include <utility>

#include "engine/call.hpp"
#include "kernels/mirror.hpp"

namespace dualwave {

enum class Save { nothing, checkpoints, history };

struct Schedule {
  bool needs_history =
      false;  // the forward run is to be repeated, segment by segment, for what the gradient needs of it
  bool keeps_coefficients = false;  // ... its quantities, for the gradient of the coefficients
  bool residual = false;            // checkpoints come from an earlier forward
  bool leaves_residual = false;
  bool outputs = false;
  bool mirrors = false;              // a face is free or rigid
  bool recording_conflicts = false;  // recording must be complete before the first stage begins
};

template <class T>
Schedule make_schedule(const Call<T>& call) {
  Schedule s;
  s.keeps_coefficients = call.wants_gradient(kCoefficients);
  s.needs_history = s.keeps_coefficients || call.wants_gradient(kReceiverWeights);
  s.residual = call.checkpoints_in != nullptr;
  s.leaves_residual = call.checkpoints_out != nullptr;
  s.outputs = call.wants_outputs();
  for (int axis = 0; axis < 3; ++axis) s.mirrors |= call.layout.geometry.mirrored(axis);
  return s;
}

template <class Backend>
class TimeLoop {
 public:
  // Runs the map on whatever shots the backend holds; false when interrupted.
  bool run() {
    const Index steps = description_.steps;
    const bool reverse = is_reverse(map_);
    const bool fills_checkpoints = schedule_.needs_history && !schedule_.residual;
    if (!reverse || schedule_.outputs || fills_checkpoints) {
      set_names(0);
      if (!self().load_state()) return false;
      if (!march(0, steps,
                 fills_checkpoints || schedule_.leaves_residual ? Save::checkpoints : Save::nothing))
        return false;
      set_names(steps);
      if (!self().store_state()) return false;
    }
    return !reverse || run_reverse();
  }

 protected:
  TimeLoop(const Description& description, const EquationInfo& equation, Map map, Schedule schedule)
      : description_(description), equation_(equation), map_(map), schedule_(schedule) {}

  int stages() const { return static_cast<int>(equation_.stages.size()); }
  int log_levels() const { return levels_of(map_) == 4 ? 2 : levels_of(map_) - 1; }
  Index histories_before(int stage) const {
    Index sum = 0;
    for (int s = 0; s < stage; ++s) sum += equation_.stages[s].histories;
    return sum;
  }

  const Description& description_;
  const EquationInfo& equation_;
  const Map map_;
  const Schedule schedule_;
  int slot_[kMaxFields] = {};  // where the grid of each field is: names are exchanged, not grids
  int parity_ = 0;             // which copy of psi is the old one

 private:
  Backend& self() { return static_cast<Backend&>(*this); }

  // The names at the start of a step. Every step makes the same exchanges, of disjoint pairs, so they
  // alternate.
  void set_names(Index step) {
    for (int f = 0; f < equation_.fields; ++f) slot_[f] = f;
    parity_ = static_cast<int>(step % 2);
    if (parity_)
      for (int s = 0; s < stages(); ++s) swap(s);
  }

  void swap(int stage) {
    for (const Swap& pair : equation_.stages[stage].swaps) std::swap(slot_[pair.first], slot_[pair.second]);
  }

  // Images of what a stage takes differences of: its fields, or on the way back its quantities' cotangents.
  bool mirror(int stage, bool back) {
    if (!schedule_.mirrors) return true;
    const StageInfo& info = equation_.stages[stage];
    for (std::size_t p = 0; p < info.pieces.size(); ++p) {
      const Piece& piece = info.pieces[p];
      if (piece.op == Op::value) continue;
      const int axis = 3 - equation_.dim + piece.axis;
      if (back)
        self().mirror_scratch(info.scratch_of_piece[p], axis, nodes_written(piece.op));
      else
        self().mirror_field(piece.field, axis, nodes_read(piece.op));
    }
    return self().sync();
  }

  bool march(Index first, Index last, Save save) {
    for (Index t = first; t < last; ++t) {
      set_names(t);
      if (save == Save::checkpoints && t % description_.interval == 0) {
        self().save_checkpoint(t / description_.interval);
        if (!self().sync()) return false;
      }
      if (save == Save::history)
        self().keep_traces(t - first);
      else
        self().record(t);
      if (schedule_.recording_conflicts && !self().sync()) return false;
      for (int s = 0; s < stages(); ++s) {
        if (!mirror(s, false)) return false;
        self().update(s, t - first, save == Save::history && schedule_.keeps_coefficients);
        swap(s);
        self().inject(s, t);
        if (!self().sync()) return false;
      }
    }
    return true;
  }

  // From the cotangent of the state after step last - 1 to that of the state before step first. The adjoint's
  // memory variables stay in one place, since their update reads no neighbour; only the names of the fields
  // alternate.
  bool march_back(Index first, Index last) {
    for (Index t = last - 1; t >= first; --t) {
      set_names(t + 1);
      for (int s = stages() - 1; s >= 0; --s) {
        self().source_gradients(s, t);
        swap(s);
        self().multiply(s, t - first);
        if (!self().sync() || !mirror(s, true)) return false;
        self().gather(s, t - first);
        if (s == 0) {
          self().receiver_gradients(t, t - first);
          self().inject_residuals(t);
        }
        if (!self().sync()) return false;
      }
    }
    return true;
  }

  bool run_reverse() {
    const Index steps = description_.steps, interval = description_.interval;
    set_names(steps);
    if (!self().load_adjoint()) return false;
    for (Index number = description_.checkpoints() - 1; number >= 0; --number) {
      const Index first = number * interval, last = std::min(first + interval, steps);
      if (schedule_.needs_history) {
        self().restore_checkpoint(number);
        if (!self().sync() || !march(first, last, Save::history)) return false;
      }
      if (!march_back(first, last)) return false;
    }
    set_names(0);
    return self().store_adjoint();
  }
};

}  // namespace dualwave
