#include "cpu/wavefront.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>

#include "cpu/shot.hpp"
#include "engine/interrupt.hpp"
#include "engine/run.hpp"

namespace dualwave {
namespace {

// Of a common last cache, 32 MB, what others leave: what the system says of it is not reliable.
std::atomic<Index> cache_bytes{Index{16} << 20};
// Of a front that members share, for each: a step of fewer takes no longer than the barrier.
std::atomic<Index> front_cells{4096};

}  // namespace

Index most_steps(const Description& d, Index state_size) {
  const Index nodes = std::max(d.sources * d.source_taps, d.receivers * d.receiver_taps);
  // A packed history of all of these is unpacked.
  const Index most = d.packing == Packing::none ? 16 : 4;
  return std::clamp<Index>(state_size / std::max<Index>(nodes, 1), 1, most);
}

void set_blocking(Index bytes, Index cells) {
  if (bytes < 1 || cells < 1)
    throw std::invalid_argument("set_blocking: got " + std::to_string(bytes) + " bytes and " +
                                std::to_string(cells) + " cells; both must be 1 or more");
  cache_bytes = bytes;
  front_cells = cells;
}

Index last_cache() { return cache_bytes; }

Wavefront make_wavefront(const Footprint& of, int members, int shots_at_once) {
  const Geometry& g = of.geometry;
  const Index units = g.n[g.dim == 3 ? 0 : 1], cache = cache_bytes / shots_at_once;
  Wavefront w{of.most_steps, 0, 0};
  if (units == 1 || mirrors(g) || of.bytes <= cache) return w;
  Index fronts_at_once = 1;
  if (g.dim == 3) {
    const Index cells = g.cells() / units;
    w.width = std::min(units, std::max<Index>(1, (front_cells * members + cells - 1) / cells));
    // A multiple of the width, so that a member has the same rows at every step.
    w.lag = (g.halo + 2 * w.width - 1) / w.width * w.width;
  } else {
    fronts_at_once = members;
    w.width = std::min(kRowsAtATime, front_cells.load());
    w.lag = g.halo;
  }
  const Index of_a_step = of.bytes / units * w.lag * of.events * fronts_at_once;
  w.steps = std::clamp<Index>(cache / of_a_step, 1, of.most_steps);
  return w;
}

// The event on rows [first, last).
template <class T>
void Shot<T>::perform_on(const Event& event, Index first, Index last) {
  row_begin_ = first;
  row_end_ = last;
  this->perform(event);
}

// The same on this member's share of them.
template <class T>
void Shot<T>::perform_share(const Event& event, Index first, Index last) {
  const Index count = last - first;
  perform_on(event, first + count * who_.index / who_.count, first + count * (who_.index + 1) / who_.count);
}

template <class T>
bool Shot<T>::execute(const std::vector<Event>& events, bool back) {
  const Geometry& g = p_.layout.geometry;
  const Wavefront& w = wavefronts_.of(back);
  if (w.width > 0) return g.dim == 3 ? sweep_together(events, w) : sweep_apart(events, w);
  for (const Event& event : events) {
    perform_share(event, 0, g.rows());
    if (!sync()) return false;
  }
  return true;
}

// Over planes: the members share the rows of each front, whose events are independent of each other.
template <class T>
bool Shot<T>::sweep_together(const std::vector<Event>& events, const Wavefront& w) {
  const Geometry& g = p_.layout.geometry;
  const Index planes = g.n[0], rows = g.n[1];
  const Index fronts = (planes - 1 + static_cast<Index>(events.size() - 1) * w.lag) / w.width + 1;
  for (Index front = 0; front < fronts; ++front) {
    Index at = front * w.width;
    for (const Event& event : events) {
      const Index first = std::max<Index>(at, 0), last = std::min(at + w.width, planes);
      if (first < last) perform_share(event, first * rows, last * rows);
      at -= w.lag;
    }
    if (!sync()) return false;
  }
  return true;
}

// Over rows: each member has its own, and sweeps first, of each event, over those that depend on no other
// member's, fewer from event to event; the rest of them come one event after the other. The rows of a front
// stay in the core's own cache from one event to the next.
template <class T>
bool Shot<T>::sweep_apart(const std::vector<Event>& events, const Wavefront& w) {
  const Index rows = p_.layout.geometry.rows(), count = static_cast<Index>(events.size());
  const Index begin = rows * who_.index / who_.count, end = rows * (who_.index + 1) / who_.count;
  // By how much the rows are fewer for each event, where another member's are beside them.
  const Index low = who_.index > 0 ? w.lag : 0, high = who_.index + 1 < who_.count ? w.lag : 0;
  const auto perform = [&](Index e, Index first, Index last) {
    if (first < last) perform_on(events[e], first, last);
  };
  for (Index front = begin; front < end + (count - 1) * w.lag && !interrupted(); front += w.width)
    for (Index e = 0; e < count; ++e) {
      const Index at = front - e * w.lag;
      perform(e, std::max(at, begin + e * low), std::min(at + w.width, end - e * high));
    }
  if (!sync()) return false;
  for (Index e = 1; e < count && who_.count > 1; ++e) {
    const Index middle = std::min(begin + e * low, end);
    perform(e, begin, middle);
    perform(e, std::max(end - e * high, middle), end);
    if (!sync()) return false;
  }
  return true;
}

template class Shot<float>;
template class Shot<double>;

}  // namespace dualwave
