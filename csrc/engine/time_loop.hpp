// The order of events of the five maps: one time loop for the CPU and for a device.
//
// A backend derives from TimeLoop<Backend> and supplies what an event consists of. The events of some steps
// at a time are given to its execute(), which performs them one after the other, or in any order that no cell
// can tell from that (cpu/wavefront.cpp). sync() is where threads that share a shot wait for each other
// (false: the run was interrupted).
#pragma once
#include <algorithm>
#include <utility>
#include <vector>

#include "engine/call.hpp"
#include "engine/checkpointing.hpp"
#include "kernels/mirror.hpp"

namespace dualwave {

// What a march is for: outputs, and with them nothing, checkpoints, or what the gradient needs of each step;
// to come to a later state once more; or what the gradient needs alone.
enum class Save { nothing, checkpoints, all, passage, history };
inline bool is_output(Save save) { return save != Save::passage && save != Save::history; }
inline bool keeps_history(Save save) { return save == Save::all || save == Save::history; }

struct Schedule {
  bool needs_history = false;       // the gradient needs the forward run, segment by segment
  bool keeps_coefficients = false;  // ... its quantities, for the gradient of the coefficients
  bool residual = false;            // checkpoints, or the whole history, come from an earlier forward
  bool leaves_residual = false;
  bool outputs = false;
  bool mirrors = false;   // a face is free or rigid
  bool rebuilds = false;  // quantities of the interior, by steps back; see History
  // Residuals go where the transpose of stage 0 reads neighbours: they wait until all have been read.
  bool residuals_apart = false;
};

// A part of a step. `advance`, its inverse `retreat`, `multiply` and `gather` read of other cells no more
// than half the order away, and write at a cell only what others read before.
struct Event {
  enum Kind {
    mirror_fields,
    advance,
    restore_strips,
    retreat,
    mirror_scratches,
    multiply,
    gather,
    inject_residuals
  };
  Kind kind;
  int stage;
  Index step;
  Index in_segment;
  // Its number in the history, or among the steps executed at once where that is packed; -1: it has no share
  // in the gradient of the coefficients.
  Index sample;
  Save save;  // advance
};

inline bool mirrors(const Geometry& g) { return g.mirrored(0) || g.mirrored(1) || g.mirrored(2); }

template <class T>
Schedule make_schedule(const Call<T>& call) {
  Schedule s;
  s.residual = call.residual_in != nullptr;
  s.leaves_residual = call.residual_out != nullptr;
  s.keeps_coefficients = call.wants_gradient(kCoefficients) || s.leaves_residual;
  s.needs_history = s.keeps_coefficients || call.wants_gradient(kReceiverWeights);
  s.outputs = call.wants_outputs();
  s.rebuilds = call.description.boundary && s.keeps_coefficients;
  s.mirrors = mirrors(call.layout.geometry);
  return s;
}

// Whether stages are taken back with the signs of the coefficients reversed.
template <class T>
bool needs_reversed(const Call<T>& call) {
  return is_reverse(call.map) && make_schedule(call).rebuilds && call.equation.adds();
}

template <class Backend>
class TimeLoop {
 public:
  // Runs the map on whatever shots the backend holds; false when interrupted.
  bool run() {
    const Index steps = description_.steps;
    const bool reverse = is_reverse(map_);
    const bool keeps = schedule_.needs_history && !schedule_.residual &&
                       (description_.full || description_.checkpoints() > 0);
    if (!reverse || schedule_.outputs || keeps) {
      set_names(0);
      if (!self().load_state()) return false;
      if (!march(0, steps, !keeps ? Save::nothing : description_.full ? Save::all : Save::checkpoints))
        return false;
      set_names(steps);
      if (!self().store_state()) return false;
      if (schedule_.rebuilds && schedule_.leaves_residual) self().move_last_fields(true);
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

  void perform(const Event& event) {
    const bool keeps = keeps_history(event.save);
    switch (event.kind) {
      case Event::advance:
        set_names_of(event, false);
        if (schedule_.rebuilds && keeps) self().move_strips(event.stage, event.step, true);
        if (event.stage == 0 && keeps) self().keep_traces(event.in_segment);
        if (event.stage == 0 && is_output(event.save)) self().record(event.step);
        self().update(event.stage, event.sample);
        swap(event.stage);
        return self().inject(event.stage, event.step, 1);
      case Event::retreat:
        set_names_of(event, true);
        self().inject(event.stage, event.step, -1);
        set_names_of(event, false);
        return self().retreat(event.stage, event.sample);
      case Event::restore_strips:
        set_names_of(event, false);
        return self().move_strips(event.stage, event.step, false);
      case Event::multiply:
        set_names_of(event, true);
        self().source_gradients(event.stage, event.step);
        swap(event.stage);
        return self().multiply(event.stage, event.sample);
      case Event::gather:
        set_names_of(event, false);
        self().gather(event.stage, event.sample);
        if (event.stage == 0 && !schedule_.residuals_apart) self().inject_residuals(event.step);
        return;
      case Event::inject_residuals:
        set_names_of(event, false);
        return self().inject_residuals(event.step);
      case Event::mirror_fields:
      case Event::mirror_scratches:
        set_names_of(event, false);
        return mirror(event);
    }
  }

  const Description& description_;
  const EquationInfo& equation_;
  const Map map_;
  const Schedule schedule_;
  int slot_[kMaxFields] = {};  // where the grid of each field is: names are exchanged, not grids
  int parity_ = 0;             // which copy of psi is the old one

 private:
  Backend& self() { return static_cast<Backend&>(*this); }

  std::vector<Event> events_;
  Index at_once_ = 0;  // the first of the steps that they are of

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

  // The names at the start of a stage, or with `after` at its end.
  void set_names_of(const Event& event, bool after) {
    set_names(event.step);
    for (int s = 0; s < event.stage + after; ++s) swap(s);
  }

  // Images of what a stage takes differences of: its fields, or on the way back its quantities' cotangents.
  void mirror(const Event& event) {
    const StageInfo& info = equation_.stages[event.stage];
    for (std::size_t p = 0; p < info.pieces.size(); ++p) {
      const Piece& piece = info.pieces[p];
      if (piece.op == Op::value) continue;
      const int axis = 3 - equation_.dim + piece.axis;
      if (event.kind == Event::mirror_scratches)
        self().mirror_scratch(info.scratch_of_piece[p], axis, nodes_written(piece.op));
      else
        self().mirror_field(piece.field, axis, nodes_read(piece.op));
    }
  }

  void add(Event::Kind kind, int stage, Index step, Index first, Save save = Save::history) {
    const Description& d = description_;
    const bool sampled = keeps_history(save) && schedule_.keeps_coefficients && d.is_sampled(step);
    const Index sample =
        sampled ? d.samples_before(step) - d.samples_before(is_packed() ? at_once_ : first) : -1;
    events_.push_back({kind, stage, step, step - first, sample, save});
  }

  // Steps [first, last), counted from the segment's first.
  bool march(Index first, Index last, Save save) {
    for (Index t = first, end; t < last; t = end) {
      end = std::min(last, t + self().steps_at_once(false));
      if (save == Save::checkpoints) {
        if (t > 0 && t % description_.interval == 0) {
          set_names(t);
          self().save_checkpoint(t / description_.interval - 1);
          if (!self().sync()) return false;
        }
        end = std::min(end, (t / description_.interval + 1) * description_.interval);
      }
      events_.clear();
      at_once_ = t;
      for (Index step = t; step < end; ++step)
        for (int s = 0; s < stages(); ++s) {
          if (schedule_.mirrors) add(Event::mirror_fields, s, step, first);
          add(Event::advance, s, step, first, save);
        }
      if (!self().execute(events_, false)) return false;
      if (is_packed() && keeps_history(save) && !move_history(t, end, true)) return false;
      if (is_output(save) && !self().finish_records(t, end)) return false;
    }
    return true;
  }

  bool is_packed() const { return description_.packing != Packing::none && schedule_.keeps_coefficients; }

  // Packs the history of the steps that have been executed at once, or unpacks that of those which will be.
  bool move_history(Index first, Index last, bool pack) {
    const Description& d = description_;
    for (Index step = first; step < last; ++step)
      if (d.is_sampled(step)) {
        const Index sample = d.samples_before(step);
        if (pack)
          self().pack_history(sample - d.samples_before(first), sample);
        else
          self().unpack_history(sample - d.samples_before(first), sample);
      }
    return self().sync() && self().moved();
  }

  // From the cotangent of the state after step last - 1 to that of the state before step first. The old copy
  // of the adjoint's psi is that which is the new one of a step ahead.
  bool march_back(Index first, Index last) {
    for (Index t = last, end; t > first; t = end) {
      end = std::max(first, t - self().steps_at_once(true));
      events_.clear();
      at_once_ = end;
      if (is_packed() && !move_history(end, t, false)) return false;
      for (Index step = t - 1; step >= end; --step)
        for (int s = stages() - 1; s >= 0; --s) {
          if (schedule_.rebuilds) {
            add(Event::restore_strips, s, step, first);
            if (schedule_.mirrors) add(Event::mirror_fields, s, step, first);
            add(Event::retreat, s, step, first);
          }
          add(Event::multiply, s, step, first);
          if (schedule_.mirrors) add(Event::mirror_scratches, s, step, first);
          add(Event::gather, s, step, first);
          if (s == 0 && schedule_.residuals_apart) add(Event::inject_residuals, s, step, first);
        }
      if (!self().execute(events_, true)) return false;
      for (Index step = t - 1; step >= end; --step) self().receiver_gradients(step, step - first);
      if (!self().finish_source_gradients(end, t)) return false;
    }
    return true;
  }

  // The state before a step, kept under a number; -1: the initial one.
  bool restore(Index number, Index step) {
    set_names(step);
    if (number < 0) return self().load_state();
    self().restore_checkpoint(number);
    return self().sync();
  }

  // From the state before step `first`, which is there and kept under a number, to the cotangent of it.
  // `used` of the states inside a segment hold earlier ones.
  bool go_back(Index number, Index first, Index last, Index used) {
    const Index free = description_.inner_states - used, next = description_.checkpoints() + used;
    while (const Index steps = steps_to_next_state(last - first, description_.history_steps, free)) {
      const Index middle = first + steps;
      if (!march(first, middle, Save::passage)) return false;
      if (free > 0) {
        set_names(middle);
        self().save_checkpoint(next);
        if (!self().sync()) return false;
      }
      if (!go_back(next, middle, last, used + 1)) return false;
      last = middle;
      if (!restore(number, first)) return false;
    }
    return march(first, last, Save::history) && march_back(first, last);
  }

  bool run_reverse() {
    const Index steps = description_.steps, interval = description_.interval;
    set_names(steps);
    if (!self().load_adjoint()) return false;
    if (schedule_.residual && schedule_.needs_history && (schedule_.rebuilds || !description_.full)) {
      // Where nothing is kept, and nothing marches, are zeros.
      self().clear_state();
      if (!self().sync()) return false;
      if (schedule_.rebuilds) self().move_last_fields(false);
      if (!self().sync()) return false;
    }
    for (Index segment = description_.segments() - 1; segment >= 0; --segment) {
      const Index first = segment * interval, last = std::min(first + interval, steps);
      if (schedule_.needs_history && !description_.full) {
        if (!restore(segment - 1, first) || !go_back(segment - 1, first, last, 0)) return false;
      } else if (!march_back(first, last)) {
        return false;
      }
    }
    set_names(0);
    return self().store_adjoint();
  }
};

}  // namespace dualwave
