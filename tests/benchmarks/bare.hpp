// What the bare loops share: the march of an equation and back again. A file has its equations, and the loops
// by `bare_loops`; it is compiled for this machine by library_bare.py, which has the same struct.
#pragma once
#include <thread>
#include <vector>

// The cells of a grid, which begin at its first one, among zeros.
struct Cells {
  long planes, rows, cells;
  long plane, row, grid;  // from one to the next, in elements
};

// A shot. Several grids lie one behind the other, from the first one's first cell on.
struct Loop {
  Cells grid;
  long steps, source, receivers;
  long interval;  // steps between two sets of kept fields
  const float* amplitudes;
  const long* receiver;       // as `source`, elements from the first cell
  const float* coefficients;  // in the order of Dualwave's tables, divided by powers of the spacing
  float *fields, *records;    // records [receivers, steps]
  // Of the gradient alone, which is added to `gradient`. Cotangents are kept times the coefficients, so that
  // they are marched by the loops of the fields; hence gradients are those of the coefficients' logarithms.
  float *adjoint, *kept, *history, *gradient;
};

// Calls update(cell) of all cells, by all threads of the team.
template <class Update>
inline void for_cells(const Cells& c, Update update) {
#pragma omp for collapse(2) schedule(static)
  for (long z = 0; z < c.planes; ++z)
    for (long y = 0; y < c.rows; ++y) {
      const long first = z * c.plane + y * c.row;
#pragma omp simd
      for (long x = 0; x < c.cells; ++x) update(first + x);
    }
}

inline void copy(const Cells& c, int grids, const float* from, float* to) {
  for (int i = 0; i < grids; ++i)
    for_cells(c, [=](long cell) { to[i * c.grid + cell] = from[i * c.grid + cell]; });
}

inline void clear(const Cells& c, int grids, float* fields) {
  for (int i = 0; i < grids; ++i) for_cells(c, [=](long cell) { fields[i * c.grid + cell] = 0; });
}

// An equation has numbers of grids, `kFields` and, of a step, `kHistory`; and of a step n
//   step<keeps>(loop, n, history), step_back(loop, n, history), and
//   excite(loop, n), excite_back(loop, n), pressure(loop, n, cell), hear_back(loop, n, cell, value)
// for a source, which comes last, and receivers, which come first.

// Steps [begin, end), with their history if it is wanted.
template <class Equation, bool keeps>
void march(const Loop& l, long begin, long end) {
  for (long n = begin; n < end; ++n) {
    Equation::template step<keeps>(l, n, l.history + (n - begin) * Equation::kHistory * l.grid.grid);
#pragma omp single
    {
      Equation::excite(l, n);
      if (n + 1 < l.steps)
        for (long r = 0; r < l.receivers; ++r)
          l.records[r * l.steps + n + 1] = Equation::pressure(l, n + 1, l.receiver[r]);
    }
  }
}

// The same steps, the last one first. The cotangent of the last one's result is zero.
template <class Equation>
void march_back(const Loop& l, long begin, long end) {
  for (long n = end; n-- > begin;) {
    Equation::step_back(l, n, l.history + (n - begin) * Equation::kHistory * l.grid.grid);
#pragma omp single
    {
      for (long r = 0; r < l.receivers; ++r)
        Equation::hear_back(l, n, l.receiver[r], 2 * l.records[r * l.steps + n]);
      if (n > 0) Equation::excite_back(l, n - 1);
    }
  }
}

template <class Equation>
void gradient(const Loop& l) {
  constexpr int fields = Equation::kFields;
  const auto end = [&](long begin) { return begin + l.interval < l.steps ? begin + l.interval : l.steps; };
  const auto kept = [&](long begin) { return l.kept + begin / l.interval * fields * l.grid.grid; };
  clear(l.grid, fields, l.adjoint);
  long begin = 0;
  for (; end(begin) < l.steps; begin += l.interval) {
    copy(l.grid, fields, l.fields, kept(begin));
    march<Equation, false>(l, begin, end(begin));
  }
  march<Equation, true>(l, begin, l.steps);  // the last interval is marched once
  march_back<Equation>(l, begin, l.steps);
  while ((begin -= l.interval) >= 0) {
    copy(l.grid, fields, kept(begin), l.fields);
    march<Equation, true>(l, begin, end(begin));
    march_back<Equation>(l, begin, end(begin));
  }
}

template <class Equation>
void run_shot(const Loop& l) {
  clear(l.grid, Equation::kFields, l.fields);
#pragma omp single
  for (long r = 0; r < l.receivers; ++r) l.records[r * l.steps] = 0;
  if (l.gradient)
    gradient<Equation>(l);
  else
    march<Equation, false>(l, 0, l.steps);
}

// All shots: one after the other by all threads, or, with `teams`, so many at a time by a thread each: shot i
// by thread i % teams.
template <class Equation>
bool run(const Loop* loops, long shots, int teams) {
  const auto march_all = [=](long first) {
    for (long i = first; i < shots; i += teams) run_shot<Equation>(loops[i]);
  };
  if (teams == 1) {
#pragma omp parallel
    march_all(0);
    return true;
  }
  // Not OpenMP's: in a nested team of one thread each barrier would be a call of the system.
  std::vector<std::thread> threads;
  for (int i = 0; i < teams; ++i) threads.emplace_back(march_all, i);
  for (std::thread& thread : threads) thread.join();
  return true;
}
