// Several time steps in one sweep over the grid: blocking in time.
//
// A step reads and writes the whole state, which a large grid's does not find in a cache again at the next
// step. So the steps follow each other through the grid: while the first is at some rows of the outermost
// axis, the next is `lag` rows behind, where all that it reads is complete (Lamport 1974; Wonnacott 2000;
// Malas et al. 2015). What lies between the first and the last stays in a cache. In 3-D, where that are many
// planes, the threads share the rows of each front; its events are independent of each other. In 2-D each has
// a front of its own in its part of the grid, and between the parts triangles in time and space are left for
// the end. Every value is computed from the same numbers in the same order as without.
#pragma once
#include "engine/call.hpp"

namespace dualwave {

// The most steps at once: what is kept of each at the nodes of sources and receivers shall not exceed the
// state.
Index most_steps(const Description& description, Index state_size);

// Of the steps forwards, or of those back.
struct Wavefront {
  Index steps = 1;  // at once
  Index width = 0;  // of a front along the outermost axis; 0: one event after the other, over the whole grid
  Index lag = 0;    // of an event behind the one before it
};

struct Wavefronts {
  Wavefront ahead, back;
  const Wavefront& of(bool backwards) const { return backwards ? back : ahead; }
};

// What a shot's steps touch.
struct Footprint {
  const Geometry& geometry;
  Index bytes;  // in all
  int events;   // of a step
  Index most_steps;
};

// Bytes that may be expected to stay in the last cache.
Index last_cache();

Wavefront make_wavefront(const Footprint& of, int members, int shots_at_once);

}  // namespace dualwave
