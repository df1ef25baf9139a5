// Acoustic waves with variable density on a staggered grid (Virieux 1984):
//     v_i -= B_i d_i p,           B_i = dt / rho at the half nodes of axis i,
//     p   -= K sum of d_i v_i,    K = rho v^2 dt.
#pragma once
#include "table/table.hpp"

namespace dualwave {

struct Acoustic {
  static constexpr const char* name = "acoustic";
  enum Field { p, first_velocity };
  enum Coefficient { k, first_buoyancy };

  template <int dim>
  static constexpr auto stages() {
    Stage<dim, dim, 0> motion{};
    Stage<dim, 1, 0> compression{};
    motion.accumulate = compression.accumulate = true;
    for (int axis = 0; axis < dim; ++axis) {
      const int v = first_velocity + axis, b = first_buoyancy + axis;
      motion.piece[axis] = {axis, p, Op::forward, axis};
      motion.term[axis] = {v, axis, b, -1};
      compression.piece[axis] = {0, v, Op::backward, axis};
    }
    compression.term[0] = {p, 0, k, -1};
    return std::tuple{motion, compression};
  }
};

}  // namespace dualwave
