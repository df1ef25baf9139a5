// What is kept of a run for its gradient, and where it lies.
#pragma once
#include <vector>

#include "engine/description.hpp"
#include "engine/packed_state.hpp"
#include "engine/window.hpp"

namespace dualwave {

// Cells next to the interior whose values of a field a stage reads from inside it.
struct Strip {
  int stage, field;
  Box box;
  Index at;  // among the strips of a step
};

// Of one shot and level, in elements. A full history is, packed or not, the quantities of each sampled step;
// or, where it is rebuilt (Clapp 2008), those of the frame of cells that the PML reaches, and the strips of
// each step, from which the fields of the interior are marched back, from what they were after the last one.
struct History {
  History(const Description& d, const EquationInfo& equation, const Geometry& g, const Window& w);

  // Quantities of `samples` steps as a march writes them ...
  Index plain(Index samples) const { return samples * quantities * window.size; }
  // ... and as a full history keeps them.
  Index kept(Index samples) const { return samples * sample_size; }
  // All that a full history keeps but the traces: quantities, strips, and the fields after the last step.
  Index strips_at(Index step) const { return kept(samples) + step * step_size; }
  Index fields_at() const { return strips_at(steps); }
  Index size() const { return fields_at() + last_fields; }
  // Where a sampled step's quantities, and in a block of the state a step's strip, are and are kept.
  std::vector<Part> frame_parts(Index sample) const;
  Part strip_part(const Strip& strip, const Geometry& g, const int* slot, Index step) const;

  Window window;
  Index state;  // of a kept one
  int quantities;
  Index samples, steps;
  bool rebuilt;
  Index sample_size;  // of the quantities of a sampled step, as they are kept
  Boxes frame;        // of the window: what is kept where it is rebuilt, box after box
  std::vector<Strip> strips;
  Index step_size = 0;  // of the strips of a step
  Index last_fields = 0;
};

// Whether each stage can be taken back: what it adds to its targets taken away, or, of a leapfrog, the field
// of the step after next put in the place of that before.
bool is_reversible(const EquationInfo& equation);

}  // namespace dualwave
