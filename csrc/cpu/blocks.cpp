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

// Rows [begin, end) of a part.
template <class T>
void move_rows(const Part& part, Index begin, Index end, T* block, T* packed, bool pack) {
  for (Index r = begin; r < end; ++r) {
    const Index z = r / part.extent[1], y = r % part.extent[1];
    T *in = block + part.block.at(z, y), *out = packed + part.packed.at(z, y);
    std::memcpy(pack ? out : in, pack ? in : out, sizeof(T) * part.extent[2]);
  }
}

// This member's share of a part.
template <class T>
void Shot<T>::move_share(const Part& part, T* block, T* packed, bool pack) const {
  move_rows(part, part.rows() * who_.index / who_.count, part.rows() * (who_.index + 1) / who_.count, block,
            packed, pack);
}

// The same of a state, to or from where it is packed.
template <class T>
void Shot<T>::move_state(T* block, T* packed, Packed as, int psi_copy, bool pack) const {
  for (const Part& part :
       packed_state(p_.equation, p_.layout.geometry, as, {slot_, p_.layout.memory, psi_copy}))
    move_share(part, block, packed, pack);
}

// The same of one of the caller's, if there is one.
template <class T>
void Shot<T>::move_callers(T* block, const T* packed, int psi_copy, bool pack) const {
  if (packed)
    move_state(block, const_cast<T*>(packed) + shot_ * p_.packed_state, Packed::callers, psi_copy, pack);
}

// f(row, z, y) for this member's share of the rows of a part; a row is where the part has been moved to.
template <class T>
template <class F>
void Shot<T>::for_moved_rows(const Part& part, T* to, const Cells& cells, F&& f) const {
  const Index begin = part.rows() * who_.index / who_.count,
              end = part.rows() * (who_.index + 1) / who_.count;
  for (Index r = begin; r < end; ++r) {
    const Index z = r / part.extent[1], y = r % part.extent[1];
    f(to + cells.at(z, y), z, y);
  }
}

// The same of an adjoint block, which has other multiples of the cotangents than the caller.
template <class T>
void Shot<T>::move_adjoint(T* block, const T* packed, bool pack) const {
  if (!packed) return;
  const Geometry& g = p_.layout.geometry;
  T* callers = const_cast<T*>(packed) + shot_ * p_.packed_state;
  int field = 0;  // of the parts these come first
  for (const Part& part : packed_state(p_.equation, g, Packed::callers, {slot_, p_.layout.memory, parity_})) {
    move_share(part, block, callers, pack);
    T* to = pack ? callers : block;
    const Cells& cells = pack ? part.packed : part.block;
    if (p_.scaled && field < p_.equation.fields) {
      const T* scale = scales(field) - slot_[field] * g.grid;
      const T sign = scale_sign(field);
      for_moved_rows(part, to, cells, [&](T* row, Index z, Index y) {
        const T* c = scale + part.block.at(z, y);
        for (Index x = 0; x < part.extent[2]; ++x) row[x] = sign * (pack ? row[x] / c[x] : c[x] * row[x]);
      });
    }
    if (part.profile_axis >= 0) {
      const auto profile = p_.layout.profile[part.profile_axis].at_nodes(part.at_half_nodes);
      for_moved_rows(part, to, cells, [&](T* row, Index z, Index y) {
        for (Index x = 0; x < part.extent[2]; ++x) {
          const Index at = part.on_axis(z, y, x);
          const T factor = cotangent_of_memory(profile.a[at], profile.b[at], part.is_psi);
          row[x] = pack ? factor * row[x] : factor == 0 ? T(0) : row[x] / factor;
        }
      });
    }
    ++field;
  }
}

template <class T>
T* Shot<T>::checkpoint(Index number, int level) const {
  const Index size = p_.history.state, count = p_.description.checkpoints();
  T* callers = p_.residual();
  if (callers && number < count) return callers + (shot_ * count + number) * size;
  const Index own = number - (callers ? count : 0);
  return m_.checkpoints.data() + (own * kept_levels() + level) * size;
}

template <class T>
T* Shot<T>::callers_history() const {
  const Description& d = p_.description;
  T* all = d.full ? p_.residual() : nullptr;
  return all ? all + shot_ * residual_shape(d, p_.history).size() : nullptr;
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

// This member's share of what is kept of a sampled step, to or from where it is.
template <class T>
void Shot<T>::move_frame(int level, Index sample, Index kept_sample, bool keep) const {
  for (const Part& part : p_.history.frame_parts(kept_sample))
    move_share(part, history(level, sample), kept(level), keep);
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
      const Part part = p_.history.strip_part(strip, g, slot_, step);
      for (Index z = 0; z < box.extent(0); ++z) {
        const Index plane = (box.first[0] + z) * g.n[1] + box.first[1], first = z * box.extent(1);
        const Index begin = std::clamp<Index>(row_begin_ - plane, 0, box.extent(1)),
                    end = std::clamp<Index>(row_end_ - plane, begin, box.extent(1));
        move_rows(part, first + begin, first + end, m_.state[l].data(), base, keep);
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
  const int histories_kept = callers_history() ? 1 : levels();
  if (d.boundary) {
    for (int l = 0; l < histories_kept; ++l) move_frame(l, sample, packed_sample, pack);
    return;
  }
  for (int l = 0; l < histories_kept; ++l)
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
void Shot<T>::move_checkpoint(Index number, bool save) const {
  for (int l = 0; l < kept_levels(); ++l)
    move_state(m_.state[l].data(), checkpoint(number, l), Packed::kept, parity_, save);
}

template <class T>
void Shot<T>::clear_state() const {
  for (int l = 0; l < levels(); ++l) clear(m_.state[l].data(), p_.layout.state_size);
}

template <class T>
bool Shot<T>::load_state() {
  clear_state();
  if (!sync()) return false;
  for (int l = 0; l < levels(); ++l) move_callers(m_.state[l].data(), p_.level[l].state, 0, false);
  return sync();
}

template <class T>
bool Shot<T>::store_state() {
  for (int l = 0; l < levels(); ++l) move_callers(m_.state[l].data(), p_.level[l].out_state, parity_, true);
  return sync();
}

template <class T>
bool Shot<T>::load_adjoint() {
  for (int l = 0; l < levels(); ++l) {
    clear(m_.adjoint[l].data(), p_.layout.state_size);
    if (m_.gradient[l]) clear(m_.gradient[l].data(), p_.equation.coefficients * p_.layout.window.size);
  }
  if (!sync()) return false;
  for (int l = 0; l < levels(); ++l) move_adjoint(m_.adjoint[l].data(), p_.level[l].state_bar, false);
  return sync();
}

template <class T>
bool Shot<T>::store_adjoint() {
  for (int l = 0; l < levels(); ++l) move_adjoint(m_.adjoint[l].data(), p_.level[l].gradient[kState], true);
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
          const T* scale = this->model(0) + c * g.grid + g.origin + z * g.stride[0] + y * g.stride[1];
          if (p_.scaled)
            for (Index x = w.x_first; x < w.x_last; ++x)
              to[x] += scale[x] == 0 ? T(0) : each * from[x] / scale[x];
          else
            for (Index x = w.x_first; x < w.x_last; ++x) to[x] += each * from[x];
        }
  }
}

template class Shot<float>;
template class Shot<double>;

}  // namespace dualwave
