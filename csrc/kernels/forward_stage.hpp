// A stage of the time step over a stretch of a row, on 1, 2 or 4 levels: forward, tangent and second_tangent.
// With `save` quantities are kept too, in the window, which then has the rows.
#pragma once
#include "kernels/interpreted.hpp"

namespace dualwave::DW_TARGET {

template <class Traits, int order, class T, int levels, bool save>
struct ForwardStage {
  // The stage without the PML, over cells [first, last) of `rows` rows, one beside the other along y.
  template <class Interpreted>
  static void apply(const Row<T>& row, Index rows, Index first, Index last, const StageTable&) {
    if constexpr (save) {
      using Plain = ForwardStage<Traits, order, T, levels, false>;
      const Span kept = row.kept(first, last);
      Plain::update_all(row, rows, first, kept.first);
      update_all(row, rows, kept.first, kept.last);
      Plain::update_all(row, rows, kept.last, last);
    } else {
      update_all(row, rows, first, last);
    }
  }

  template <class Interpreted, Along along = Along::all>
  static void absorb(const Row<T>& row, Index first, Index last, const StageTable& table) {
    Interpreted::forward(row, first, last, table, {levels, save, along});
  }

  // Whether absorb_ends does the part of the PML that acts along x: in short slabs at the ends of every row
  // the look-ups of the interpreter cost more than the work.
  static constexpr bool absorbs_ends() {
    bool any = false;
    for (int p = 0; p < Traits::pieces; ++p) any |= along_x(p);
    return any && levels == 1;
  }

  // Over `rows` of them, of which `row` is the first, one beside the other along y.
  template <class Interpreted>
  static void absorb_ends(const Row<T>& row, Index rows, const StageTable&) {
    const Geometry& g = row.layout.geometry;
    for_ends(row, 2, g.slab[2].ahead, 0, g.row_cells(),
             [&](Index first, Index last) { absorb_end(row, rows, first, last); });
  }

 private:
  static constexpr bool along_x(int p) {
    return Traits::piece(p).op != Op::value && Traits::piece(p).axis == Traits::dim - 1;
  }

  // A vector of the processor's: what it needs of the profiles then stays in registers from row to row.
#if defined(__AVX2__)
  static constexpr int vector = 32 / sizeof(T);
#else
  static constexpr int vector = 16 / sizeof(T);
#endif
  static_assert(kLanes % vector == 0);

  // The profiles at one vector of cells, and `a` at their neighbours: arrays that nothing else refers to.
  struct Ends {
    static constexpr int reach = order / 2;
    struct Neighbours {
      const T (&a)[2 * reach + 1][vector];
      int x;
      DW_INLINE T operator[](int distance) const { return a[reach + distance][x]; }
    };
    alignas(64) T a[2 * reach + 1][vector];
    alignas(64) T b[vector], db[vector];
    DW_INLINE Ends(const T* from_a, const T* from_b, const T* from_db) {
      unroll<2 * reach + 1>([&](auto k) DW_FLAT {
        for (int x = 0; x < vector; ++x) a[k][x] = from_a[x + k - reach];
      });
      for (int x = 0; x < vector; ++x) b[x] = from_b[x], db[x] = from_db[x];
    }
  };

  // Cells [first, last), whole vectors, of all rows; row by row for each vector, so that the profiles stay in
  // registers.
  static DW_NOINLINE void absorb_end(const Row<T>& row, Index rows, Index first, Index last) {
    const Geometry& g = row.layout.geometry;
    const Axes stencils(row.layout);
    const Grids at(row, row.view.state, row.view.history);
    const Profile<T> profile = row.layout.profile[2];
    const Index slab = g.slab[2].size;
    const Index old = row.view.parity * slab,
                young = slab - old;  // of the two copies of psi
    T* const memories = row.view.state[0] + row.slab_offset(2, first);
    T* memory[Traits::pieces];
    int number = row.layout.first_memory[Traits::index];
    unroll<Traits::pieces>([&](auto p) DW_FLAT {
      if constexpr (Traits::piece(p).op != Op::value) memory[p] = memories + row.layout.memory[number++];
    });
    [[maybe_unused]] const Window& w = row.layout.window;
    for (Index start = first; start < last; start += vector) {
      const Ends whole(profile.a + start, profile.b + start, profile.db + start),
          halves(profile.a_half + start, profile.b_half + start, profile.db + start);
      // keeps: whether the vector is in the window, as a constant.
      const auto absorb_rows = [&](auto keeps) DW_FLAT {
        for (Index r = 0; r < rows; ++r) {
          const Index cell = r * g.stride[1] + start, in_slab = r * g.slab[2].stride[1] + start;
          const Index in_block = r * Grids::step_of_block(row) + start;
          // So short a stretch of a row does not let the processor foresee the next rows' memory.
          unroll<Traits::pieces>([&](auto p) DW_FLAT {
            constexpr Piece piece = Traits::piece(p);
            if constexpr (along_x(p)) {
              const T* next = memory[p] + in_slab + rows * g.slab[2].stride[1];
              unroll<memory_buffers(piece.op)>([&](auto b) DW_FLAT { __builtin_prefetch(next + b * slab); });
            }
          });
#pragma GCC ivdep
          for (int x = 0; x < vector; ++x)
            unroll<Traits::pieces>([&](auto p) DW_FLAT {
              constexpr Piece piece = Traits::piece(p);
              if constexpr (along_x(p)) {
                const Ends& profiles = piece.op == Op::forward ? halves : whole;
                const PmlCell<T, typename Ends::Neighbours> pml{
                    {profiles.a, x}, profiles.b[x], profiles.db[x]};
                const T* f = at.field[0][piece.field] + cell + x;
                T* m = memory[p] + in_slab + x;
                T value;
                if constexpr (piece.op == Op::second)
                  value =
                      second_pml<order>(f, 1, stencils.weights[2], pml, m + old, m + young, m + 2 * slab, 1);
                else
                  value = staggered_pml(derivative<piece.op, order>(f, 1, stencils.weights[2]), pml, m);
                value *= static_cast<T>(piece.scale);
                if constexpr (keeps && Traits::in_history(piece.quantity))
                  at.block[0][Traits::history_slot(piece.quantity)][in_block + x] += value;
                unroll<Traits::terms>([&](auto t) DW_FLAT {
                  constexpr Term term = Traits::term(t);
                  if constexpr (term.quantity == piece.quantity) {
                    T* target = at.field[0][term.target] + cell + x;
                    constexpr T scale = static_cast<T>(term.scale);
                    if constexpr (term.coefficient == kOne)
                      target[0] = madd(scale, value, target[0]);
                    else
                      target[0] =
                          madd(scale * at.coefficient[0][term.coefficient][cell + x], value, target[0]);
                  }
                });
              }
            });
        }
      };
      if constexpr (save) {
        if (start >= w.first[2] && start < w.last[2])
          absorb_rows(std::true_type{});
        else
          absorb_rows(std::false_type{});
      } else {
        absorb_rows(std::false_type{});
      }
    }
  }

  using Axes = Stencils<Traits::dim, order, T>;
  using Grids = RowGrids<levels, Traits::fields, Traits::coefficients, save ? Traits::histories : 0, T, save>;

  friend struct ForwardStage<Traits, order, T, levels, !save>;

  static DW_INLINE void update_all(const Row<T>& row, Index rows, Index first, Index last) {
    if (first < last) unroll<Traits::parts>([&](auto part) DW_FLAT { update<part>(row, rows, first, last); });
  }

  template <int part>
  static void update(const Row<T>& row, Index rows, Index first, Index last) {
    const Axes stencils(row.layout);
    Grids at(row, row.view.state, row.view.history);
    for (Index r = 0; r < rows; ++r, at.advance(row)) update_row<part>(at, stencils, first, last);
  }

  template <int part>
  static DW_INLINE void update_row(const Grids& at, const Axes& stencils, Index first, Index last) {
#pragma GCC ivdep
    for (Index x = first; x < last; ++x) {
      T g[levels][Traits::quantities];
      unroll<levels>([&](auto level) DW_FLAT {
        unroll<Traits::quantities>([&](auto q) DW_FLAT {
          if constexpr (Traits::part_of_quantity(q) == part) {
            const T value = quantity<Traits, order, level, q>(at, stencils, x, NoLayer{});
            if constexpr (save && Traits::in_history(q)) at.block[level][Traits::history_slot(q)][x] = value;
            g[level][q] = value;
          }
        });
      });
      // All new values are formed before any is stored: a term may read what another one writes.
      T values[levels][Traits::fields];
      unroll<levels>([&](auto level) DW_FLAT {
        unroll<Traits::fields>([&](auto f) DW_FLAT {
          if constexpr (Traits::part_of_target(f) == part)
            values[level][f] = updated<Traits, T, level, f>(at, g, x);
        });
      });
      unroll<levels>([&](auto level) DW_FLAT {
        unroll<Traits::fields>([&](auto f) DW_FLAT {
          if constexpr (Traits::part_of_target(f) == part) at.field[level][f][x] = values[level][f];
        });
      });
    }
  }
};

}  // namespace dualwave::DW_TARGET
