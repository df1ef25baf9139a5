// The memory of one call on a device: a single piece that the caller's framework gives, so that its allocator
// reuses, counts and frees it, handed out part by part.
#pragma once
#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace dualwave::device {

class Arena {
 public:
  // Counts only: the addresses that it gives are no memory.
  Arena() : next_(kLine) {}
  Arena(void* memory, std::size_t size)
      : next_(reinterpret_cast<std::uintptr_t>(memory)), end_(next_ + size) {}

  void* take(std::size_t bytes) {
    const std::uintptr_t at = round_up(next_);
    next_ = at + bytes;
    if (end_ && next_ > end_) throw std::logic_error("the device backend counted too little memory");
    return reinterpret_cast<void*>(at);
  }
  bool counts() const { return end_ == 0; }
  // Of an arena that has counted: what the same parts need, wherever the memory begins.
  std::size_t needed() const { return next_; }

 private:
  static constexpr std::uintptr_t kLine = 256;
  static std::uintptr_t round_up(std::uintptr_t at) { return (at + kLine - 1) / kLine * kLine; }
  std::uintptr_t next_, end_ = 0;
};

}  // namespace dualwave::device
