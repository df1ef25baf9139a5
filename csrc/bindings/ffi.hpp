#pragma once

namespace dualwave {

// XLA's handlers, as function pointers: of the CPU, and of the device backend in its own module.
void* ffi_handler();
void* device_ffi_handler();

}  // namespace dualwave
