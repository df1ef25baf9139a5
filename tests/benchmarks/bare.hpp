// What the bare loops share: the cells of a grid, which begin at its first one, among zeros.
#pragma once

struct Cells {
  long planes, rows, cells;
  long plane, row, grid;  // from one to the next, in elements
};

// Calls update(first cell, cell of the row) of all cells, by all threads of the team.
template <class Update>
inline void for_cells(const Cells& c, Update update) {
#pragma omp for collapse(2) schedule(static)
  for (long z = 0; z < c.planes; ++z)
    for (long y = 0; y < c.rows; ++y) {
      const long first = z * c.plane + y * c.row;
#pragma omp simd
      for (long x = 0; x < c.cells; ++x) update(first, x);
    }
}
