// What the device backend asks of a device: copies, and functions called once for each index or cell, in the
// order of a stream.
//
// Compiled by nvcc it is CUDA. Compiled by a C++ compiler with DUALWAVE_EMULATE_DEVICE it runs the same
// functions one after the other on the host, so that everything but the launches is tested on machines
// without a GPU.
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>

#include "cuda/arena.hpp"
#include "cuda/boxes.hpp"

#if defined(__CUDACC__)
#  include <cuda_runtime.h>
#else
#  include <cstring>
#endif

namespace dualwave::device {

#if defined(__CUDACC__)

using Handle = cudaStream_t;

inline void check(cudaError_t error) {
  if (error != cudaSuccess) throw std::runtime_error(std::string("CUDA: ") + cudaGetErrorString(error));
}

constexpr int kThreads = 256;
constexpr Index kAtOnce = 1 << 17;  // cells; below that a launch takes as long, whatever it does

template <class F>
__global__ void __launch_bounds__(kThreads) call_each(Index count, F f) {
  const Index i = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < count) f(i);
}

// With the 1 the compiler takes as many registers as loads can be on their way; without, as few as let the
// most threads run, which was a fifth slower on an H200.
template <class Tile, class F>
__global__ void __launch_bounds__(Tile::all, 1)
    call_tiles(const __grid_constant__ Boxes boxes, Index first_shot, const __grid_constant__ F f) {
  in_tile<Tile>(boxes, static_cast<int>(blockIdx.x), static_cast<int>(threadIdx.x),
                [&](int z, int y, int x) { f(first_shot + blockIdx.y, z, y, x); });
}

constexpr Index kMostAcross = 65535;  // blocks of a launch along y

// The work of a call. Nothing here waits for the device, but where it says so; errors of a launch are raised
// at once, those of its execution by whoever synchronises. With an arena that counts it does nothing.
class Stream {
 public:
  Stream(Handle handle, Arena& arena) : handle_(handle), arena_(arena) {}
  bool counts() const { return arena_.counts(); }
  void* allocate(std::size_t bytes) const {
    void* pointer = arena_.take(bytes);
    clear(pointer, bytes);
    return pointer;
  }
  void clear(void* to, std::size_t bytes) const {
    if (bytes && !counts()) check(cudaMemsetAsync(to, 0, bytes, handle_));
  }
  void copy(void* to, const void* from, std::size_t bytes) const {
    if (bytes && !counts()) check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, handle_));
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
    if (counts() || count == 0) return;
    call_each<<<static_cast<unsigned>((count + kThreads - 1) / kThreads), kThreads, 0, handle_>>>(count, f);
    check(cudaGetLastError());
  }
  // f(shot, z, y, x) for the first cell of each thread of the boxes' tiles.
  template <class Tile, class F>
  void for_tiles(const Boxes& boxes, Index shots, F f) const {
    const int tiles = tile_count<Tile>(boxes);
    if (counts() || tiles == 0) return;
    for (Index first = 0; first < shots; first += kMostAcross) {
      const Index count = std::min(shots - first, kMostAcross);
      const dim3 blocks(static_cast<unsigned>(tiles), static_cast<unsigned>(count));
      call_tiles<Tile><<<blocks, Tile::all, 0, handle_>>>(boxes, first, f);
      check(cudaGetLastError());
    }
  }

 private:
  Handle handle_;
  Arena& arena_;
};

template <class T>
__device__ inline void add(T* to, T value) {
  atomicAdd(to, value);  // taps of several points may share a node; with more than two the order, and the
                         // last bit, is open
}

#  define DW_DEVICE __device__

#else

using Handle = void*;
constexpr Index kAtOnce = 0;

class Stream {
 public:
  Stream(Handle, Arena& arena) : arena_(arena) {}
  bool counts() const { return arena_.counts(); }
  void* allocate(std::size_t bytes) const {
    void* pointer = arena_.take(bytes);
    clear(pointer, bytes);
    return pointer;
  }
  void clear(void* to, std::size_t bytes) const {
    if (bytes && !counts()) std::memset(to, 0, bytes);
  }
  void copy(void* to, const void* from, std::size_t bytes) const {
    if (bytes && !counts()) std::memcpy(to, from, bytes);
  }
  void to_host(void* to, const void* from, std::size_t bytes) const { copy(to, from, bytes); }
  void from_host(void* to, const void* from, std::size_t bytes) const { copy(to, from, bytes); }
  template <class F>
  void for_each(Index count, F f) const {
    for (Index i = 0; !counts() && i < count; ++i) f(i);
  }
  template <class Tile, class F>
  void for_tiles(const Boxes& boxes, Index shots, F f) const {
    const int tiles = counts() ? 0 : tile_count<Tile>(boxes);
    for (Index shot = 0; shot < shots; ++shot)
      for (int tile = 0; tile < tiles; ++tile)
        for (int thread = 0; thread < Tile::all; ++thread)
          in_tile<Tile>(boxes, tile, thread, [&](int z, int y, int x) { f(shot, z, y, x); });
  }

 private:
  Arena& arena_;
};

template <class T>
inline void add(T* to, T value) {
  *to += value;
}

#  define DW_DEVICE

#endif

// A part of the call's memory, of zeros.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Stream& stream, Index size)
      : data_(static_cast<T*>(stream.allocate(static_cast<std::size_t>(size) * sizeof(T)))) {}
  T* data() const { return data_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  T* data_ = nullptr;
};

}  // namespace dualwave::device
