// From a front end's list of arrays to the core's operands.
#pragma once
#include <stdexcept>
#include <string>

#include "engine/run.hpp"

namespace dualwave {

inline Map read_map(std::int64_t map) {
  if (map < 0 || map > static_cast<int>(Map::tangent_adjoint))
    throw std::invalid_argument("map: no number " + std::to_string(map));
  return static_cast<Map>(map);
}

// Calls read(slot) for each bit set in mask, in order, and stores what it returns: the arrays come without
// gaps.
template <class Read>
void read_slots(std::int64_t mask, int slots, Array* to, Read&& read) {
  if (mask < 0 || (mask >> slots) != 0)
    throw std::invalid_argument("operands: the mask names slots that do not exist");
  for (int slot = 0; slot < slots; ++slot)
    if (mask >> slot & 1) to[slot] = read(slot);
}

// A pointer that is not null even for an array without elements, so that `present but empty` differs from
// absent.
inline void* non_null(const void* data) {
  static char nothing[64];
  return data ? const_cast<void*>(data) : nothing;
}

inline bool is_integer_slot(int slot) {
  return slot == input::source_nodes || slot == input::receiver_nodes || slot == input::model_index;
}

}  // namespace dualwave
