// XLA's buffers as the core's operands, and the core's errors as XLA's.
#pragma once
#include <cstdint>
#include <exception>

#include "bindings/operands.hpp"
#include "engine/interrupt.hpp"
#include "xla/ffi/api/ffi.h"

namespace dualwave {

namespace ffi = xla::ffi;

struct Attributes {
  std::int64_t map;
  ffi::Span<const std::int64_t> description;
  ffi::Span<const double> spacing;
  std::int64_t present;
  std::int64_t wanted;
};

inline void check_type(ffi::DataType type, bool integer, int bits) {
  const ffi::DataType expected = integer      ? ffi::DataType::S32
                                 : bits == 32 ? ffi::DataType::F32
                                              : ffi::DataType::F64;
  if (type != expected) throw std::invalid_argument("operands: an array's dtype does not fit its slot");
}

inline Operands read_operands(const Description& d, const Attributes& a, ffi::RemainingArgs& args,
                              ffi::RemainingRets& rets) {
  Operands operands;
  std::size_t next = 0;
  read_slots(a.present, input::count, operands.in, [&](int slot) -> Array {
    auto buffer = args.get<ffi::AnyBuffer>(next++);
    if (!buffer) throw std::invalid_argument("operands: fewer arrays than slots");
    check_type(buffer->element_type(), is_integer_slot(slot), d.bits);
    return {non_null(buffer->untyped_data()), static_cast<std::int64_t>(buffer->element_count())};
  });
  next = 0;
  read_slots(a.wanted, output::count, operands.out, [&](int) -> Array {
    auto buffer = rets.get<ffi::AnyBuffer>(next++);
    if (!buffer) throw std::invalid_argument("results: fewer arrays than slots");
    check_type((*buffer)->element_type(), false, d.bits);
    return {non_null((*buffer)->untyped_data()), static_cast<std::int64_t>((*buffer)->element_count())};
  });
  return operands;
}

// run(description, map, operands), its exceptions turned into errors that JAX raises.
template <class Run>
ffi::Error guarded(const Attributes& a, ffi::RemainingArgs& args, ffi::RemainingRets& rets,
                   Run&& run) noexcept {
  try {
    const Description d =
        read_description(a.description.begin(), a.description.size(), a.spacing.begin(), a.spacing.size());
    run(d, read_map(a.map), read_operands(d, a, args, rets));
    return ffi::Error::Success();
  } catch (const Interrupted&) {
    return ffi::Error(ffi::ErrorCode::kCancelled, "dualwave: interrupted");
  } catch (const std::invalid_argument& error) {
    return ffi::Error::InvalidArgument(std::string("dualwave: ") + error.what());
  } catch (const std::bad_alloc& error) {
    return ffi::Error(ffi::ErrorCode::kResourceExhausted,
                      std::string("dualwave: not enough memory for the wavefields: ") + error.what());
  } catch (const std::exception& error) {
    return ffi::Error::Internal(std::string("dualwave: ") + error.what());
  }
}

}  // namespace dualwave
