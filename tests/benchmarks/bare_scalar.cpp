// Time loops of the scalar equation over the cells alone: nothing absorbs at the edges, no step is blocked
// with the next.
#include "bare.hpp"

namespace {

template <int reach>
constexpr float kSecond[reach + 1] = {};
template <>
constexpr float kSecond<2>[] = {-5.f / 2, 4.f / 3, -1.f / 12};
template <>
constexpr float kSecond<4>[] = {-205.f / 72, 8.f / 5, -1.f / 5, 8.f / 315, -1.f / 560};

template <int dim, int reach>
inline float laplacian(const float* u, long plane, long row) {
  float sum = dim * kSecond<reach>[0] * u[0];
#pragma GCC unroll 4
  for (long k = 1; k <= reach; ++k) {
    float pairs = u[k] + u[-k] + u[k * row] + u[-k * row];
    if (dim == 3) pairs += u[k * plane] + u[-k * plane];
    sum += kSecond<reach>[k] * pairs;
  }
  return sum;
}

// The coefficient is speed^2 dt^2 / dx^2; of the two fields that of step n is the (n % 2)th.
template <int dim, int reach>
struct Scalar {
  static constexpr int kFields = 2, kHistory = 1;

  template <bool keeps>
  static void step(const Loop& l, long n, float* history) {
    update(l, at(l, l.fields, n), at(l, l.fields, n + 1), [=](long i, float sum, float) {
      if (keeps) history[i] = sum;
    });
  }
  static void step_back(const Loop& l, long n, const float* history) {
    float* gradient = l.gradient;
    update(l, at(l, l.adjoint, n + 1), at(l, l.adjoint, n),
           [=](long i, float, float w) { gradient[i] += history[i] * w; });
  }
  static void excite(const Loop& l, long n) { at(l, l.fields, n + 1)[l.source] -= l.amplitudes[n]; }
  static void excite_back(const Loop& l, long n) {
    const float w = at(l, l.adjoint, n + 1)[l.source];
    l.gradient[l.source] -= l.amplitudes[n] / l.coefficients[l.source] * w;
  }
  static float pressure(const Loop& l, long n, long cell) { return at(l, l.fields, n)[cell]; }
  static void hear_back(const Loop& l, long n, long cell, float value) {
    at(l, l.adjoint, n)[cell] += l.coefficients[cell] * value;
  }

 private:
  static float* at(const Loop& l, float* fields, long n) { return fields + n % 2 * l.grid.grid; }

  // visit(cell, Laplacian, field)
  template <class Visit>
  static void update(const Loop& l, const float* u, float* next, Visit visit) {
    const float* coefficient = l.coefficients;
    const long plane = l.grid.plane, row = l.grid.row;
    for_cells(l.grid, [=](long i) {
      const float sum = laplacian<dim, reach>(u + i, plane, row);
      visit(i, sum, u[i]);
      next[i] = 2 * u[i] - next[i] + coefficient[i] * sum;
    });
  }
};

}  // namespace

// False: there is no such loop.
extern "C" bool bare_loops(int dim, int reach, const Loop* loops, long shots, int teams) {
  if (dim == 2 && reach == 2) return run<Scalar<2, 2>>(loops, shots, teams);
  if (dim == 2 && reach == 4) return run<Scalar<2, 4>>(loops, shots, teams);
  if (dim == 3 && reach == 2) return run<Scalar<3, 2>>(loops, shots, teams);
  if (dim == 3 && reach == 4) return run<Scalar<3, 4>>(loops, shots, teams);
  return false;
}
