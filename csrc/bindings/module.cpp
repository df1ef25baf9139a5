// dualwave._C: the core for Python.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings/ffi.hpp"
#include "bindings/operands.hpp"
#include "cpu/team.hpp"
#include "engine/interrupt.hpp"
#include "engine/registry.hpp"

namespace nb = nanobind;

namespace dualwave {
namespace {

using Ints = std::vector<std::int64_t>;
using Input = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using Output = nb::ndarray<nb::c_contig, nb::device::cpu>;

Description describe_call(const Ints& ints, const std::vector<double>& spacing = {1, 1, 1}) {
  return read_description(ints.data(), ints.size(), spacing.data(), spacing.size());
}

// noconvert: an array of another layout or type is refused, not copied, for the copy would be what is written to.
template <class AnyArray>
Array read_array(nb::handle object, bool integer, int bits) {
  AnyArray array;
  if (!nb::try_cast(object, array, false)) throw nb::type_error("operands: every array must be C-contiguous and in host memory");
  const nb::dlpack::dtype expected = integer ? nb::dtype<std::int32_t>() : bits == 32 ? nb::dtype<float>() : nb::dtype<double>();
  if (array.dtype() != expected) throw nb::type_error("operands: an array's dtype does not fit its slot");
  return {non_null(array.data()), static_cast<std::int64_t>(array.size())};
}

void run_from_python(std::int64_t map, const Ints& ints, const std::vector<double>& spacing, nb::list inputs, std::int64_t present, nb::list outputs,
                     std::int64_t wanted) {
  const Description d = describe_call(ints, spacing);
  Operands operands;
  std::size_t next = 0;
  read_slots(present, input::count, operands.in, [&](int slot) {
    if (next >= inputs.size()) throw std::invalid_argument("operands: fewer arrays than slots");
    return read_array<Input>(inputs[next++], is_integer_slot(slot), d.bits);
  });
  next = 0;
  read_slots(wanted, output::count, operands.out, [&](int) {
    if (next >= outputs.size()) throw std::invalid_argument("outputs: fewer arrays than slots");
    return read_array<Output>(outputs[next++], false, d.bits);
  });
  try {
    nb::gil_scoped_release release;
    run(d, read_map(map), operands);
  } catch (const Interrupted&) {
    if (PyErr_CheckSignals() == 0) PyErr_SetNone(PyExc_KeyboardInterrupt);  // another thread's run may have taken the signal
    throw nb::python_error();
  }
}

}  // namespace
}  // namespace dualwave

NB_MODULE(_C, m) {
  using namespace dualwave;
  m.doc() = "The compiled core of dualwave. Internal: use dualwave.torch or dualwave.jax.";
  m.def("run", &run_from_python, nb::arg("map"), nb::arg("description"), nb::arg("spacing"), nb::arg("inputs"), nb::arg("present"), nb::arg("outputs"),
        nb::arg("wanted"), "Run a map; the arrays are the present slots, in the order of dualwave.maps.");
  m.def("equations", &equation_names, "Names of the compiled equations, by number.");
  m.def("state_size", [](const Ints& d) { return state_size(describe_call(d)); }, nb::arg("description"), "Elements of one shot's packed state.");
  m.def("checkpoint_shape", [](const Ints& d) { return std::pair(describe_call(d).checkpoints(), checkpoint_size(describe_call(d))); },
        nb::arg("description"), "(count, elements) of the checkpoints of one shot.");
  m.def("workspace_bytes", [](std::int64_t map, const Ints& d) { return workspace_bytes(describe_call(d), read_map(map)); }, nb::arg("map"),
        nb::arg("description"), "Bytes that a call of the map allocates for itself.");
  m.def("set_num_threads", &set_num_threads, nb::arg("threads"), "Threads of the core's team, for both front ends.");
  m.def("get_num_threads", &num_threads, "Threads of the core's team.");
  m.def("instruction_set", &instruction_set, "The instruction set whose kernels run here: generic, avx2 or avx512.");
  m.def("ffi_handler", [] { return nb::capsule(ffi_handler()); }, "XLA FFI handler for the CPU, as a capsule.");
}
