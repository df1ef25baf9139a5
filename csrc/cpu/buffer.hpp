// Memory of a call.
#pragma once
#include <cstdlib>
#include <memory>

#include "cpu/pool.hpp"
#include "engine/geometry.hpp"

namespace dualwave {

enum class Content { zeros, any };

template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(Index size) { resize(size); }
  void resize(Index size, Content content = Content::zeros);  // 0: none; throws OutOfMemory
  T* data() const { return data_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  std::unique_ptr<void, Free> small_;
  Block large_;
  T* data_ = nullptr;  // aligned to a cache line
};

extern template class Buffer<float>;
extern template class Buffer<double>;

}  // namespace dualwave
