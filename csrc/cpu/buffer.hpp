// Memory of a call. What is large stays with the process for the next call: freed, it would go back to the
// system, which hands it out again page by page, each cleared at its first touch.
#pragma once
#include <memory>

#include "engine/geometry.hpp"

namespace dualwave {

enum class Content { zeros, any };

template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(Index size) { resize(size); }
  void resize(Index size, Content content = Content::zeros);  // 0: none; throws std::bad_alloc
  T* data() const { return data_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  struct Return {
    std::size_t mapped = 0;  // bytes of a mapping; 0: memory of calloc
    void operator()(void* p) const;
  };
  std::unique_ptr<void, Return> owner_;
  T* data_ = nullptr;  // aligned to a cache line
};

// Bytes that wait for the next call: no more than an eighth of the machine's memory.
Index kept_workspace();
// Gives them back to the system.
void release_workspace();

// A wish, for memory that has not been touched: fields of a large grid have more small pages than the
// processor keeps addresses of, and each takes a fault.
void prefer_huge_pages(void* begin, std::size_t bytes);

extern template class Buffer<float>;
extern template class Buffer<double>;

}  // namespace dualwave
