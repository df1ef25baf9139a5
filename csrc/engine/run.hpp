// The one entry of the core: any map of any equation.
#pragma once
#include "engine/call.hpp"
#include "engine/slots.hpp"

namespace dualwave {

// Checks the operands and runs the map on this machine's cores. Pointers are to C-contiguous arrays of the
// type that description.bits says (nodes and indices: int32), owned by the caller; outputs are overwritten.
// Throws std::invalid_argument for operands that do not fit, std::bad_alloc, or Interrupted.
void run(const Description& description, Map map, const Operands& operands);

// Elements of one shot's packed state, the residual that its forward leaves, and the bytes that a call will
// allocate (a device takes all shots at once).
Index state_size(const Description& description);
ResidualShape residual_shape(const Description& description);
Index workspace_bytes(const Description& description, Map map, bool device);
// Of the histories that are neither the caller's nor on the device, as many as there are at a time.
Index stored_bytes(const Description& description, bool device);

// When and how steps are blocked in time: what may be expected to stay in the last cache, and the least cells
// of a front for each thread. Results do not depend on it.
void set_blocking(Index cache_bytes, Index front_cells);

}  // namespace dualwave
