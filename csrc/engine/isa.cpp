#include "engine/isa.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

namespace dualwave {
namespace {

constexpr Isa kAll[] = {Isa::generic, Isa::avx2, Isa::avx512};

// The one of a name; it throws where there is none.
Isa named(const char* wanted) {
  std::string names;
  for (const Isa isa : kAll) {
    if (std::strcmp(wanted, name(isa)) == 0) return isa;
    names += names.empty() ? name(isa) : std::string(", ") + name(isa);
  }
  throw std::runtime_error(std::string("DUALWAVE_ISA: got '") + wanted + "'. Accepted: " + names +
                           "; or unset it");
}

}  // namespace

const char* name(Isa isa) {
  constexpr const char* names[] = {"generic", "avx2", "avx512"};
  return names[static_cast<int>(isa)];
}

Isa widest() {
  Isa found = Isa::generic;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found = Isa::avx2;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
    found = Isa::avx512;
#endif
  return found;
}

Isa choose(const Isa* built, std::size_t count) {
  Isa most = widest();
  if (const char* wanted = std::getenv("DUALWAVE_ISA")) most = std::min(most, named(wanted));
  const Isa* found = nullptr;
  for (const Isa* isa = built; isa < built + count; ++isa)
    if (*isa <= most && (!found || *isa > *found)) found = isa;
  if (found) return *found;
  throw std::runtime_error(std::string("dualwave: this build is for ") + name(built[0]) +
                           " or wider, and this processor, or DUALWAVE_ISA, allows " + name(most) +
                           ": build it here, or with DUALWAVE_VECTORS=ALL in CMake");
}

}  // namespace dualwave

#if defined(DUALWAVE_TELL)
// A program of its own, for CMake: the widest, as its status.
int main() { return static_cast<int>(dualwave::widest()); }
#endif
