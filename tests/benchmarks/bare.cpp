// A time loop over the cells alone: nothing absorbs at the edges, nothing can be differentiated, no step is
// blocked with the next. Compiled for this machine by library_bare.py, which has the same struct.

struct Loop {
  long planes, rows, cells;  // to update
  long plane, row;           // from one to the next, in elements
  long steps, source, receivers;
  const float* amplitudes;
  const long* receiver;      // as `source`, elements from the first cell
  const float* coefficient;  // speed^2 dt^2 / dx^2; this and the fields begin at their first cell
  float *field, *before;
  float* records;  // [receivers, steps]
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

template <int dim, int reach>
void march(const Loop& l) {
#pragma omp parallel
  for (long step = 0; step < l.steps; ++step) {
    const float* u = step % 2 ? l.before : l.field;
    float* next = step % 2 ? l.field : l.before;
#pragma omp for collapse(2) schedule(static)
    for (long z = 0; z < l.planes; ++z)
      for (long y = 0; y < l.rows; ++y) {
        const long first = z * l.plane + y * l.row;
        const float *from = u + first, *c = l.coefficient + first;
        float* to = next + first;
#pragma omp simd
        for (long x = 0; x < l.cells; ++x)
          to[x] = 2 * from[x] - to[x] + c[x] * laplacian<dim, reach>(from + x, l.plane, l.row);
      }
#pragma omp single
    {
      for (long r = 0; r < l.receivers; ++r) l.records[r * l.steps + step] = u[l.receiver[r]];
      next[l.source] -= l.amplitudes[step];
    }
  }
}

}  // namespace

// False: there is no such loop.
extern "C" bool bare_loop(int dim, int reach, const Loop& loop) {
  if (dim == 2 && reach == 2) return march<2, 2>(loop), true;
  if (dim == 2 && reach == 4) return march<2, 4>(loop), true;
  if (dim == 3 && reach == 2) return march<3, 2>(loop), true;
  if (dim == 3 && reach == 4) return march<3, 4>(loop), true;
  return false;
}
