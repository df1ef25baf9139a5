// Where a history lies that is neither the caller's nor in the device's memory: in the host's, or in a file.
#pragma once
#include <cstddef>
#include <memory>
#include <string>

#include "engine/geometry.hpp"

namespace dualwave {

class HistoryStore {
 public:
  virtual ~HistoryStore() = default;
  // Several threads may call these at once, for different places. A file throws std::system_error.
  virtual void write(const void* from, std::size_t bytes, Index at) = 0;
  virtual void read(void* to, std::size_t bytes, Index at) = 0;
};

// Throws std::bad_alloc.
std::unique_ptr<HistoryStore> make_host_store(Index bytes);

// In a file without a name in `folder`: it goes when it is closed, however the process ends. All of its space
// is taken at once, so that a disk without enough is known before anything is computed. Throws
// std::system_error.
std::unique_ptr<HistoryStore> make_file_store(const std::string& folder, Index bytes);

}  // namespace dualwave
