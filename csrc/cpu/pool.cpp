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

OutOfMemory::OutOfMemory(std::size_t bytes)
    : text_("the system gave no block of " + std::to_string((bytes + 500000) / 1000000) +
            " MB; a gradient takes less with memory_limit, or with gradient_storage='checkpoint', and every "
            "call with fewer shots (dualwave.plan says how much)") {}

#if defined(__linux__)
namespace {

std::uintptr_t at_huge_page(const void* p) {
  return (reinterpret_cast<std::uintptr_t>(p) + kHugePage - 1) / kHugePage * kHugePage;
}

struct Mapping {
  void* data = nullptr;
  std::size_t bytes = 0;
  unsigned long given = 0;  // how many had been taken by then
  bool is_fresh = true;
};

class Pool {
 public:
  // One that fits, if any waits, else a new one; throws OutOfMemory.
  Mapping take(std::size_t bytes) {
    std::lock_guard<std::mutex> lock(mutex_);
    ++taken_;
    // What nobody has wanted for long is of calls of other sizes.
    while (!free_.empty() && taken_ - free_.front().given > kPatience) drop(free_.begin());
    // The smallest, so that a call finds again for each of its buffers what it had for it.
    const auto fits = std::min_element(free_.begin(), free_.end(), [&](const Mapping& a, const Mapping& b) {
      return (a.bytes < bytes) != (b.bytes < bytes) ? b.bytes < bytes : a.bytes < b.bytes;
    });
    if (fits == free_.end() || fits->bytes < bytes || fits->bytes > bytes + bytes / 4) return fresh(bytes);
    const Mapping found = *fits;
    free_.erase(fits);
    held_ -= found.bytes;
    lend(found.bytes);
    return found;
  }
  void give(Mapping m) {
    std::lock_guard<std::mutex> lock(mutex_);
    m.given = taken_;
    m.is_fresh = false;
    free_.push_back(m);
    lent_ -= m.bytes;
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
    most_lent_ = lent_;
  }

 private:
  // A block of a gradient in 3-D is wanted again after a dozen others.
  static constexpr unsigned long kPatience = 32;

  Mapping fresh(std::size_t bytes) {
    lend(bytes);
    // With what waits this is no more than calls have had at once, as they plan.
    shrink(most_lent_ - lent_);
    void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) {
      lent_ -= bytes;
      throw OutOfMemory(bytes);
    }
    return {data, bytes};
  }
  void lend(std::size_t bytes) {
    lent_ += bytes;
    most_lent_ = std::max(most_lent_, lent_);
  }
  // The smallest go first: fresh memory in their place is soonest cleared.
  void shrink(std::size_t most) {
    while (held_ > most)
      drop(std::min_element(free_.begin(), free_.end(),
                            [](const Mapping& a, const Mapping& b) { return a.bytes < b.bytes; }));
  }
  void drop(std::deque<Mapping>::iterator m) {
    munmap(m->data, m->bytes);
    held_ -= m->bytes;
    free_.erase(m);
  }

  std::mutex mutex_;
  std::deque<Mapping> free_;              // in the order in which they were given
  std::size_t lent_ = 0, most_lent_ = 0;  // at once, since the last release
  std::size_t held_ = 0;
  unsigned long taken_ = 0;
};

Pool& pool() { return one_per_process<Pool>(); }

}  // namespace

void prefer_huge_pages(void* begin, std::size_t bytes) {
  const std::uintptr_t first = at_huge_page(begin),
                       last = (reinterpret_cast<std::uintptr_t>(begin) + bytes) / kHugePage * kHugePage;
  if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
}

Block::Block(std::size_t bytes) {
  const Mapping m = pool().take(bytes + kHugePage);
  mapping_ = m.data;
  mapped_ = m.bytes;
  data_ = reinterpret_cast<void*>(at_huge_page(m.data));
  is_zero_ = m.is_fresh;
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
  if (!mapping_) throw OutOfMemory(bytes);
  data_ = mapping_;
}

Block::~Block() { std::free(mapping_); }

Index kept_memory() { return 0; }

void release_memory() {}

#endif

}  // namespace dualwave
