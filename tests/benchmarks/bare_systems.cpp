// A time loop of the acoustic or elastic equations over the cells alone, order 4: nothing absorbs at the
// edges, no step is blocked with the next. Compiled for this machine by library_bare.py, which has the same
// struct.
#include "bare.hpp"

struct System {
  Cells grid;
  long steps, source, receivers;
  const float* amplitudes;
  const long* receiver;  // as `source`, elements from the first cell
  // In the order of Dualwave's tables, from their first cells on; coefficients are divided by the spacing.
  const float* coefficients[8];
  float* fields[9];
  float* records;  // [receivers, steps]
};

namespace {

// Derivatives at half nodes of what is at whole ones, and at whole nodes.
inline float ahead(const float* f, long step) {
  return 9.f / 8 * (f[step] - f[0]) - 1.f / 24 * (f[2 * step] - f[-step]);
}
inline float behind(const float* f, long step) { return ahead(f - step, step); }

// Steps in elements along the axes of an equation, slowest first.
template <int dim>
struct Axes {
  long step[dim];
  explicit Axes(const Cells& c) {
    const long of[] = {c.plane, c.row, 1};
    for (int a = 0; a < dim; ++a) step[a] = of[3 - dim + a];
  }
};

template <int dim>
struct Acoustic {
  static constexpr int kPressures = 1;
  static constexpr int pressure(int) { return 0; }
  static constexpr float sign = 1;

  static void step(const System& s) {
    const Axes<dim> axes(s.grid);
    float *p = s.fields[0], *v[dim];
    const float *modulus = s.coefficients[0], *buoyancy[dim];
    for (int a = 0; a < dim; ++a) v[a] = s.fields[1 + a], buoyancy[a] = s.coefficients[1 + a];
    for_cells(s.grid, [=](long first, long x) {
      const long i = first + x;
#pragma GCC unroll 3
      for (int a = 0; a < dim; ++a) v[a][i] -= buoyancy[a][i] * ahead(p + i, axes.step[a]);
    });
    for_cells(s.grid, [=](long first, long x) {
      const long i = first + x;
      float sum = 0;
#pragma GCC unroll 3
      for (int a = 0; a < dim; ++a) sum += behind(v[a] + i, axes.step[a]);
      p[i] -= modulus[i] * sum;
    });
  }
};

template <int dim>
struct Elastic {
  // Velocities, then stresses row by row of the upper triangle.
  static constexpr int stress(int a, int b) {
    const int low = a < b ? a : b, high = a < b ? b : a;
    return dim + low * dim - low * (low - 1) / 2 + high - low;
  }
  static constexpr int kFields = dim + dim * (dim + 1) / 2, kPressures = dim;
  static constexpr int pressure(int a) { return stress(a, a); }
  static constexpr float sign = -1;

  static void step(const System& s) {
    const Axes<dim> axes(s.grid);
    float* f[kFields];
    for (int i = 0; i < kFields; ++i) f[i] = s.fields[i];
    constexpr int pairs = dim * (dim - 1) / 2;
    const float *modulus = s.coefficients[0], *lamb = s.coefficients[1], *mu[pairs], *buoyancy[dim];
    for (int i = 0; i < pairs; ++i) mu[i] = s.coefficients[2 + i];
    for (int a = 0; a < dim; ++a) buoyancy[a] = s.coefficients[2 + pairs + a];
    for_cells(s.grid, [=](long first, long x) {
      const long i = first + x;
#pragma GCC unroll 3
      for (int a = 0; a < dim; ++a) {
        float sum = 0;
#pragma GCC unroll 3
        for (int b = 0; b < dim; ++b) {
          const float* of = f[stress(a, b)] + i;
          sum += a == b ? ahead(of, axes.step[b]) : behind(of, axes.step[b]);
        }
        f[a][i] += buoyancy[a][i] * sum;
      }
    });
    for_cells(s.grid, [=](long first, long x) {
      const long i = first + x;
      float stretch[dim], sum = 0;
#pragma GCC unroll 3
      for (int a = 0; a < dim; ++a) sum += stretch[a] = behind(f[a] + i, axes.step[a]);
#pragma GCC unroll 3
      for (int a = 0; a < dim; ++a)
        f[stress(a, a)][i] += modulus[i] * stretch[a] + lamb[i] * (sum - stretch[a]);
#pragma GCC unroll 3
      for (int a = 0; a < dim; ++a)
#pragma GCC unroll 3
        for (int b = a + 1; b < dim; ++b) {
          const float shear = ahead(f[a] + i, axes.step[b]) + ahead(f[b] + i, axes.step[a]);
          f[stress(a, b)][i] += mu[a + b - 1][i] * shear;
        }
    });
  }
};

template <class Equation>
bool march(const System& s) {
#pragma omp parallel
  for (long step = 0; step < s.steps; ++step) {
#pragma omp single
    for (long r = 0; r < s.receivers; ++r) {
      float sum = 0;
      for (int a = 0; a < Equation::kPressures; ++a) sum += s.fields[Equation::pressure(a)][s.receiver[r]];
      s.records[r * s.steps + step] = Equation::sign * sum / Equation::kPressures;
    }
    Equation::step(s);
#pragma omp single
    for (int a = 0; a < Equation::kPressures; ++a)
      s.fields[Equation::pressure(a)][s.source] += Equation::sign * s.amplitudes[step];
  }
  return true;
}

}  // namespace

// False: there is no such loop.
extern "C" bool bare_loop(int dim, int elastic, const System& system) {
  if (dim == 2) return elastic ? march<Elastic<2>>(system) : march<Acoustic<2>>(system);
  if (dim == 3) return elastic ? march<Elastic<3>>(system) : march<Acoustic<3>>(system);
  return false;
}
