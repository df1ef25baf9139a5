// The entry of the device backend: as engine/run.hpp, on arrays of a device.
#pragma once
#include "engine/description.hpp"
#include "engine/slots.hpp"

namespace dualwave {

// Puts the map's work on `stream` (a cudaStream_t) of device number `device` and returns without waiting for
// it. Integer operands are on the device too, so a node outside the grid cannot be refused here: it makes the
// receivers and gradients NaN.
void run_on_device(const Description& description, Map map, const Operands& operands, int device,
                   void* stream);

}  // namespace dualwave
