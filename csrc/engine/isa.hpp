// The instruction sets that there are kernels for.
#pragma once
#include <cstddef>

namespace dualwave {

// In the order of DUALWAVE_ISAS (cmake/cpu.cmake): each has those before it.
enum class Isa : int { generic, avx2, avx512 };

const char* name(Isa isa);

// The widest that this processor has.
Isa widest();

// The widest of those that this processor has, or the one that the variable DUALWAVE_ISA names if that is
// narrower. Throws where there is none, or no such name.
Isa choose(const Isa* built, std::size_t count);

}  // namespace dualwave
