// A time loop over the cells alone, and the gradient of its records' sum of squares: nothing absorbs at the
// edges, no step is blocked with the next. Compiled for this machine by library_bare.py, which has the same
// struct.
#include "bare.hpp"

struct Loop {
  Cells grid;
  long steps, source, receivers;
  long interval;  // steps between two pairs of kept fields
  const float* amplitudes;
  const long* receiver;      // as `source`, elements from the first cell
  const float* coefficient;  // speed^2 dt^2 / dx^2; this and the fields begin at their first cell
  float* fields[2];
  float* records;  // [receivers, steps]
  // Of the gradient alone. The adjoint is kept times the coefficient, so that it is marched by the same loop;
  // hence the gradient is one of the coefficient's logarithm.
  float* adjoint[2];
  float* kept;      // pairs of fields, in the order of `fields`
  float* history;   // Laplacians of an interval
  float* gradient;  // is zero
};

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

// Steps [begin, end), with their Laplacians if they are wanted.
template <int dim, int reach, bool keeps>
void march(const Loop& l, long begin, long end) {
  for (long step = begin; step < end; ++step) {
    const float* u = l.fields[step % 2];
    float *next = l.fields[(step + 1) % 2], *history = l.history + (step - begin) * l.grid.grid;
    for_cells(l.grid, [=](long first, long x) {
      const long i = first + x;
      const float sum = laplacian<dim, reach>(u + first + x, l.grid.plane, l.grid.row);
      if (keeps) history[i] = sum;
      next[i] = 2 * u[i] - next[i] + l.coefficient[i] * sum;
    });
#pragma omp single
    {
      for (long r = 0; r < l.receivers; ++r) l.records[r * l.steps + step] = u[l.receiver[r]];
      next[l.source] -= l.amplitudes[step];
    }
  }
}

// The same steps, the last one first.
template <int dim, int reach>
void march_back(const Loop& l, long begin, long end) {
  for (long step = end; step-- > begin;) {
    const float *w = l.adjoint[(step + 1) % 2], *history = l.history + (step - begin) * l.grid.grid;
    float* next = l.adjoint[step % 2];
    for_cells(l.grid, [=](long first, long x) {
      const long i = first + x;
      l.gradient[i] += history[i] * w[i];
      next[i] = 2 * w[i] - next[i] +
                l.coefficient[i] * laplacian<dim, reach>(w + first + x, l.grid.plane, l.grid.row);
    });
#pragma omp single
    {
      l.gradient[l.source] -= l.amplitudes[step] / l.coefficient[l.source] * w[l.source];
      for (long r = 0; r < l.receivers; ++r)
        next[l.receiver[r]] += 2 * l.coefficient[l.receiver[r]] * l.records[r * l.steps + step];
    }
  }
}

void copy(const Loop& l, const float* from, float* to) {
  for_cells(l.grid, [=](long first, long x) { to[first + x] = from[first + x]; });
}

template <int dim, int reach>
void forward(const Loop& l) {
#pragma omp parallel
  march<dim, reach, false>(l, 0, l.steps);
}

template <int dim, int reach>
void gradient(const Loop& l) {
#pragma omp parallel
  {
    const auto end = [&](long begin) { return begin + l.interval < l.steps ? begin + l.interval : l.steps; };
    const auto kept = [&](long begin, int f) { return l.kept + (begin / l.interval * 2 + f) * l.grid.grid; };
    long begin = 0;
    for (; end(begin) < l.steps; begin += l.interval) {
      for (int f = 0; f < 2; ++f) copy(l, l.fields[f], kept(begin, f));
      march<dim, reach, false>(l, begin, end(begin));
    }
    march<dim, reach, true>(l, begin, l.steps);  // the last interval is marched once
    march_back<dim, reach>(l, begin, l.steps);
    while ((begin -= l.interval) >= 0) {
      for (int f = 0; f < 2; ++f) copy(l, kept(begin, f), l.fields[f]);
      march<dim, reach, true>(l, begin, end(begin));
      march_back<dim, reach>(l, begin, end(begin));
    }
  }
}

}  // namespace

// The gradient, if it has a place. False: there is no such loop.
extern "C" bool bare_loop(int dim, int reach, const Loop& loop) {
  const auto run = [&](auto forward, auto gradient) {
    return (loop.gradient ? gradient : forward)(loop), true;
  };
  if (dim == 2 && reach == 2) return run(&forward<2, 2>, &gradient<2, 2>);
  if (dim == 2 && reach == 4) return run(&forward<2, 4>, &gradient<2, 4>);
  if (dim == 3 && reach == 2) return run(&forward<3, 2>, &gradient<3, 2>);
  if (dim == 3 && reach == 4) return run(&forward<3, 4>, &gradient<3, 4>);
  return false;
}
