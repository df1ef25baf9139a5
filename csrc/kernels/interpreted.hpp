// The PML by the table of a stage at run time.
//
// Nothing here is made for an equation, so all of them share one copy of each loop, which the CPU compiles
// once for each order and type (cpu/interpreted.cpp.in). The loops over cells are long enough for the
// look-ups not to matter.
#pragma once
#include "kernels/pml_rows.hpp"
#include "table/stage_table.hpp"

namespace dualwave::DW_TARGET {

// to[x] += scale * a[x] * b[x] over [first, last); with a null, scale * b[x].
template <class T>
DW_NOINLINE void add_product(T* __restrict to, T scale, const T* a, const T* b, Index first, Index last) {
  if (a) {
#pragma GCC ivdep
    for (Index x = first; x < last; ++x) to[x] = madd(scale * a[x], b[x], to[x]);
  } else {
#pragma GCC ivdep
    for (Index x = first; x < last; ++x) to[x] = madd(scale, b[x], to[x]);
  }
}

// Cells [first, last) are at most `chunk`.
template <int order, class T, int chunk>
struct Interpreted {
  struct Options {
    int levels;
    int axes;  // the pieces that are meant: those along them
    bool save = false;
    bool scaled = false;  // the transpose is of cotangents times coefficients, see Scaling
  };
  static void forward(const Row<T>& row, Index first, Index last, const StageTable& table,
                      const Options& options);
  static void multiply(const Row<T>& row, Index first, Index last, const StageTable& table,
                       const Options& options);
  static void gather(const Row<T>& row, Index first, Index last, const StageTable& table,
                     const Options& options);

 private:
  // f(piece, stretch) for each part of [first, last) in the slabs of a piece that has memory, or in as much
  // of them as a step ahead reaches.
  template <bool ahead, class F>
  static void for_stretch(const Row<T>& row, Index first, Index last, const StageTable& table,
                          const Options& options, int p, F&& f) {
    const Piece& piece = table.piece[p];
    const int axis = 3 - table.dim + piece.axis;
    if (piece.op == Op::value || !(options.axes >> axis & 1)) return;
    const int memory = row.layout.first_memory[table.stage] + table.memory_of_piece[p];
    const Slab& slab = row.layout.geometry.slab[axis];
    for_ends(row, axis, ahead ? slab.ahead : slab, first, last, [&](Index from, Index to) {
      f(piece,
        PmlStretch<T>{from, to, static_cast<T>(piece.scale), memory, axis, row.slab_offset(axis, from)});
    });
  }

  // f(op, whether the axis is x), as constants.
  template <class F>
  static void with_op(const Piece& piece, int dim, F&& f) {
    const bool inner = piece.axis == dim - 1;
    const auto with = [&](auto op) {
      if (inner)
        f(op, std::true_type{});
      else
        f(op, std::false_type{});
    };
    if (piece.op == Op::second)
      with(std::integral_constant<Op, Op::second>{});
    else if (piece.op == Op::forward)
      with(std::integral_constant<Op, Op::forward>{});
    else
      with(std::integral_constant<Op, Op::backward>{});
  }
};

// What the PML adds to a stage: the memory's part of each derivative, multiplied and added wherever the
// derivative goes.
template <int order, class T, int chunk>
void Interpreted<order, T, chunk>::forward(const Row<T>& row, Index first, Index last,
                                           const StageTable& table, const Options& options) {
  const int levels = options.levels;
  const bool save = options.save;
  for (int p = 0; p < table.pieces; ++p) {
    for_stretch<true>(row, first, last, table, options, p, [&](const Piece& piece, const auto& stretch) {
      // Where a derivative goes to one place alone no row in between is needed.
      const int only = table.only_term_of_piece[p];
      if (levels == 1 && !save && only >= 0 && table.term[only].coefficient != kOne) {
        const Term& term = table.term[only];
        with_op(piece, table.dim, [&](auto op, auto inner) {
          absorb_into<op, order, inner>(row, stretch, row.state(0, piece.field), row.view.state[0],
                                        static_cast<T>(term.scale), row.coefficient(0, term.coefficient),
                                        row.state(0, term.target));
        });
        return;
      }
      T added[kLevels][chunk];
      for (int level = 0; level < levels; ++level) {
        T* to = added[level] - first;
        with_op(piece, table.dim, [&](auto op, auto inner) {
          absorb<op, order, inner>(row, stretch, row.state(level, piece.field), row.view.state[level], to);
        });
        const Span kept = row.kept(stretch.from, stretch.to);
        if (save && table.history_of_piece[p] >= 0)
          add_product<T>(row.in_window(row.view.history[level], table.history_of_piece[p]), 1, nullptr, to,
                         kept.first, kept.last);
      }
      for (int t = 0; t < table.terms; ++t) {
        const Term& term = table.term[t];
        if (term.quantity != piece.quantity) continue;
        const bool one = term.coefficient == kOne;  // it has a value and no other part
        for (int level = 0; level < levels; ++level)
          for (int part = 0; part <= (one ? 0 : level); ++part)
            if ((part & level) == part)
              add_product<T>(row.state(level, term.target), static_cast<T>(term.scale),
                             one ? nullptr : row.coefficient(part, term.coefficient),
                             added[level ^ part] - first, stretch.from, stretch.to);
      }
    });
  }
}

template <int order, class T, int chunk>
void Interpreted<order, T, chunk>::multiply(const Row<T>& row, Index first, Index last,
                                            const StageTable& table, const Options& options) {
  for (int p = 0; p < table.pieces; ++p)
    for_stretch<true>(row, first, last, table, options, p, [&](const Piece& piece, const auto& stretch) {
      for (int level = 0; level < options.levels; ++level)
        with_op(piece, table.dim, [&](auto op, auto inner) {
          multiply_absorbed<op, inner>(row, stretch,
                                       row.grid(row.view.scratch[level], table.scratch_of_piece[p]),
                                       row.view.adjoint[level]);
        });
    });
}

template <int order, class T, int chunk>
void Interpreted<order, T, chunk>::gather(const Row<T>& row, Index first, Index last, const StageTable& table,
                                          const Options& options) {
  for (int p = 0; p < table.pieces; ++p)
    for_stretch<false>(row, first, last, table, options, p, [&](const Piece& piece, const auto& stretch) {
      for (int level = 0; level < options.levels; ++level)
        with_op(piece, table.dim, [&](auto op, auto inner) {
          T* sum = row.adjoint(level, piece.field);
          if (!options.scaled)
            return gather_absorbed<op, order, inner>(
                row, stretch, row.grid(row.view.scratch[level], table.scratch_of_piece[p]),
                row.view.adjoint[level], sum);
          const Term& term = table.term[table.only_term_of_piece[p]];
          PmlStretch<T> of_term = stretch;
          of_term.scale *= static_cast<T>(term.scale);
          gather_absorbed<op, order, inner>(row, of_term, row.adjoint(level, term.target),
                                            row.view.adjoint[level], sum,
                                            row.coefficient(level, table.scaled_by_of_piece[p]));
        });
    });
}

}  // namespace dualwave::DW_TARGET
