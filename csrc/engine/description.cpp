#include "engine/description.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "engine/history.hpp"
#include "engine/registry.hpp"

namespace dualwave {
namespace {

void require(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(std::string("description: ") + what);
}

// A segment keeps the equation's quantities at each sampled step, a checkpoint a state; their sum is least
// where both take as much.
Index default_interval(const Description& d, const EquationInfo& equation) {
  const Geometry g = make_geometry(d.dim, d.order / 2, equation.slab_reach(d.order / 2), d.n, d.pml, d.face);
  const Window w = make_window(g, d.window_first, d.window_last);
  const double ratio = static_cast<double>(packed_state_size(equation, g, Packed::kept)) /
                       std::max<Index>(1, equation.histories() * w.size);
  return std::max<Index>(1, std::lround(std::sqrt(ratio * static_cast<double>(d.steps * d.sampling))));
}

}  // namespace

Description read_description(const std::int64_t* ints, std::int64_t count, const double* spacing,
                             std::int64_t spacings) {
  require(count >= kDescriptionInts && spacings == 3, "it must have 41 integers or more, and 3 spacings");
  Description d;
  d.equation = static_cast<int>(ints[0]);
  d.dim = static_cast<int>(ints[1]);
  d.order = static_cast<int>(ints[2]);
  d.steps = ints[3];
  d.shots = ints[4];
  d.sources = ints[5];
  d.receivers = ints[6];
  d.source_taps = ints[7];
  d.receiver_taps = ints[8];
  d.interval = ints[9];
  d.gradients = ints[10];
  d.bits = static_cast<int>(ints[11]);
  require(d.dim >= 1 && d.dim <= 3, "ndim must be 1, 2 or 3");
  require(d.order == 2 || d.order == 4 || d.order == 6 || d.order == 8, "accuracy must be 2, 4, 6 or 8");
  d.history_steps = ints[27];
  d.inner_states = ints[28];
  d.sampling = ints[29];
  d.full = ints[30] != 0;
  require(ints[31] >= 0 && ints[31] < kPackings, "there is no such packing of a history");
  d.packing = static_cast<Packing>(ints[31]);
  require(ints[32] >= 0 && ints[32] < kPlaces, "there is no such place for a history");
  d.place = static_cast<Place>(ints[32]);
  d.folder.assign(ints + kDescriptionInts, ints + count);
  require(d.full || (d.packing == Packing::none && d.place == Place::caller),
          "only a full history is packed or moved");
  if (d.elsewhere() && d.packing == Packing::none) d.packing = Packing::exact;
  d.boundary = ints[39] != 0;
  d.lean = ints[40] != 0;
  require(!d.boundary || (d.full && d.packing == Packing::none && !d.elsewhere()),
          "only a full history in the fields' own type, and with the other arrays, is rebuilt");
  if (d.boundary) d.packing = Packing::exact;
  require(d.bits == 32 || d.bits == 64, "the dtype must be float32 or float64");
  require(d.steps >= 0 && d.shots >= 0 && d.sources >= 0 && d.receivers >= 0, "counts must not be negative");
  require(d.source_taps >= 0 && d.receiver_taps >= 0 && d.gradients >= 0, "counts must not be negative");
  require(d.interval >= 0, "checkpoint_interval must not be negative");
  require(d.sampling >= 1, "the sampling interval of a gradient must be 1 or more");
  require(d.history_steps >= 0 && d.inner_states >= 0, "counts must not be negative");
  require(!d.full || (d.interval == 0 && d.history_steps == 0 && d.inner_states == 0),
          "a full history goes without kept states");
  for (int axis = 0; axis < 3; ++axis) {
    d.n[axis] = ints[12 + axis];
    require(d.n[axis] >= 1, "every axis must have a cell");
    require(axis >= 3 - d.dim || d.n[axis] == 1, "axes that the equation lacks must have one cell");
    for (int side = 0; side < 2; ++side) {
      d.pml[axis][side] = static_cast<int>(ints[15 + 2 * axis + side]);
      require(d.pml[axis][side] >= 0, "pml_width must not be negative");
      const std::int64_t face = ints[21 + 2 * axis + side];
      require(face >= 0 && face < kFaces, "a boundary must be pml, free or rigid");
      d.face[axis][side] = static_cast<Face>(face);
      require(d.face[axis][side] == Face::open || d.pml[axis][side] == 0, "a mirrored face has no PML");
    }
    // Images must be inside the grid, and out of reach of the PML of the other face.
    for (int side = 0; side < 2; ++side)
      require(d.face[axis][side] == Face::open || d.n[axis] - d.pml[axis][1 - side] >=
                                                      (d.pml[axis][1 - side] > 0 ? d.order : d.order / 2 + 1),
              "too few cells at a mirrored face");
    require(d.pml[axis][0] + d.pml[axis][1] <= d.n[axis], "the PML must fit the grid");
    d.window_first[axis] = ints[33 + axis];
    d.window_last[axis] = ints[36 + axis];
    require(0 <= d.window_first[axis] && d.window_first[axis] < d.window_last[axis] &&
                d.window_last[axis] <= d.n[axis],
            "the cells that have a gradient must be cells of the grid");
    d.spacing[axis] = spacing[axis];
    require(spacing[axis] > 0, "grid_spacing must be positive");
  }
  require(!d.boundary || is_reversible(equation_info(d.equation, d.dim)),
          "the equation loses energy inside the grid: its fields cannot be rebuilt from the boundary");
  if (d.full) d.interval = std::max<Index>(1, d.steps);
  if (d.interval == 0) d.interval = default_interval(d, equation_info(d.equation, d.dim));
  if (d.history_steps == 0) d.history_steps = d.interval;
  d.history_steps = std::min({d.history_steps, d.interval, d.steps});
  return d;
}

}  // namespace dualwave
