#include "cpu/wavefront.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>

#include "cpu/shot.hpp"
#include "engine/run.hpp"

namespace dualwave {
namespace {

// Of a common last cache, 32 MB, what others leave: what the system says of it is not reliable.
std::atomic<Index> cache_bytes{Index{24} << 20};
// Of a front, for each member: a step of fewer takes no longer than the barrier.
std::atomic<Index> front_cells{4096};
// The same in rows, where a front is one of rows: those at the edges of a member's share are in the cache of
// the one beside it.
constexpr Index kFrontRows = 16;

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

Wavefront make_wavefront(const Footprint& of, int members, int shots_at_once) {
  const Geometry& g = of.geometry;
  const Index units = g.n[g.dim == 3 ? 0 : 1], cache = cache_bytes / shots_at_once;
  Wavefront w{of.most_steps, 0, 0};
  if (units == 1 || mirrors(g) || of.bytes <= cache) return w;
  const Index cells = g.cells() / units;
  const Index least = g.dim == 3 ? 1 : std::min<Index>(kFrontRows, front_cells) * members;
  w.width = std::min(units, std::max(least, (front_cells * members + cells - 1) / cells));
  // A multiple of the width, so that a member has the same rows at every step.
  w.lag = (g.halo + 2 * w.width - 1) / w.width * w.width;
  // Two thirds of the cache: what enters at the first step and leaves after the last one passes through the
  // rest.
  w.steps = std::clamp<Index>(cache / 3 * 2 / (of.bytes / units * w.lag * of.events), 1, of.most_steps);
  return w;
}

// This member's share of rows [first, last).
template <class T>
void Shot<T>::perform_on(const Event& event, Index first, Index last) {
  row_begin_ = first + (last - first) * who_.index / who_.count;
  row_end_ = first + (last - first) * (who_.index + 1) / who_.count;
  this->perform(event);
}

template <class T>
bool Shot<T>::execute(const std::vector<Event>& events, bool back) {
  const Geometry& g = p_.layout.geometry;
  const Index width = wavefronts_.of(back).width, lag = wavefronts_.of(back).lag;
  if (width == 0) {
    for (const Event& event : events) {
      perform_on(event, 0, g.rows());
      if (!sync()) return false;
    }
    return true;
  }
  const Index units = g.dim == 3 ? g.n[0] : g.n[1], rows = g.rows() / units;
  const Index fronts = (units - 1 + static_cast<Index>(events.size() - 1) * lag) / width + 1;
  for (Index front = 0; front < fronts; ++front) {
    Index at = front * width;
    for (const Event& event : events) {
      const Index first = std::max<Index>(at, 0), last = std::min(at + width, units);
      if (first < last) perform_on(event, first * rows, last * rows);
      at -= lag;
    }
    if (!sync()) return false;
  }
  return true;
}

template class Shot<float>;
template class Shot<double>;

}  // namespace dualwave
