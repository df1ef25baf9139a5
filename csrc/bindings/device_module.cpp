// dualwave._cuda, and its emulation dualwave._emulated: the device backend for Python.
#include "bindings/ffi.hpp"
#include "bindings/python_operands.hpp"
#include "cuda/run.hpp"

#include <nanobind/stl/tuple.h>

namespace dualwave {
namespace {

#if defined(DUALWAVE_EMULATE_DEVICE)
using Device = nb::device::cpu;
#else
using Device = nb::device::cuda;
#endif

void run_from_python(std::int64_t map, const Ints& ints, const std::vector<double>& spacing, nb::list inputs,
                     std::int64_t present, nb::list outputs, std::int64_t wanted,
                     std::tuple<int, std::uintptr_t, nb::callable> where) {
  const Description d = describe_call(ints, spacing);
  const Operands operands = read_operands<Device>(d, inputs, present, outputs, wanted);
  const auto& [device, stream, give] = where;
  const auto allocate = [&give = give](std::size_t bytes) {
    nb::gil_scoped_acquire acquire;
    return reinterpret_cast<void*>(nb::cast<std::uintptr_t>(give(bytes)));
  };
  with_os_errors([&, device = device, stream = stream] {
    nb::gil_scoped_release release;
    run_on_device(d, read_map(map), operands, {device, reinterpret_cast<void*>(stream), allocate});
  });
}

}  // namespace
}  // namespace dualwave

NB_MODULE(DUALWAVE_MODULE, m) {
  using namespace dualwave;
  m.doc() = "The device backend of dualwave. Internal: use dualwave.torch or dualwave.jax.";
  m.def("run", &run_from_python, nb::arg("map"), nb::arg("description"), nb::arg("spacing"),
        nb::arg("inputs"), nb::arg("present"), nb::arg("outputs"), nb::arg("wanted"), nb::arg("where"),
        "As _C.run, for arrays of a device; `where` is (device number, stream, function of a size in bytes "
        "that "
        "gives the address of as many there). Returns without waiting.");
  m.def(
      "ffi_handler", [] { return nb::capsule(device_ffi_handler()); },
      "XLA FFI handler for the device, as a capsule.");
}
