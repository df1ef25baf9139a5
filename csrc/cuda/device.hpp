// What the device backend asks of a device: memory in the order of a stream, and a function called once for
// each index.
//
// Compiled by nvcc it is CUDA. Compiled by a C++ compiler with DUALWAVE_EMULATE_DEVICE it runs the same
// functions one after the other on the host, so that everything but the launches is tested on machines
// without a GPU.
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>

#include "engine/geometry.hpp"

#if defined(__CUDACC__)
#  include <cuda_runtime.h>
#else
#  include <cstdlib>
#  include <cstring>
#  include <new>
#endif

namespace dualwave::device {

#if defined(__CUDACC__)

using Handle = cudaStream_t;

inline void check(cudaError_t error) {
  if (error == cudaErrorMemoryAllocation) throw std::bad_alloc();
  if (error != cudaSuccess) throw std::runtime_error(std::string("CUDA: ") + cudaGetErrorString(error));
}

constexpr int kThreads = 256;

template <class F>
__global__ void __launch_bounds__(kThreads) call_each(Index count, F f) {
  const Index i = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < count) f(i);
}

// Nothing here waits for the device; errors of a launch are raised at once, those of its execution by whoever
// synchronises.
class Stream {
 public:
  explicit Stream(Handle handle) : handle_(handle) {}
  void* allocate(std::size_t bytes) const {
    void* pointer = nullptr;
    check(cudaMallocAsync(&pointer, bytes, handle_));
    check(cudaMemsetAsync(pointer, 0, bytes, handle_));
    return pointer;
  }
  void release(void* pointer) const noexcept { cudaFreeAsync(pointer, handle_); }
  void clear(void* to, std::size_t bytes) const { check(cudaMemsetAsync(to, 0, bytes, handle_)); }
  void copy(void* to, const void* from, std::size_t bytes) const {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, handle_));
  }
  // Both wait for the device.
  void to_host(void* to, const void* from, std::size_t bytes) const {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, handle_));
    check(cudaStreamSynchronize(handle_));
  }
  void from_host(void* to, const void* from, std::size_t bytes) const {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, handle_));
    check(cudaStreamSynchronize(handle_));
  }
  template <class F>
  void for_each(Index count, F f) const {
    if (count == 0) return;
    call_each<<<static_cast<unsigned>((count + kThreads - 1) / kThreads), kThreads, 0, handle_>>>(count, f);
    check(cudaGetLastError());
  }

 private:
  Handle handle_;
};

template <class T>
__device__ inline void add(T* to, T value) {
  atomicAdd(to, value);  // taps of several points may share a node; with more than two the order, and the
                         // last bit, is open
}

#  define DW_DEVICE __device__

#else

using Handle = void*;

class Stream {
 public:
  explicit Stream(Handle) {}
  void* allocate(std::size_t bytes) const {
    void* pointer = std::calloc(bytes ? bytes : 1, 1);
    if (!pointer) throw std::bad_alloc();
    return pointer;
  }
  void release(void* pointer) const noexcept { std::free(pointer); }
  void clear(void* to, std::size_t bytes) const { std::memset(to, 0, bytes); }
  void copy(void* to, const void* from, std::size_t bytes) const { std::memcpy(to, from, bytes); }
  void to_host(void* to, const void* from, std::size_t bytes) const { std::memcpy(to, from, bytes); }
  void from_host(void* to, const void* from, std::size_t bytes) const { std::memcpy(to, from, bytes); }
  template <class F>
  void for_each(Index count, F f) const {
    for (Index i = 0; i < count; ++i) f(i);
  }
};

template <class T>
inline void add(T* to, T value) {
  *to += value;
}

#  define DW_DEVICE

#endif

// Device memory that is given back to the stream's order when it goes out of scope.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Stream& stream, Index size)
      : stream_(&stream),
        data_(static_cast<T*>(stream.allocate(static_cast<std::size_t>(size) * sizeof(T)))) {}
  ~Buffer() { reset(); }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  T* data() const { return data_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  void reset() {
    if (data_) stream_->release(data_);
  }
  void swap(Buffer& other) {
    std::swap(stream_, other.stream_);
    std::swap(data_, other.data_);
  }
  const Stream* stream_ = nullptr;
  T* data_ = nullptr;
};

}  // namespace dualwave::device
