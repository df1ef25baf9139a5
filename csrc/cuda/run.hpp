// The entry of the device backend: as engine/run.hpp, on arrays of a device.
#pragma once
#include <functional>

#include "engine/description.hpp"
#include "engine/slots.hpp"

namespace dualwave {

// A device by its number, a stream of it (a cudaStream_t), and who gives memory for a call's work: called
// once, with bytes; what it returns is in the order of the stream, and need not hold zeros.
struct Where {
  int device;
  void* stream;
  std::function<void*(std::size_t)> allocate;
};

// Puts the map's work on the stream and returns without waiting for it. Integer operands are on the device
// too, so a node outside the grid cannot be refused here: it makes every output but the residual NaN.
void run_on_device(const Description& description, Map map, const Operands& operands, const Where& where);

}  // namespace dualwave
