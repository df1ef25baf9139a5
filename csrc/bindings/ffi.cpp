// The maps as one XLA FFI handler: operands and results are the present slots, in order (core/maps.py).
#include "bindings/ffi.hpp"

#include "bindings/ffi_operands.hpp"

namespace dualwave {
namespace {

ffi::Error handle(std::int64_t map, ffi::Span<const std::int64_t> description,
                  ffi::Span<const double> spacing, std::int64_t present, std::int64_t wanted,
                  ffi::RemainingArgs args, ffi::RemainingRets rets) noexcept {
  return guarded({map, description, spacing, present, wanted}, args, rets,
                 [](const Description& d, Map m, const Operands& o) { run(d, m, o); });
}

XLA_FFI_DEFINE_HANDLER(handler, handle,
                       ffi::Ffi::Bind()
                           .Attr<std::int64_t>("map")
                           .Attr<ffi::Span<const std::int64_t>>("description")
                           .Attr<ffi::Span<const double>>("spacing")
                           .Attr<std::int64_t>("present")
                           .Attr<std::int64_t>("wanted")
                           .RemainingArgs()
                           .RemainingRets());

}  // namespace

void* ffi_handler() { return reinterpret_cast<void*>(handler); }

}  // namespace dualwave
