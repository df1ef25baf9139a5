// dualwave._C: the core for Python.
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include <memory>

#include "bindings/ffi.hpp"
#include "bindings/python_operands.hpp"
#include "cpu/allowance.hpp"
#include "cpu/pool.hpp"
#include "cpu/team.hpp"
#include "engine/interrupt.hpp"
#include "engine/registry.hpp"

namespace dualwave {
namespace {

void run_from_python(std::int64_t map, const Ints& ints, const std::vector<double>& spacing, nb::list inputs,
                     std::int64_t present, nb::list outputs, std::int64_t wanted) {
  const Description d = describe_call(ints, spacing);
  const Operands operands = read_operands<nb::device::cpu>(d, inputs, present, outputs, wanted);
  try {
    with_os_errors([&] {
      nb::gil_scoped_release release;
      run(d, read_map(map), operands);
    });
  } catch (const Interrupted&) {
    if (PyErr_CheckSignals() == 0)
      PyErr_SetNone(PyExc_KeyboardInterrupt);  // another thread's run may have taken the signal
    throw nb::python_error();
  }
}

// Any content. The memory waits for the next call once nothing refers to the array.
nb::ndarray<nb::numpy, std::uint8_t, nb::ndim<1>> lend(std::size_t bytes) {
  auto block = std::make_unique<Block>(bytes);
  const nb::capsule owner(block.get(), [](void* p) noexcept { delete static_cast<Block*>(p); });
  return {block.release()->data(), {bytes}, owner};
}

}  // namespace
}  // namespace dualwave

NB_MODULE(_C, m) {
  using namespace dualwave;
  m.doc() = "The compiled core of dualwave. Internal: use dualwave.torch or dualwave.jax.";
  m.def("run", &run_from_python, nb::arg("map"), nb::arg("description"), nb::arg("spacing"),
        nb::arg("inputs"), nb::arg("present"), nb::arg("outputs"), nb::arg("wanted"),
        "Run a map; the arrays are the present slots, in the order of dualwave.maps.");
  m.def("equations", &equation_names, "Names of the compiled equations, by number.");
  m.def(
      "state_size", [](const Ints& d) { return state_size(describe_call(d)); }, nb::arg("description"),
      "Elements of one shot's packed state.");
  m.def(
      "residual_shape",
      [](const Ints& d) {
        const ResidualShape shape = residual_shape(describe_call(d));
        return std::pair(shape.count, shape.elements);
      },
      nb::arg("description"), "(count, elements) of what forward leaves of one shot for its adjoint.");
  m.def(
      "workspace_bytes",
      [](std::int64_t map, const Ints& d, bool device) {
        return workspace_bytes(describe_call(d), read_map(map), device);
      },
      nb::arg("map"), nb::arg("description"), nb::arg("device"),
      "Bytes that a call of the map allocates for itself.");
  m.def(
      "stored_bytes", [](const Ints& d, bool device) { return stored_bytes(describe_call(d), device); },
      nb::arg("description"), nb::arg("device"),
      "Bytes of the histories, at a time, that are neither the caller's nor on the device.");
  m.def(
      "storage",
      [](const Ints& ints) {
        const Description d = describe_call(ints);
        return std::tuple(d.interval, d.history_steps, d.inner_states);
      },
      nb::arg("description"), "Steps between checkpoints, of a history, and states kept in between.");
  m.def("set_num_threads", &set_num_threads, nb::arg("threads"),
        "Threads of the core's team, for both front ends.");
  m.def("get_num_threads", &num_threads, "Threads of the core's team.");
  m.def("lend", &lend, nb::arg("bytes"), "An array in memory of an earlier call, to which it returns.");
  m.def("kept_memory", &kept_memory, "Bytes that wait for the next call.");
  m.def("release_memory", &release_memory, "Gives them back to the system.");
  m.def("allowed_memory", &allowed_memory, nb::arg("groups") = "/proc/self/cgroup",
        nb::arg("mount") = "/sys/fs/cgroup", "Bytes that the process may use.");
  m.def("set_blocking", &set_blocking, nb::arg("cache_bytes"), nb::arg("front_cells"),
        "When and how time steps are blocked; results do not depend on it.");
  m.def("instruction_set", &instruction_set,
        "The instruction set whose kernels run here: generic, avx2 or avx512.");
  m.def(
      "ffi_handler", [] { return nb::capsule(ffi_handler()); }, "XLA FFI handler for the CPU, as a capsule.");
}
