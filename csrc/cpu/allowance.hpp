// How much memory the process may use.
#pragma once
#include <cstddef>
#include <string>

namespace dualwave {

// Bytes: of the machine, or, where that is less, of the container or the job that the process belongs to.
// Linux says the latter in control groups (cgroups(7)).
//
// groups: the file of those that the process is in. mount: where their files are.
std::size_t allowed_memory(const std::string& groups = "/proc/self/cgroup",
                           const std::string& mount = "/sys/fs/cgroup");

}  // namespace dualwave
