// Python's arrays as the core's operands.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <system_error>

#include "bindings/operands.hpp"

namespace dualwave {

namespace nb = nanobind;

using Ints = std::vector<std::int64_t>;

inline Description describe_call(const Ints& ints, const std::vector<double>& spacing = {1, 1, 1}) {
  return read_description(ints.data(), ints.size(), spacing.data(), spacing.size());
}

// Runs f; an error of the system becomes the OSError of its number.
template <class F>
void with_os_errors(F&& f) {
  try {
    f();
  } catch (const std::system_error& error) {
    const nb::object arguments = nb::make_tuple(error.code().value(), error.what());
    PyErr_SetObject(PyExc_OSError, arguments.ptr());
    throw nb::python_error();
  }
}

// An array of another layout, type or device is refused, not converted: the copy would be what is read, or
// written to.
template <class AnyArray>
Array read_array(nb::handle object, bool integer, int bits) {
  AnyArray array;
  if (!nb::try_cast(object, array, false))
    throw nb::type_error("operands: every array must be C-contiguous and on the module's device");
  const nb::dlpack::dtype expected = integer      ? nb::dtype<std::int32_t>()
                                     : bits == 32 ? nb::dtype<float>()
                                                  : nb::dtype<double>();
  if (array.dtype() != expected) throw nb::type_error("operands: an array's dtype does not fit its slot");
  return {non_null(array.data()), static_cast<std::int64_t>(array.size())};
}

template <class Device>
Operands read_operands(const Description& d, nb::list inputs, std::int64_t present, nb::list outputs,
                       std::int64_t wanted) {
  Operands operands;
  std::size_t next = 0;
  read_slots(present, input::count, operands.in, [&](int slot) {
    if (next >= inputs.size()) throw std::invalid_argument("operands: fewer arrays than slots");
    return read_array<nb::ndarray<nb::ro, nb::c_contig, Device>>(inputs[next++], is_integer_slot(slot),
                                                                 d.bits);
  });
  next = 0;
  read_slots(wanted, output::count, operands.out, [&](int) {
    if (next >= outputs.size()) throw std::invalid_argument("outputs: fewer arrays than slots");
    return read_array<nb::ndarray<nb::c_contig, Device>>(outputs[next++], false, d.bits);
  });
  return operands;
}

}  // namespace dualwave
