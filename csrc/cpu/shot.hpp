// The march of one shot through time, forwards and backwards, by one thread or by all of them together.
#pragma once
#include "cpu/problem.hpp"
#include "cpu/team.hpp"
#include "cpu/wavefront.hpp"
#include "engine/history_store.hpp"
#include "engine/time_loop.hpp"

namespace dualwave {

// A thread's share of a shot: a part of all rows that are worked on, and every count-th receiver.
struct Member {
  int index = 0;
  int count = 1;
  Barrier* barrier = nullptr;  // null when the thread has the shot to itself

  bool sync() const;  // false: the run has been interrupted, for all members alike
};

// Elements of what one shot needs at a time: of each level, and all levels' kept states.
struct ShotSizes {
  Index state = 0, adjoint = 0, scratch = 0, gradient = 0, history = 0, traces = 0, samples = 0, lambdas = 0;
  Index packed = 0;
  Index checkpoints = 0;
  Index staging = 0;  // all members', and levels'
  Index total(int levels) const {
    return levels * (state + adjoint + scratch + gradient + history + traces + samples + lambdas + packed) +
           checkpoints + staging;
  }
};

// Elements of a level that a step ahead touches, and one back.
struct Touched {
  struct Back {
    bool gradient, rebuilds, scaled;
  };
  Index ahead, back;
  template <class T>
  Touched(const EquationInfo& equation, const Layout<T>& l, Back b)
      : ahead(l.state_size + equation.coefficients * l.geometry.grid),
        back((b.rebuilds ? 2 : 1) * ahead + (b.gradient ? equation.coefficients * l.window.size : 0) +
             (b.scaled ? 0 : l.scratch_size)) {}
};

template <class T>
ShotSizes shot_sizes(const Description& d, const EquationInfo& equation, const Layout<T>& layout,
                     const History& history, const Needs& needs);

template <class T>
struct ShotMemory {
  Buffer<T> state[kLevels], adjoint[kLevels], scratch[kLevels], gradient[kLevels];
  Buffer<T> history[kLevels];  // unless it is the caller's, of one segment: [step][stage's quantities]; or
                               // of the steps that are executed at once
  Buffer<T>
      packed[kLevels];  // which then is kept here, with its strips, unless it is the caller's or in a file
  std::unique_ptr<HistoryStore> file[kLevels];
  Buffer<T> traces[kLevels];   // likewise, the forward field at the receivers' nodes: [step][receiver][tap]
  Buffer<T> samples[kLevels];  // the same, of the steps that are executed at once
  Buffer<T> lambdas[kLevels];  // the cotangent at the sources' nodes, of these
  Buffer<T> checkpoints;  // [checkpoint, unless they are the caller's; inner state][level][History::state]
  Buffer<T> staging;      // of each member, see View; none where a cache holds the history
  ShotMemory(const Problem<T>& problem, int members);
};

template <class T>
class Shot : public TimeLoop<Shot<T>> {
 public:
  Shot(Problem<T>& problem, ShotMemory<T>& memory, const Wavefronts& wavefronts, Member member, Index shot);
  // Adds this shot's gradient to its model's; one caller after the other, in the order of the shots, so that
  // sums keep their bits.
  void add_coefficient_gradients();

 private:
  friend class TimeLoop<Shot<T>>;
  using TimeLoop<Shot<T>>::slot_;
  using TimeLoop<Shot<T>>::parity_;

  bool sync() const { return who_.sync(); }
  int levels() const { return p_.levels; }
  View<T> view(int stage, Index sample) const;
  const T* model(int level) const;
  // Of a field's cotangents, where they are scaled: the grid that they are multiplied by, and the sign.
  const T* scales(int field) const {
    return model(0) + p_.equation.scaled_by[field] * p_.layout.geometry.grid;
  }
  T scale_sign(int field) const { return p_.equation.negated[field] ? T(-1) : T(1); }
  void update(int stage, Index sample);
  void retreat(int stage, Index sample);
  void multiply(int stage, Index sample);
  void gather(int stage, Index sample);

  void mirror_field(int field, int axis, Nodes nodes);
  void mirror_scratch(int slot, int axis, Nodes nodes);
  void mirror_grid(T* grid, int axis, Nodes nodes);

  // cpu/wavefront.cpp
  Index steps_at_once(bool back) const { return wavefronts_.of(back).steps; }
  bool execute(const std::vector<Event>& events, bool back);
  bool sweep_together(const std::vector<Event>& events, const Wavefront& wavefront);
  bool sweep_apart(const std::vector<Event>& events, const Wavefront& wavefront);
  void perform_on(const Event& event, Index first, Index last);
  void perform_share(const Event& event, Index first, Index last);

  // cpu/points.cpp
  void record(Index step);
  void keep(T* const (&to)[kLevels]);
  void keep_traces(Index step_in_segment);
  bool finish_records(Index first, Index last);
  void inject(int stage, Index step, T sign);
  void source_gradients(int stage, Index step);
  bool finish_source_gradients(Index first, Index last);
  void receiver_gradients(Index step, Index step_in_segment);
  void inject_residuals(Index step);
  template <class Factor>
  void emit(const Points<T>& points, const RowOrder& order, const Blocks<T>& to, int stage, Index step,
            Factor&& factor);
  template <class F>
  void for_nodes(const Points<T>& points, const RowOrder& order, F&& f) const;
  Blocks<T> blocks(const Buffer<T> (&of)[kLevels]) const;
  T scale_at(const Node& node) const;

  // cpu/blocks.cpp
  bool load_state();
  bool store_state();
  bool load_adjoint();
  bool store_adjoint();
  void save_checkpoint(Index number) { move_checkpoint(number, true); }
  void restore_checkpoint(Index number) { move_checkpoint(number, false); }
  void clear(T* block, Index size) const;
  void move_share(const Part& part, T* block, T* packed, bool pack) const;
  void move_state(T* block, T* packed, Packed as, int psi_copy, bool pack) const;
  void move_callers(T* block, const T* packed, int psi_copy, bool pack) const;
  template <class F>
  void for_moved_rows(const Part& part, T* to, const Cells& cells, F&& f) const;
  void move_adjoint(T* block, const T* packed, bool pack) const;
  void move_checkpoint(Index number, bool save) const;
  void clear_state() const;
  T* checkpoint(Index number, int level) const;
  T* callers_history() const;
  T* kept(int level) const;
  T* history(int level, Index sample) const;
  void pack_history(Index from, Index to) { move_history(from, to, true); }
  void unpack_history(Index to, Index from) { move_history(to, from, false); }
  void move_history(Index sample, Index packed_sample, bool pack);
  void move_frame(int level, Index sample, Index kept_sample, bool keep) const;
  void move_strips(int stage, Index step, bool keep) const;
  void move_last_fields(bool keep) const;
  // After a crossing of the barrier: for all members alike, since none moves history before all have asked.
  bool moved() const { return !p_.failure; }
  T* traces(int level, Index step_in_segment) const;
  int kept_levels() const { return is_reverse(p_.map) ? levels() : 1; }  // leaves those of the primal level

  Problem<T>& p_;
  ShotMemory<T>& m_;
  const Wavefronts wavefronts_;
  const Member who_;
  const Index shot_;
  Index row_begin_ = 0, row_end_ = 0;  // of the event that is performed
  std::vector<unsigned char> packed_;  // this member's rows of a quantity, on their way to or from a file
};

extern template class Shot<float>;
extern template class Shot<double>;
extern template struct ShotMemory<float>;
extern template struct ShotMemory<double>;

}  // namespace dualwave
