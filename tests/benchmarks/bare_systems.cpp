// Time loops of the acoustic and the elastic equations over the cells alone, order 4: nothing absorbs at the
// edges, no step is blocked with the next. Backwards the cotangents of velocities are kept with the opposite
// sign, which makes the march that of the fields.
#include "bare.hpp"

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

// Writes quantities of a step to its history, if it is wanted: keep(cell, quantity, value).
template <bool keeps>
auto keeper(const Loop& l, float* history) {
  return [=, grid = l.grid.grid](long i, int quantity, float value) {
    if (keeps) history[quantity * grid + i] = value;
  };
}

// Pressure, then velocities; the modulus, then buoyancies. History: slopes, then the dilation.
template <int dim>
struct Acoustic {
  static constexpr int kFields = 1 + dim, kHistory = dim + 1;

  template <bool keeps>
  static void step(const Loop& l, long, float* history) {
    const auto keep = keeper<keeps>(l, history);
    update(
        l, l.fields, [=](long i, int a, float slope, float) { keep(i, a, slope); },
        [=](long i, float dilation, float) { keep(i, dim, dilation); });
  }
  static void step_back(const Loop& l, long, const float* history) {
    const long grid = l.grid.grid;
    float* gradient = l.gradient;
    update(
        l, l.adjoint,
        [=](long i, int a, float, float v) { gradient[(1 + a) * grid + i] += history[a * grid + i] * v; },
        [=](long i, float, float p) { gradient[i] -= history[dim * grid + i] * p; });
  }
  static void excite(const Loop& l, long n) { l.fields[l.source] += l.amplitudes[n]; }
  static void excite_back(const Loop& l, long n) {
    l.gradient[l.source] += l.amplitudes[n] / l.coefficients[l.source] * l.adjoint[l.source];
  }
  static float pressure(const Loop& l, long, long cell) { return l.fields[cell]; }
  static void hear_back(const Loop& l, long, long cell, float value) {
    l.adjoint[cell] += l.coefficients[cell] * value;
  }

 private:
  // move(cell, axis, slope, new velocity), compress(cell, dilation, old pressure)
  template <class Move, class Compress>
  static void update(const Loop& l, float* p, Move move, Compress compress) {
    const Axes<dim> axes(l.grid);
    const long grid = l.grid.grid;
    const float *modulus = l.coefficients, *buoyancy = modulus + grid;
    float* velocity = p + grid;
    for_cells(l.grid, [=](long i) {
#pragma GCC unroll 3
      for (int a = 0; a < dim; ++a) {
        const float slope = ahead(p + i, axes.step[a]);
        const float v = velocity[a * grid + i] - buoyancy[a * grid + i] * slope;
        velocity[a * grid + i] = v;
        move(i, a, slope, v);
      }
    });
    for_cells(l.grid, [=](long i) {
      float sum = 0;
#pragma GCC unroll 3
      for (int a = 0; a < dim; ++a) sum += behind(velocity + a * grid + i, axes.step[a]);
      compress(i, sum, p[i]);
      p[i] -= modulus[i] * sum;
    });
  }
};

// Velocities, then stresses row by row of the upper triangle; lambda + 2 mu, lambda, mu, then buoyancies.
// History: forces, stretches, then shears. In place of the gradients of the first two there are sums of the
// products of stretches and normal stresses, axis by axis, and of their sums over the axes.
template <int dim>
struct Elastic {
  static constexpr int kPairs = dim * (dim - 1) / 2;
  static constexpr int kFields = 2 * dim + kPairs, kHistory = 2 * dim + kPairs;
  static constexpr int stress(int a, int b) {
    const int low = a < b ? a : b, high = a < b ? b : a;
    return dim + low * dim - low * (low - 1) / 2 + high - low;
  }

  template <bool keeps>
  static void step(const Loop& l, long, float* history) {
    const auto keep = keeper<keeps>(l, history);
    update(
        l, l.fields, [=](long i, int a, float force, float) { keep(i, a, force); },
        [=](long i, const float* stretch) {
#pragma GCC unroll 3
          for (int a = 0; a < dim; ++a) keep(i, dim + a, stretch[a]);
        },
        [=](long i, int pair, float shear, float) { keep(i, 2 * dim + pair, shear); });
  }
  static void step_back(const Loop& l, long, const float* history) {
    const long grid = l.grid.grid;
    const float *stretches = history + dim * grid, *shears = stretches + dim * grid, *stresses = l.adjoint;
    float *products = l.gradient, *mu = products + 2 * grid, *buoyancy = mu + kPairs * grid;
    update(
        l, l.adjoint,
        [=](long i, int a, float, float v) { buoyancy[a * grid + i] -= history[a * grid + i] * v; },
        [=](long i, const float*) {
          float each = 0, stretch = 0, normal = 0;
#pragma GCC unroll 3
          for (int a = 0; a < dim; ++a) {
            const float e = stretches[a * grid + i], s = stresses[stress(a, a) * grid + i];
            each += e * s, stretch += e, normal += s;
          }
          products[i] += each;
          products[grid + i] += stretch * normal;
        },
        [=](long i, int pair, float, float s) { mu[pair * grid + i] += shears[pair * grid + i] * s; });
  }
  static void excite(const Loop& l, long n) {
    for (int a = 0; a < dim; ++a) l.fields[stress(a, a) * l.grid.grid + l.source] -= l.amplitudes[n];
  }
  static void excite_back(const Loop&, long) {}  // what a source adds depends on no model
  static float pressure(const Loop& l, long, long cell) {
    float sum = 0;
    for (int a = 0; a < dim; ++a) sum += l.fields[stress(a, a) * l.grid.grid + cell];
    return -sum / dim;
  }
  static void hear_back(const Loop& l, long, long cell, float value) {
    const float* modulus = l.coefficients + cell;
    const float sum = modulus[0] + (dim - 1) * modulus[l.grid.grid];
    for (int a = 0; a < dim; ++a) l.adjoint[stress(a, a) * l.grid.grid + cell] -= sum * value / dim;
  }

 private:
  // move(cell, axis, force, new velocity), then before stresses change stretch(cell, stretches) and
  // shear(cell, pair, shear, stress)
  template <class Move, class Stretch, class Shear>
  static void update(const Loop& l, float* f, Move move, Stretch stretch, Shear shear) {
    const Axes<dim> axes(l.grid);
    const long grid = l.grid.grid;
    const float *modulus = l.coefficients, *lamb = modulus + grid, *mu = lamb + grid;
    const float* buoyancy = mu + kPairs * grid;
    for_cells(l.grid, [=](long i) {
#pragma GCC unroll 3
      for (int a = 0; a < dim; ++a) {
        float force = 0;
#pragma GCC unroll 3
        for (int b = 0; b < dim; ++b) {
          const float* of = f + stress(a, b) * grid + i;
          force += a == b ? ahead(of, axes.step[b]) : behind(of, axes.step[b]);
        }
        const float v = f[a * grid + i] + buoyancy[a * grid + i] * force;
        f[a * grid + i] = v;
        move(i, a, force, v);
      }
    });
    for_cells(l.grid, [=](long i) {
      float e[dim], sum = 0;
#pragma GCC unroll 3
      for (int a = 0; a < dim; ++a) sum += e[a] = behind(f + a * grid + i, axes.step[a]);
      stretch(i, e);
#pragma GCC unroll 3
      for (int a = 0; a < dim; ++a) f[stress(a, a) * grid + i] += modulus[i] * e[a] + lamb[i] * (sum - e[a]);
#pragma GCC unroll 3
      for (int a = 0; a < dim; ++a)
#pragma GCC unroll 3
        for (int b = a + 1; b < dim; ++b) {
          const int pair = a + b - 1;
          float* s = f + stress(a, b) * grid + i;
          const float both = ahead(f + a * grid + i, axes.step[b]) + ahead(f + b * grid + i, axes.step[a]);
          shear(i, pair, both, *s);
          *s += mu[pair * grid + i] * both;
        }
    });
  }
};

}  // namespace

// False: there is no such loop.
extern "C" bool bare_loops(int dim, int elastic, const Loop* loops, long shots, int teams) {
  if (dim == 2) return (elastic ? &run<Elastic<2>> : &run<Acoustic<2>>)(loops, shots, teams);
  if (dim == 3) return (elastic ? &run<Elastic<3>> : &run<Acoustic<3>>)(loops, shots, teams);
  return false;
}
