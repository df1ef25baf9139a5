// The static description of a call: everything about it but the arrays. Mirrors core/layout.py.
#pragma once
#include <cstdint>
#include <string>

#include "engine/geometry.hpp"
#include "engine/packing.hpp"

namespace dualwave {

// What forward leaves is the caller's. In the host's memory, in a file, or in the core's workspace, a history
// lives inside the call of a reverse map, which makes it: nothing would say when the caller no longer needs
// it.
enum class Place : int { caller, host, disk, workspace };
constexpr int kPlaces = 4;

struct Description {
  int equation = 0;
  int dim = 0;
  int order = 0;
  Index steps = 0;
  Index shots = 0;
  Index sources = 0, receivers = 0;
  Index source_taps = 0, receiver_taps = 0;  // nodes of one source or receiver
  Index interval = 0;                        // steps between checkpoints; 0 asks for the default
  Index history_steps = 0;                   // whose quantities are kept at once; 0: those of an interval
  Index inner_states = 0;                    // kept within an interval on the way back
  Index sampling = 1;                        // a gradient of coefficients takes every sampling-th step
  bool full = false;                         // the history of all steps is kept, and no state
  bool boundary = false;                     // of it what the rest can be rebuilt from, see History
  Packing packing = Packing::none;           // of that history
  Place place = Place::caller;               // where it is
  std::string folder;                        // of its file, if it is one
  bool lean = false;                         // no workspace is kept for the next call
  Index gradients = 0;                       // models that gradients are reduced to
  int bits = 0;                              // of the floating-point type: 32 or 64
  Index n[3] = {1, 1, 1};
  int pml[3][2] = {{0, 0}, {0, 0}, {0, 0}};
  Face face[3][2] = {};
  // Cells whose coefficients have a gradient.
  Index window_first[3] = {0, 0, 0}, window_last[3] = {1, 1, 1};
  double spacing[3] = {1, 1, 1};

  // Whether its history is not with the other arrays.
  bool elsewhere() const { return place == Place::host || place == Place::disk; }
  Index cells() const { return n[0] * n[1] * n[2]; }
  Index segments() const { return (steps + interval - 1) / interval; }
  // The states kept: one before each segment but the first, which begins at the initial state.
  Index checkpoints() const { return steps ? segments() - 1 : 0; }
  bool is_sampled(Index step) const { return step % sampling == 0; }
  Index samples_before(Index step) const { return (step + sampling - 1) / sampling; }
  Index most_samples() const { return samples_before(history_steps); }  // in a history
};

constexpr int kDescriptionInts = 41;  // and the bytes of `folder`

// Throws std::invalid_argument where an entry is out of its range.
Description read_description(const std::int64_t* ints, std::int64_t count, const double* spacing,
                             std::int64_t spacings);

}  // namespace dualwave
