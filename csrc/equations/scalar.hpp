// Scalar wave equation, u_tt = v^2 laplacian(u), leapfrog in time:  u(t+dt) = 2 u(t) - u(t-dt) + c
// laplacian(u(t)),  c = v^2 dt^2.
#pragma once
#include "table/table.hpp"

namespace dualwave {

struct Scalar {
  static constexpr const char* name = "scalar";
  enum Field { u, u_prev };
  enum Coefficient { c };
  enum Quantity { lap, carry };

  template <int dim>
  static constexpr auto stages() {
    constexpr auto pieces =
        join(laplacian<dim>(lap, u),
             std::array<Piece, 2>{{{carry, u, Op::value, 0, 2.0}, {carry, u_prev, Op::value, 0, -1.0}}});
    return std::tuple{
        Stage<pieces.size(), 2, 1>{pieces, {{{u_prev, lap, c}, {u_prev, carry}}}, {{{u, u_prev}}}, false}};
  }
};

}  // namespace dualwave
