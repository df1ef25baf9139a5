#include "cpu/pool.hpp"

#include <cstdint>

#if defined(__linux__)
#  include <malloc.h>
#  include <sys/mman.h>

#  include <algorithm>
#  include <deque>
#  include <mutex>
#  include <new>

#  include "cpu/allowance.hpp"
#  include "cpu/one_per_process.hpp"
#else
#  include <cstdlib>
#  include <new>
#endif

namespace dualwave {

#if defined(__linux__)
namespace {

std::uintptr_t at_huge_page(const void* p) {
  return (reinterpret_cast<std::uintptr_t>(p) + kHugePage - 1) / kHugePage * kHugePage;
}

struct Mapping {
  void* data = nullptr;
  std::size_t bytes = 0;
  bool passed_over = false;  // since it was given
};

class Pool {
 public:
  // One that fits, if any waits. If none does those that wait may be of calls of other sizes, and go before
  // more is taken; not at the first time, for a call has blocks of several sizes, which are not all there at
  // once.
  Mapping take(std::size_t bytes) {
    std::lock_guard<std::mutex> lock(mutex_);
    // The smallest, so that a call finds again for each of its buffers what it had for it.
    const auto fits = std::min_element(free_.begin(), free_.end(), [&](const Mapping& a, const Mapping& b) {
      return (a.bytes < bytes) != (b.bytes < bytes) ? b.bytes < bytes : a.bytes < b.bytes;
    });
    if (fits == free_.end() || fits->bytes < bytes || fits->bytes > bytes + bytes / 4) {
      pass_over();
      return {};
    }
    const Mapping found = *fits;
    free_.erase(fits);
    held_ -= found.bytes;
    return found;
  }
  void give(Mapping m) {
    std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(m);
    held_ += m.bytes;
    static const std::size_t most = allowed_memory() / 8;
    shrink(most);
  }
  std::size_t held() {
    std::lock_guard<std::mutex> lock(mutex_);
    return held_;
  }
  void release() {
    std::lock_guard<std::mutex> lock(mutex_);
    shrink(0);
  }

 private:
  void pass_over() {
    std::deque<Mapping> others;
    others.swap(free_);
    for (Mapping& m : others) {
      if (m.passed_over) {
        unmap(m);
      } else {
        m.passed_over = true;
        free_.push_back(m);
      }
    }
  }
  // Those that have waited longest go first.
  void shrink(std::size_t most) {
    while (held_ > most) {
      unmap(free_.front());
      free_.pop_front();
    }
  }
  void unmap(const Mapping& m) {
    munmap(m.data, m.bytes);
    held_ -= m.bytes;
  }

  std::mutex mutex_;
  std::deque<Mapping> free_;
  std::size_t held_ = 0;
};

Pool& pool() { return one_per_process<Pool>(); }

}  // namespace

void prefer_huge_pages(void* begin, std::size_t bytes) {
  const std::uintptr_t first = at_huge_page(begin),
                       last = (reinterpret_cast<std::uintptr_t>(begin) + bytes) / kHugePage * kHugePage;
  if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
}

Block::Block(std::size_t bytes) {
  Mapping m = pool().take(bytes + kHugePage);
  is_zero_ = m.data == nullptr;
  if (is_zero_) {
    m.bytes = bytes + kHugePage;
    m.data = mmap(nullptr, m.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m.data == MAP_FAILED) throw std::bad_alloc();
  }
  mapping_ = m.data;
  mapped_ = m.bytes;
  data_ = reinterpret_cast<void*>(at_huge_page(m.data));
  if (is_zero_) prefer_huge_pages(data_, bytes);
}

Block::~Block() {
  if (mapping_) pool().give(Mapping{mapping_, mapped_});
}

Index kept_memory() { return static_cast<Index>(pool().held()); }

void release_memory() {
  pool().release();
#  if defined(__GLIBC__)
  // What the C library keeps of arrays that the framework has freed, up to 32 MB each.
  malloc_trim(0);
#  endif
}

#else

void prefer_huge_pages(void*, std::size_t) {}

Block::Block(std::size_t bytes) : mapping_(std::calloc(bytes, 1)), mapped_(bytes), is_zero_(true) {
  if (!mapping_) throw std::bad_alloc();
  data_ = mapping_;
}

Block::~Block() { std::free(mapping_); }

Index kept_memory() { return 0; }

void release_memory() {}

#endif

}  // namespace dualwave
