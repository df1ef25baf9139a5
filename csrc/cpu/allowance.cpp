#include "cpu/allowance.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>

namespace dualwave {
namespace {

constexpr std::size_t kUnknown = std::numeric_limits<std::size_t>::max();

// The number in a file; the word "max" and a file that is not there are no limit.
std::size_t limit_in(const std::string& file) {
  std::size_t bytes = 0;
  return std::ifstream(file) >> bytes ? bytes : kUnknown;
}

// Of a group and those that it is in. A container may see its own group as the root.
std::size_t limit_of(const std::string& mount, std::string group, const std::string& file) {
  std::size_t least = kUnknown;
  for (;;) {
    least = std::min(least, limit_in(mount + group + "/" + file));
    const auto above = group.rfind('/');
    if (above == std::string::npos) return least;
    group.erase(above);
  }
}

}  // namespace

std::size_t allowed_memory(const std::string& groups, const std::string& mount) {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGE_SIZE);
  std::size_t least =
      pages > 0 && page > 0 ? static_cast<std::size_t>(pages) * static_cast<std::size_t>(page) : kUnknown;
  std::ifstream lines(groups);
  // number:controllers:path; without controllers it is of version 2.
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",",
                      path = line.substr(second + 1);
    if (controllers == ",,")
      least = std::min(least, limit_of(mount, path, "memory.max"));
    else if (controllers.find(",memory,") != std::string::npos)
      least = std::min(least, limit_of(mount + "/memory", path, "memory.limit_in_bytes"));
  }
  return least;
}

}  // namespace dualwave
