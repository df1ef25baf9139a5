// Shares the shots of a call among the threads of the team.
#include "engine/run.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "cpu/shot.hpp"
#include "engine/interrupt.hpp"
#include "engine/registry.hpp"

namespace dualwave {
namespace {

// Below this many cells a step is shorter than a crossing of the barrier is worth.
constexpr Index kSharedShotCells = 8192;
// Above this much memory in a step of all threads' shots they do not fit a cache together, and one at a time
// does better; it also takes the memory of one shot.
constexpr Index kSeparateShotBytes = Index{16} << 20;

// How many threads, and how many of the shots are marched by one thread each; the rest are shared by all
// threads in turn.
struct Division {
  int members;
  Index separate;
  Index at_once() const { return separate ? members : 1; }                    // shots, each with memory
  int sharing(Index shots) const { return separate == shots ? 1 : members; }  // the most threads of a shot
};

template <class T>
Division divide(const Description& d, const Layout<T>& layout, Map map) {
  const int levels = levels_of(map);
  const Index threads = num_threads();
  if (d.cells() * levels < kSharedShotCells)
    return {static_cast<int>(std::max<Index>(1, std::min(threads, d.shots))), d.shots};
  const Index touched = layout.state_size + (is_reverse(map) ? layout.state_size + layout.scratch_size : 0);
  if (threads * touched * levels * (d.bits / 8) > kSeparateShotBytes) return {static_cast<int>(threads), 0};
  return {static_cast<int>(threads), d.shots / threads * threads};
}

template <class T>
Wavefronts wavefronts(const Problem<T>& call, int members, int shots_at_once) {
  const Layout<T>& l = call.layout;
  const int stages = static_cast<int>(call.equation.stages.size());
  const bool rebuilds = call.schedule.rebuilds;
  const Touched touched(call.equation, l, {call.wants_gradient(kCoefficients), rebuilds, call.scaled});
  const Index bytes = call.levels * sizeof(T);
  const Index most = most_steps(call.description, l.state_size);
  const auto make = [&](Index size, int events) {
    return make_wavefront({l.geometry, size * bytes, events, most}, members, shots_at_once);
  };
  return {make(touched.ahead, stages),
          make(touched.back, (rebuilds ? 4 : 2) * stages + call.schedule.residuals_apart)};
}

template <class T>
void clear_gradients(const Call<T>& call) {
  for (int l = 0; l < call.levels; ++l)
    for (int o = 0; o < kOperands; ++o)
      if (T* out = call.level[l].gradient[o]) std::fill_n(out, call.gradient_size(o), T(0));
}

template <class T>
void run_typed(const Description& d, Map map, const Operands& operands) {
  Problem<T> problem(d, map, operands);
  clear_gradients(problem);
  if (d.shots == 0) return;
  const Division division = divide(d, problem.layout, map);
  // Allocated here, where failing is simple; first touched by the threads that use them.
  std::vector<std::unique_ptr<ShotMemory<T>>> memory;
  const Wavefronts alone = wavefronts<T>(problem, 1, division.members),
                   together = wavefronts<T>(problem, division.members, 1);
  for (Index m = 0; m < division.at_once(); ++m)
    memory.push_back(std::make_unique<ShotMemory<T>>(problem, division.sharing(d.shots)));
  Barrier barrier(division.members);
  Turns turns;
  const bool wants_models = problem.wants_gradient(kCoefficients);

  run_team(division.members, [&](int m) {
    for (Index s; (s = turns.take()) < division.separate;) {
      Shot<T> shot(problem, *memory[m], alone, {0, 1, nullptr}, s);
      if (!shot.run()) turns.stop();
      if (wants_models) turns.wait(s);
      if (turns.stopped()) break;
      if (wants_models) shot.add_coefficient_gradients();
      turns.pass();
    }
    if (division.separate == d.shots) return;
    if (!barrier.wait()) turns.stop();
    for (Index s = division.separate; s < d.shots && !turns.stopped(); ++s) {
      Shot<T> shot(problem, *memory[0], together, {m, division.members, &barrier}, s);
      if (!shot.run()) turns.stop();
      if (m == 0 && wants_models && !turns.stopped()) shot.add_coefficient_gradients();
      if (!barrier.wait()) turns.stop();
    }
  });
  problem.failure.rethrow();
  if (turns.stopped()) throw Interrupted();
}

}  // namespace

void run(const Description& d, Map map, const Operands& operands) {
  InterruptScope scope;
  // Before and after all that has memory of the workspace, however the run ends.
  const struct Release {
    bool all;
    explicit Release(bool lean) : all(lean) { free(); }
    ~Release() { free(); }
    void free() const {
      if (all) release_memory();
    }
  } release(d.lean);
  if (d.bits == 32)
    run_typed<float>(d, map, operands);
  else
    run_typed<double>(d, map, operands);
}

Index state_size(const Description& d) {
  const EquationInfo& equation = equation_info(d.equation, d.dim);
  return packed_state_size(equation, make_layout<float>(d, equation).geometry, Packed::callers);
}

ResidualShape residual_shape(const Description& d) {
  const EquationInfo& equation = equation_info(d.equation, d.dim);
  const Layout<float> l = make_layout<float>(d, equation);
  return residual_shape(d, History(d, equation, l.geometry, l.window));
}

Index stored_bytes(const Description& d, bool device) {
  if (!d.elsewhere()) return 0;
  const EquationInfo& equation = equation_info(d.equation, d.dim);
  const Layout<float> l = make_layout<float>(d, equation);
  const Division division = divide(d, l, Map::adjoint);
  const Index at_once = device ? d.shots : division.at_once();
  return at_once * History(d, equation, l.geometry, l.window).fields_at() * (d.bits / 8);
}

Index workspace_bytes(const Description& d, Map map, bool device) {
  const EquationInfo& equation = equation_info(d.equation, d.dim);
  const Layout<float> l = make_layout<float>(d, equation);
  Needs needs;
  const Division division = divide(d, l, map);
  needs.levels = levels_of(map);
  if (!device) needs.members = division.sharing(d.shots);
  needs.reverse = is_reverse(map);
  needs.residual = map == Map::adjoint && d.place == Place::caller;
  const History history(d, equation, l.geometry, l.window);
  ShotSizes size = shot_sizes(d, equation, l, history, needs);
  const bool packed = d.packing != Packing::none, elsewhere = d.elsewhere();
  if (elsewhere) size.packed = 0;
  // On the way to a file a quantity is packed apart. A device takes one step at a time, and packs all of it
  // apart.
  Index apart = elsewhere && !device ? history.kept(1) / equation.histories() : 0;
  if (device && needs.reverse && packed) {
    size.history = history.plain(1);
    if (elsewhere) size.packed = history.kept(1);
  }
  const Index shot = size.total(needs.levels) + apart;
  const bool reversed = d.boundary && needs.reverse && equation.adds();
  const Index models = equation.coefficients * l.geometry.grid * (1 + reversed);
  const Index at_once = device ? d.shots : division.at_once();
  // A node of each tap, and on a CPU its place in the order of rows.
  const Index taps = d.shots * (d.sources * d.source_taps + d.receivers * d.receiver_taps);
  const Index nodes = taps * static_cast<Index>(sizeof(Node) + (device ? 0 : sizeof(Index)));
  return (needs.levels * models + shot * at_once) * (d.bits / 8) + nodes;
}

}  // namespace dualwave
