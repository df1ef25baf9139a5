// What a kernel is given: the layout shared by a whole call, and the blocks of one shot at one time step.
#pragma once
#include "engine/boxes.hpp"
#include "engine/window.hpp"
#include "kernels/stencil.hpp"

namespace dualwave {

constexpr int kMaxFields = 16;
constexpr int kMaxMemories = 24;  // pieces with C-PML memory
constexpr int kLevels = 4;
constexpr Index kRowsAtATime = 8;  // few enough to be in the cache when the PML's turn comes

// The weight of t, k cells from cell i, in D2 ((1 + b) t) - D1 (db t), see second_pml_gather.
template <class T>
DW_EITHER T weight_around(const Weights<T>& w, const T* b, const T* db, Index i, int k) {
  const T of_second = w.second[k < 0 ? -k : k] * (1 + b[i + k]);
  if (k == 0) return of_second;
  return k > 0 ? of_second - w.first[k - 1] * db[i + k] : of_second + w.first[-k - 1] * db[i + k];
}

// Where that weight is among those of an axis, along x or not: what loops read together lies side by side.
DW_EITHER constexpr Index around_at(int reach, bool inner, Index i, int k) {
  const Index side = inner ? kLanes : 1;
  return i / side * side * (2 * reach + 1) + (reach + k) * side + i % side;
}

// One axis' C-PML profiles, with a halo of zeros; index 0 is cell 0. See core/pml.py for the formulas.
template <class T>
struct Profile {
  const T* a;
  const T* b;
  const T* db;
  const T* a_half;
  const T* b_half;
  const T* around;  // weight_around, see around_at
  // Those that a derivative sees, at the nodes it lands on.
  struct Seen {
    const T *a, *b, *db;
  };
  DW_EITHER Seen at_nodes(bool half) const { return {half ? a_half : a, half ? b_half : b, db}; }
  template <Op op>
  DW_EITHER Seen seen() const {
    return at_nodes(op == Op::forward);
  }
};

// The cotangent of PML memory as a multiple of what an adjoint block has of it, see pml_multiply: of psi, or
// of zeta and m. a and b are nowhere zero where a layer is.
template <class T>
DW_EITHER T cotangent_of_memory(T a, T b, bool is_psi) {
  if (a * b == 0) return 0;
  return is_psi ? 1 / (a * b) : a / b;
}

template <class T>
struct Layout {
  Geometry geometry;
  Window window;  // of the histories and gradients
  Box interior;   // empty where the PML reaches everywhere
  Weights<T> weights[3];
  Profile<T> profile[3];
  Index memory[kMaxMemories];  // offset of a piece's memory in the state block; its buffers follow each other
  int first_memory[kMaxFields];  // by stage: number of its first piece with memory
  Index state_size;              // elements of a state block: fields, then memory
  Index scratch_size;
};

// Blocks by level. Fields exchange names by `slot`: the grid of field f is state[level] + slot[f] * grid.
template <class T>
struct View {
  T* state[kLevels];
  const T* coefficient[kLevels];    // haloed grids, one a coefficient; a zero row with step 0 where the level
                                    // has none
  Index coefficient_step[kLevels];  // 1, or 0 for the zero row
  T* history[kLevels];              // this stage's quantities at this step
  T* adjoint[kLevels];
  T* scratch[kLevels];
  T* gradient[kLevels];  // null where not wanted
  int slot[kMaxFields];
  int parity;  // which copy of psi is old
  T* staging;  // a block for kRowsAtATime rows of a stage's quantities, which go from there to the history
               // past the caches; null: none
};

// Elements of one quantity in the staging block.
DW_EITHER inline Index staged_quantity(const Window& w) { return kRowsAtATime * w.stride + kAlign; }

template <class T>
using RowKernel = void (*)(const Layout<T>&, const View<T>&, Index row_begin, Index row_end);

constexpr int kMaxStages = 4;

// What a backend has for each stage, by log2 of the levels.
template <class Function>
struct Operations {
  Function forward[kMaxStages][3];
  Function forward_saving[kMaxStages][2];
  Function retreat[kMaxStages][2];  // forward_saving, or without a history forward, in the interior alone
  Function adjoint_multiply[kMaxStages][2];
  Function adjoint_gather[kMaxStages][2];
  Function scaled_multiply[kMaxStages];  // of one level, see Scaling; null where that is not possible
  Function scaled_gather[kMaxStages];
};

template <class T>
using Kernels = Operations<RowKernel<T>>;

}  // namespace dualwave
