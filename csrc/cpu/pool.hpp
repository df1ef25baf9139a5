// Memory that stays with the process for the next call: freed, it would go back to the system, which hands it
// out again page by page, each cleared at its first touch, and that takes longer than many a call.
#pragma once
#include <cstddef>
#include <new>
#include <string>
#include <utility>

#include "engine/geometry.hpp"

namespace dualwave {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
// Below that the C library keeps what is freed.
constexpr std::size_t kLeastPooled = 2 * kHugePage;

// The system has no such block; says what takes less.
class OutOfMemory : public std::bad_alloc {
 public:
  explicit OutOfMemory(std::size_t bytes);
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

// Memory at a multiple of a huge page, which waits for the next once this goes.
class Block {
 public:
  Block() = default;
  explicit Block(std::size_t bytes);  // throws OutOfMemory
  Block(Block&& other) noexcept { swap(other); }
  Block& operator=(Block&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Block();
  void* data() const { return data_; }
  bool is_zero() const { return is_zero_; }  // nobody has had it before

 private:
  void swap(Block& other) noexcept {
    std::swap(mapping_, other.mapping_);
    std::swap(mapped_, other.mapped_);
    std::swap(data_, other.data_);
    std::swap(is_zero_, other.is_zero_);
  }
  void* mapping_ = nullptr;
  std::size_t mapped_ = 0;
  void* data_ = nullptr;
  bool is_zero_ = false;
};

// Bytes that wait: no more than an eighth of what the process may use.
Index kept_memory();
// Gives them back to the system.
void release_memory();

// A wish, for memory that has not been touched: fields of a large grid have more small pages than the
// processor keeps addresses of, and each takes a fault.
void prefer_huge_pages(void* begin, std::size_t bytes);

}  // namespace dualwave
