// A shot's state blocks: clearing, packing, checkpoints, and the sum of its gradient into the model's.
#include <algorithm>
#include <cstring>

#include "cpu/shot.hpp"
#include "engine/registry.hpp"

namespace dualwave {

template <class T>
void Shot<T>::clear(T* block, Index size) const {
  const Index begin = size * who_.index / who_.count, end = size * (who_.index + 1) / who_.count;
  std::memset(block + begin, 0, sizeof(T) * (end - begin));
}

// f(offset in the block, elements) for each row of the packed state, in its order: the fields, then each
// piece's memory variables in the slabs' cells that lie in the PML proper. psi_copy says which of the two
// copies of psi counts.
template <class T>
template <class F>
void Shot<T>::for_packed(int psi_copy, F&& f) const {
  const Geometry& g = p_.layout.geometry;
  for (int field = 0; field < p_.equation.fields; ++field)
    for (Index z = 0; z < g.n[0]; ++z)
      for (Index y = 0; y < g.n[1]; ++y)
        f(slot_[field] * g.grid + g.origin + z * g.stride[0] + y * g.stride[1], g.n[2]);
  for (std::size_t i = 0; i < p_.equation.memories.size(); ++i) {
    const Memory& memory = p_.equation.memories[i];
    const int axis = memory.axis;
    const Slab& slab = g.slab[axis];
    const Index low = g.pml[axis][0], high = g.pml[axis][1];
    if (low + high == 0) continue;
    for (int variable = 0; variable < memory_count(memory.op); ++variable) {
      const int copy = memory.op == Op::second ? (variable == 0 ? psi_copy : 2) : 0;
      const Index base = p_.layout.memory[i] + copy * slab.size + slab.origin;
      Index extent[3] = {g.n[0], g.n[1], g.n[2]};
      extent[axis] = low + high;
      for (Index z = 0; z < extent[0]; ++z)
        for (Index y = 0; y < extent[1]; ++y) {
          Index at[3] = {z, y, 0};
          const Index end = g.n[axis] - memory.high_shift();
          const auto cell = [&](Index j) { return j < low ? j : end - high + (j - low); };
          if (axis < 2) at[axis] = g.slab_index(axis, cell(at[axis]));
          const Index row = base + at[0] * slab.stride[0] + at[1] * slab.stride[1];
          if (axis < 2) {
            f(row, g.n[2]);
          } else {
            if (low) f(row + g.slab_index(2, 0), low);
            if (high) f(row + g.slab_index(2, end - high), high);
          }
        }
    }
  }
}

template <class T>
void Shot<T>::load(const T* packed, T* block, int psi_copy) const {
  const T* from = packed + shot_ * p_.packed_state;
  for_packed(psi_copy, [&](Index offset, Index size) {
    std::memcpy(block + offset, from, sizeof(T) * size);
    from += size;
  });
}

template <class T>
void Shot<T>::store(const T* block, T* packed, int psi_copy) const {
  T* to = packed + shot_ * p_.packed_state;
  for_packed(psi_copy, [&](Index offset, Index size) {
    std::memcpy(to, block + offset, sizeof(T) * size);
    to += size;
  });
}

template <class T>
T* Shot<T>::checkpoint(Index number, int level) const {
  const Index size = p_.layout.state_size, count = p_.description.checkpoints();
  T* callers = p_.residual();
  if (callers && number < count) return callers + (shot_ * count + number) * size;
  const Index own = number - (callers ? count : 0);
  return m_.checkpoints.data() + (own * kept_levels() + level) * size;
}

template <class T>
T* Shot<T>::callers_history() const {
  const Description& d = p_.description;
  T* all = d.full ? p_.residual() : nullptr;
  return all ? all + shot_ * residual_shape(d, p_.history, p_.layout.state_size).size() : nullptr;
}

// The quantities of a sampled step.
template <class T>
T* Shot<T>::history(int level, Index sample) const {
  T* callers = p_.description.packing == Packing::none ? callers_history() : nullptr;
  if (callers && level > 0) return m_.history[level].data();
  return (callers ? callers : m_.history[level].data()) + p_.history.plain(sample);
}

// The first of what is kept of a level, packed or to be rebuilt; null where nothing is.
template <class T>
T* Shot<T>::kept(int level) const {
  T* callers = callers_history();
  return !callers ? m_.packed[level].data() : level == 0 ? callers : nullptr;
}

// Rows [begin, end) of a box, numbered from its first, between arrays where cell (z, y, x) is at of(z, y) +
// x, and one that has the box's cells in order.
template <class T, class Of>
void move_box(const Box& box, Index begin, Index end, T* packed, bool pack, Of&& of) {
  const Index length = box.extent(2);
  for (Index r = begin; r < end; ++r) {
    T* row = of(box.first[0] + r / box.extent(1), box.first[1] + r % box.extent(1)) + box.first[2];
    T* kept = packed + r * length;
    std::memcpy(pack ? kept : row, pack ? row : kept, sizeof(T) * length);
  }
}

// This member's share of what is kept of a sampled step, to or from where it is.
template <class T>
void Shot<T>::move_frame(int level, Index sample, Index kept_sample, bool keep) const {
  const Window& w = p_.layout.window;
  T* to = kept(level) + p_.history.kept(kept_sample);
  for (int h = 0; h < p_.equation.histories(); ++h) {
    T* quantity = history(level, sample) + h * w.size;
    for (int b = 0; b < p_.history.frame.count; ++b) {
      const Box& box = p_.history.frame.box[b];
      const Index rows = box.extent(0) * box.extent(1);
      move_box(box, rows * who_.index / who_.count, rows * (who_.index + 1) / who_.count, to, keep,
               [&](Index z, Index y) { return quantity + w.offset(z, y); });
      to += box.cells();
    }
  }
}

// The event's rows of the strips that a stage reads.
template <class T>
void Shot<T>::move_strips(int stage, Index step, bool keep) const {
  const Geometry& g = p_.layout.geometry;
  for (int l = 0; l < levels(); ++l) {
    T* base = kept(l);
    for (const Strip& strip : p_.history.strips) {
      if (!base || strip.stage != stage) continue;
      const Box& box = strip.box;
      T* field = m_.state[l].data() + slot_[strip.field] * g.grid + g.origin;
      for (Index z = 0; z < box.extent(0); ++z) {
        const Index plane = (box.first[0] + z) * g.n[1] + box.first[1], first = z * box.extent(1);
        const Index begin = std::clamp<Index>(row_begin_ - plane, 0, box.extent(1)),
                    end = std::clamp<Index>(row_end_ - plane, begin, box.extent(1));
        move_box(box, first + begin, first + end, base + p_.history.strips_at(step) + strip.at, keep,
                 [&](Index of_z, Index y) { return field + of_z * g.stride[0] + y * g.stride[1]; });
      }
    }
  }
}

// This member's share of the fields after the last step; the layers have no part in what is rebuilt.
template <class T>
void Shot<T>::move_last_fields(bool keep) const {
  const Index size = p_.history.last_fields;
  const Index begin = size * who_.index / who_.count, end = size * (who_.index + 1) / who_.count;
  T* fields = m_.state[0].data() + begin;
  T* to = kept(0) + p_.history.fields_at() + begin;
  std::memcpy(keep ? to : fields, keep ? fields : to, sizeof(T) * (end - begin));
}

// This member's rows of a sampled step, to or from the packed history.
template <class T>
void Shot<T>::move_history(Index sample, Index packed_sample, bool pack) try {
  const Description& d = p_.description;
  const Window& w = p_.layout.window;
  const PackingKernels<T>& kernels = find_packing<T>();
  const Index begin = w.rows() * who_.index / who_.count, end = w.rows() * (who_.index + 1) / who_.count;
  const Index row_bytes = packed_row_bytes(d.packing, w.cells, d.bits), bytes = (end - begin) * row_bytes;
  const int kept_levels = callers_history() ? 1 : levels();
  if (d.boundary) {
    for (int l = 0; l < kept_levels; ++l) move_frame(l, sample, packed_sample, pack);
    return;
  }
  for (int l = 0; l < kept_levels; ++l)
    for (int h = 0; h < p_.equation.histories(); ++h) {
      T* quantity = history(l, sample) + h * w.size;
      const Index at = ((packed_sample * p_.equation.histories() + h) * w.rows() + begin) * row_bytes;
      HistoryStore* file = m_.file[l].get();
      if (file) packed_.resize(static_cast<std::size_t>(bytes));
      unsigned char* rows = file ? packed_.data() : reinterpret_cast<unsigned char*>(kept(l)) + at;
      if (pack) {
        kernels.pack(d.packing, w, quantity, rows, begin, end);
        if (file) file->write(rows, packed_.size(), at);
      } else {
        if (file) file->read(rows, packed_.size(), at);
        kernels.unpack(d.packing, w, quantity, rows, begin, end);
      }
    }
} catch (...) {
  p_.failure.keep();
}

// The field at the receivers' nodes; null where it is not kept.
template <class T>
T* Shot<T>::traces(int level, Index step_in_segment) const {
  const Description& d = p_.description;
  T* first = m_.traces[level].data();
  if (T* callers = callers_history()) first = level > 0 ? nullptr : callers + p_.history.size();
  return first ? first + step_in_segment * d.receivers * d.receiver_taps : nullptr;
}

template <class T>
void Shot<T>::save_checkpoint(Index number) {
  const Index size = p_.layout.state_size;
  const Index begin = size * who_.index / who_.count, end = size * (who_.index + 1) / who_.count;
  for (int l = 0; l < kept_levels(); ++l)
    std::memcpy(checkpoint(number, l) + begin, m_.state[l].data() + begin, sizeof(T) * (end - begin));
}

template <class T>
void Shot<T>::restore_checkpoint(Index number) {
  const Index size = p_.layout.state_size;
  const Index begin = size * who_.index / who_.count, end = size * (who_.index + 1) / who_.count;
  for (int l = 0; l < kept_levels(); ++l)
    std::memcpy(m_.state[l].data() + begin, checkpoint(number, l) + begin, sizeof(T) * (end - begin));
}

template <class T>
bool Shot<T>::load_state() {
  for (int l = 0; l < levels(); ++l) clear(m_.state[l].data(), p_.layout.state_size);
  if (!sync()) return false;
  if (who_.index == 0)
    for (int l = 0; l < levels(); ++l)
      if (p_.level[l].state) load(p_.level[l].state, m_.state[l].data(), 0);
  return sync();
}

template <class T>
bool Shot<T>::store_state() {
  if (who_.index == 0)
    for (int l = 0; l < levels(); ++l)
      if (T* out = p_.level[l].out_state) store(m_.state[l].data(), out, parity_);
  return sync();
}

template <class T>
bool Shot<T>::load_adjoint() {
  for (int l = 0; l < levels(); ++l) {
    clear(m_.adjoint[l].data(), p_.layout.state_size);
    if (m_.gradient[l]) clear(m_.gradient[l].data(), p_.equation.coefficients * p_.layout.window.size);
  }
  if (!sync()) return false;
  if (who_.index == 0)
    for (int l = 0; l < levels(); ++l)
      if (p_.level[l].state_bar) load(p_.level[l].state_bar, m_.adjoint[l].data(), 0);
  return sync();
}

template <class T>
bool Shot<T>::store_adjoint() {
  if (who_.index == 0)
    for (int l = 0; l < levels(); ++l)
      if (T* out = p_.level[l].gradient[kState]) store(m_.adjoint[l].data(), out, 0);
  return sync();
}

template <class T>
void Shot<T>::add_coefficient_gradients() {
  const Geometry& g = p_.layout.geometry;
  const Window& w = p_.layout.window;
  const int coefficients = p_.equation.coefficients;
  const Index model = p_.model_index[kGradientRow * p_.description.shots + shot_];
  const T each = static_cast<T>(p_.description.sampling);  // a sample stands for as many steps
  for (int l = 0; l < levels(); ++l) {
    T* out = p_.level[l].gradient[kCoefficients];
    if (!out) continue;
    for (int c = 0; c < coefficients; ++c)
      for (Index z = w.first[0]; z < w.last[0]; ++z)
        for (Index y = w.first[1]; y < w.last[1]; ++y) {
          const T* from = m_.gradient[l].data() + c * w.size + w.offset(z, y);
          T* to = out + (((model * coefficients + c) * g.n[0] + z) * g.n[1] + y) * g.n[2];
          for (Index x = w.x_first; x < w.x_last; ++x) to[x] += each * from[x];
        }
  }
}

template class Shot<float>;
template class Shot<double>;

}  // namespace dualwave
