// The equations and kernels this build has. Defined in a file that CMake writes from the list of equations.
#pragma once
#include <string>
#include <vector>

#include "engine/equation.hpp"
#include "engine/packing.hpp"
#include "kernels/view.hpp"

namespace dualwave {

std::vector<std::string> equation_names();

// Throws std::invalid_argument when there is no such equation.
const EquationInfo& equation_info(int id, int dim);

// The kernels for the widest instruction set of this build that the machine has, see engine/isa.hpp.
template <class T>
const Kernels<T>& find_kernels(int id, int dim, int order);

template <class T>
const PackingKernels<T>& find_packing();

const char* instruction_set();

}  // namespace dualwave
