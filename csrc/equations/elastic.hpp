// Isotropic elastic waves on a staggered grid (Virieux 1986); e_i = d_i v_i, coefficients are times dt:
//     v_i      += B_i sum over j of d_j sigma_ij,
//     sigma_ii += (lambda + 2 mu) e_i + lambda sum over j != i of e_j,
//     sigma_ij += mu_ij (d_j v_i + d_i v_j).
#pragma once
#include "table/table.hpp"

namespace dualwave {

struct Elastic {
  static constexpr const char* name = "elastic";
  enum Coefficient { lambda_2mu, lambda };  // in 1-D there is no lambda; then mu_ij by pairs, then B_i

  template <int dim>
  static constexpr auto stages() {
    constexpr int pairs = dim * (dim - 1) / 2;
    constexpr int first_mu = dim > 1 ? 2 : 1, first_buoyancy = first_mu + pairs;
    // Velocities, then the upper triangle of the stresses row by row.
    const auto stress = [](int i, int j) {
      return i <= j ? dim + i * dim - i * (i - 1) / 2 + j - i : dim + j * dim - j * (j - 1) / 2 + i - j;
    };
    Stage<dim * dim, dim, 0> motion{};
    Stage<dim * dim, dim * dim + pairs, 0> deformation{};
    motion.accumulate = deformation.accumulate = true;
    int pair = 0;
    for (int i = 0; i < dim; ++i) {
      motion.term[i] = {i, i, first_buoyancy + i};
      deformation.piece[i] = {i, i, Op::backward, i};
      for (int j = 0; j < dim; ++j) {
        motion.piece[i * dim + j] = {i, stress(i, j), i == j ? Op::forward : Op::backward, j};
        deformation.term[i * dim + j] = {stress(i, i), j, i == j ? lambda_2mu : lambda};
      }
      for (int j = i + 1; j < dim; ++j, ++pair) {
        const int shear = dim + pair;  // the quantity
        deformation.piece[dim + 2 * pair] = {shear, i, Op::forward, j};
        deformation.piece[dim + 2 * pair + 1] = {shear, j, Op::forward, i};
        deformation.term[dim * dim + pair] = {stress(i, j), shear, first_mu + pair};
      }
    }
    return std::tuple{motion, deformation};
  }
};

}  // namespace dualwave
