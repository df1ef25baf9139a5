#include "engine/history.hpp"

#include <algorithm>

namespace dualwave {
namespace {

Box box_of(const Window& w) {
  Box box{};
  for (int axis = 0; axis < 3; ++axis) {
    box.first[axis] = static_cast<int>(w.first[axis]);
    box.last[axis] = static_cast<int>(axis == 2 ? w.first[2] + w.cells : w.last[axis]);
  }
  return box;
}

bool reads_along(const StageInfo& stage, int field, int axis) {
  return std::any_of(stage.pieces.begin(), stage.pieces.end(),
                     [&](const Piece& p) { return p.op != Op::value && p.field == field && p.axis == axis; });
}

// The cells beside the interior at one end of an axis, as far as a stencil reaches. Beyond a face without a
// PML are none that change, but images.
Box beside(const Geometry& g, const Box& interior, int axis, bool high) {
  Box box = interior;
  const int reach = g.pml[axis][high] > 0 ? g.halo : 0;
  box.first[axis] = high ? interior.last[axis] : interior.first[axis] - reach;
  box.last[axis] = box.first[axis] + reach;
  return box;
}

bool is_target(const StageInfo& stage, int field) {
  return std::any_of(stage.terms.begin(), stage.terms.end(),
                     [&](const Term& t) { return t.target == field; });
}

// What coefficients multiply is added to the targets, and has no part of them.
bool adds(const StageInfo& stage) {
  return std::all_of(stage.terms.begin(), stage.terms.end(),
                     [](const Term& t) { return t.coefficient != kOne; }) &&
         std::none_of(stage.pieces.begin(), stage.pieces.end(),
                      [&](const Piece& p) { return is_target(stage, p.field); });
}

// Every target is replaced by -1 times its old value, and by what has no part of any target.
bool leaps(const StageInfo& stage) {
  for (const Term& term : stage.terms) {
    double of_old = 0;
    for (const Term& t : stage.terms)
      for (const Piece& p : stage.pieces) {
        if (p.quantity != t.quantity || p.field != term.target) continue;
        if (p.op != Op::value || t.coefficient != kOne || t.target != term.target) return false;
        of_old += t.scale * p.scale;
      }
    if (of_old != -1) return false;
  }
  return true;
}

}  // namespace

History::History(const Description& d, const EquationInfo& equation, const Geometry& g, const Window& w)
    : window(w),
      state(packed_state_size(equation, g, Packed::kept)),
      quantities(equation.histories()),
      samples(d.samples_before(d.steps)),
      steps(d.steps),
      rebuilt(d.boundary),
      sample_size(quantities * w.size) {
  if (d.packing != Packing::none && !rebuilt)
    sample_size = quantities * w.rows() * packed_row_bytes(d.packing, w.cells, d.bits) / (d.bits / 8);
  if (!rebuilt) return;
  const Boxes all = dualwave::frame(g);
  const Box inside = interior(g), wanted = box_of(w);
  sample_size = 0;
  for (int b = 0; b < all.count; ++b) {
    frame.add(all.box[b] & wanted);
    sample_size += quantities * (all.box[b] & wanted).cells();
  }
  for (int s = 0; !inside.empty() && s < static_cast<int>(equation.stages.size()); ++s)
    for (int field = 0; field < equation.fields; ++field)
      for (int axis = 3 - g.dim; axis < 3; ++axis)
        for (int high = 0; high < 2; ++high) {
          const Box box = beside(g, inside, axis, high);
          if (box.empty() || !reads_along(equation.stages[s], field, axis - (3 - g.dim))) continue;
          strips.push_back({s, field, box, step_size});
          step_size += box.cells();
        }
  last_fields = equation.fields * g.grid;
}

std::vector<Part> History::frame_parts(Index sample) const {
  std::vector<Part> parts;
  Index at = kept(sample);
  for (int h = 0; h < quantities; ++h)
    for (int b = 0; b < frame.count; ++b) {
      const Index plane = (window.last[1] - window.first[1]) * window.stride;
      parts.push_back(
          part_of(frame.box[b], {h * window.size + window.offset(0, 0), {plane, window.stride}}, at));
      at += parts.back().cells();
    }
  return parts;
}

Part History::strip_part(const Strip& strip, const Geometry& g, const int* slot, Index step) const {
  return part_of(strip.box, {slot[strip.field] * g.grid + g.origin, {g.stride[0], g.stride[1]}},
                 strips_at(step) + strip.at);
}

bool is_reversible(const EquationInfo& equation) {
  return std::all_of(equation.stages.begin(), equation.stages.end(),
                     [](const StageInfo& stage) { return stage.accumulate ? adds(stage) : leaps(stage); });
}

}  // namespace dualwave
