// All shots of a call, marched together on a device: each event of the time loop is one launch over shots and
// cells.
#pragma once
#include <memory>
#include <vector>

#include "cuda/device.hpp"
#include "engine/call.hpp"
#include "engine/history_store.hpp"
#include "engine/time_loop.hpp"

namespace dualwave {

// Distances between shots, in elements, and what differs between them otherwise.
struct Strides {
  Index shots = 0;
  Index state = 0, scratch[kLevels] = {}, history[kLevels] = {}, gradient = 0;
  Index model = 0;                            // from one model's coefficients to the next
  const std::int32_t* model_index = nullptr;  // [row][shot]
};

template <class T>
struct BatchView {
  Layout<T> layout;
  View<T> view;  // of shot 0
  Strides strides;
};

template <class T>
using Launch = void (*)(const device::Stream&, const BatchView<T>&);

template <class T>
using Launches = Operations<Launch<T>>;

template <class T>
const Launches<T>& find_launches(int equation, int dim, int order);

template <class T>
class Batch : public TimeLoop<Batch<T>> {
 public:
  Batch(const Call<T>& call, const device::Stream& stream);
  void finish();  // gradients of the models, and the mark of nodes outside the grid

  // All that follows is for TimeLoop. It is public because nvcc allows no device lambda in a private
  // function.
  using TimeLoop<Batch<T>>::slot_;
  using TimeLoop<Batch<T>>::parity_;
  using Stream = device::Stream;

  bool sync() const { return true; }  // a stream keeps order by itself
  Index steps_at_once(bool) const { return 1; }
  bool execute(const std::vector<Event>& events, bool) {
    for (const Event& event : events) this->perform(event);
    return true;
  }
  // What follows the events of some steps: nothing is left to be done here.
  bool finish_records(Index, Index) const { return true; }
  bool finish_source_gradients(Index, Index) const { return true; }
  int levels() const { return call_.levels; }
  BatchView<T> view(int stage, Index sample) const;
  const Launches<T>& launches() const;
  void update(int stage, Index sample);
  void retreat(int stage, Index sample);
  void multiply(int stage, Index sample);
  void gather(int stage, Index sample);

  void mirror_field(int field, int axis, Nodes nodes) {
    mirror_grids(state_, layout_.state_size, slot_[field], axis, nodes);
  }
  void mirror_scratch(int slot, int axis, Nodes nodes) {
    mirror_grids(scratch_, layout_.scratch_size, slot, axis, nodes);
  }
  void mirror_grids(device::Buffer<T> (&blocks)[kLevels], Index stride, int number, int axis, Nodes nodes);

  void record(Index step);
  // Kept of the forward run: a shot's part is `stride` elements after that of the shot before; null: not
  // kept.
  struct Kept {
    T* first;
    Index stride;
  };
  Kept callers_history() const;
  Kept history(int level, Index sample) const;
  Kept packed_history(int level, Index sample) const;
  void pack_history(Index from, Index to) { move_history(from, to, true); }
  void unpack_history(Index to, Index from) { move_history(to, from, false); }
  void move_history(Index sample, Index packed_sample, bool pack);
  void move_packed_history(Index sample, int level, bool pack);
  Kept kept(int level, Index at) const;
  void move_frame(int level, Index sample, Index kept_sample, bool keeps);
  void move_strips(int stage, Index step, bool keeps);
  void move_last_fields(bool keeps);
  bool moved() const { return true; }
  Kept traces(int level, Index step_in_segment) const;
  void keep_traces(Index step_in_segment);
  void emit(const Points<T>& points, device::Buffer<T> (&to)[kLevels], int stage, Index step, T sign = 1);
  void inject(int stage, Index step, T sign) { emit(sources_, state_, stage, step, sign); }
  void inject_residuals(Index step) { emit(receivers_, adjoint_, -1, step); }
  void source_gradients(int stage, Index step);
  void receiver_gradients(Index step, Index step_in_segment);

  void move_part(const Part& part, Kept block, Kept packed, bool packs);
  void move_state(const device::Buffer<T>& block, Kept packed, Packed as, int psi_copy, bool packs);
  void move_callers(const device::Buffer<T>& block, const T* packed, int psi_copy, bool packs);
  void move_adjoint(const device::Buffer<T>& block, const T* packed, bool packs);
  void clear_state();
  bool load_state();
  bool store_state();
  bool load_adjoint();
  bool store_adjoint();
  void save_checkpoint(Index number) { move_checkpoint(number, true); }
  void restore_checkpoint(Index number) { move_checkpoint(number, false); }
  void move_checkpoint(Index number, bool save);

  void allocate();
  void pack_coefficients(int level);
  void pack_profiles();
  device::Buffer<Node> make_nodes(const std::int32_t* numbers, Index total, bool is_source);
  void mark_outside(T* out, Index size);
  struct FieldNames {
    int slot[kMaxFields];
    int stage[kMaxFields];  // after which a source on the field is injected
  };
  FieldNames names() const;

 private:
  const Call<T>& call_;
  const Stream& stream_;
  Layout<T> layout_;
  Points<T> sources_, receivers_;
  device::Buffer<T> coefficients_[kLevels], reversed_[kLevels], state_[kLevels], adjoint_[kLevels],
      scratch_[kLevels], history_[kLevels], packed_[kLevels], gradient_[kLevels], traces_[kLevels];
  std::unique_ptr<HistoryStore> store_[kLevels];  // of a history that is not on the device
  std::vector<unsigned char> crossing_;           // a step's, on its way to or from there
  device::Buffer<T> checkpoints_, profiles_, zero_row_;
  device::Buffer<Node> source_nodes_, receiver_nodes_;
  device::Buffer<int> outside_;  // set when a node lies outside the grid: the call then returns NaN
};

}  // namespace dualwave
