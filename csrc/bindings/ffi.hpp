#pragma once

namespace dualwave {

void* ffi_handler();  // XLA's handler for the CPU, as a function pointer

}  // namespace dualwave
