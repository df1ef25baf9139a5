// The XLA FFI handler of the device backend: as bindings/ffi.cpp, on XLA's stream.
#include "bindings/ffi.hpp"
#include "bindings/ffi_operands.hpp"
#include "cuda/run.hpp"

namespace dualwave {
namespace {

ffi::Error handle(void* stream, std::int32_t device, ffi::ScratchAllocator scratch, std::int64_t map,
                  ffi::Span<const std::int64_t> description, ffi::Span<const double> spacing,
                  std::int64_t present, std::int64_t wanted, ffi::RemainingArgs args,
                  ffi::RemainingRets rets) noexcept {
  const auto allocate = [&](std::size_t bytes) {
    const std::optional<void*> memory = scratch.Allocate(bytes);
    if (!memory) throw std::bad_alloc();
    return *memory;
  };
  return guarded({map, description, spacing, present, wanted}, args, rets,
                 [&](const Description& d, Map m, const Operands& o) {
                   run_on_device(d, m, o, {device, stream, allocate});
                 });
}

XLA_FFI_DEFINE_HANDLER(handler, handle,
                       ffi::Ffi::Bind()
                           .Ctx<ffi::PlatformStream<void*>>()
                           .Ctx<ffi::DeviceOrdinal>()
                           .Ctx<ffi::ScratchAllocator>()
                           .Attr<std::int64_t>("map")
                           .Attr<ffi::Span<const std::int64_t>>("description")
                           .Attr<ffi::Span<const double>>("spacing")
                           .Attr<std::int64_t>("present")
                           .Attr<std::int64_t>("wanted")
                           .RemainingArgs()
                           .RemainingRets());

}  // namespace

void* device_ffi_handler() { return reinterpret_cast<void*>(handler); }

}  // namespace dualwave
