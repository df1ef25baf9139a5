// A throw-away equation for the tests, u_tt + d u_t = v^2 laplacian(u): what an equation takes, and all that
// it takes. With A = v^2 dt^2 / (1 + d dt / 2) and C = (1 - d dt / 2) / (1 + d dt / 2):  u(t+dt) = A
// laplacian(u) + u + C (u - u(t-dt)).
#pragma once
#include "table/table.hpp"

namespace dualwave {

struct Damped {
  static constexpr const char* name = "damped";
  enum Field { u, u_prev };
  enum Coefficient { a, c };
  enum Quantity { lap, rate, carry };

  template <int dim>
  static constexpr auto stages() {
    constexpr auto pieces =
        join(laplacian<dim>(lap, u),
             std::array<Piece, 3>{{{rate, u}, {rate, u_prev, Op::value, 0, -1.0}, {carry, u}}});
    return std::tuple{Stage<pieces.size(), 3, 1>{
        pieces, {{{u_prev, lap, a}, {u_prev, rate, c}, {u_prev, carry}}}, {{{u, u_prev}}}, false}};
  }
};

}  // namespace dualwave
