#include "cpu/buffer.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <new>

#if defined(__linux__)
#  include <sys/mman.h>
#  include <unistd.h>

#  include "cpu/one_per_process.hpp"
#endif

namespace dualwave {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::uintptr_t aligned(const void* p, std::size_t to) {
  return (reinterpret_cast<std::uintptr_t>(p) + to - 1) / to * to;
}

#if defined(__linux__)
struct Mapping {
  void* data;
  std::size_t bytes;
};

class Pool {
 public:
  // One that fits, if any waits. If none does those that wait are of calls of other sizes, and go before more
  // is taken.
  Mapping take(std::size_t bytes) {
    std::lock_guard<std::mutex> lock(mutex_);
    // The smallest, so that a call finds again for each of its buffers what it had for it.
    const auto fits = std::min_element(free_.begin(), free_.end(), [&](const Mapping& a, const Mapping& b) {
      return (a.bytes < bytes) != (b.bytes < bytes) ? b.bytes < bytes : a.bytes < b.bytes;
    });
    if (fits == free_.end() || fits->bytes < bytes || fits->bytes > bytes + bytes / 4) {
      shrink(0);
      return {nullptr, 0};
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
    shrink(limit());
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
  static std::size_t limit() {
    static const std::size_t bytes = static_cast<std::size_t>(std::max(sysconf(_SC_PHYS_PAGES), 0L)) *
                                     static_cast<std::size_t>(sysconf(_SC_PAGE_SIZE)) / 8;
    return bytes;
  }
  // Those that have waited longest go first.
  void shrink(std::size_t most) {
    while (held_ > most) {
      munmap(free_.front().data, free_.front().bytes);
      held_ -= free_.front().bytes;
      free_.pop_front();
    }
  }

  std::mutex mutex_;
  std::deque<Mapping> free_;
  std::size_t held_ = 0;
};

Pool& pool() { return one_per_process<Pool>(); }
#endif

}  // namespace

void prefer_huge_pages(void* begin, std::size_t bytes) {
#if defined(__linux__)
  const std::uintptr_t first = aligned(begin, kHugePage),
                       last = (reinterpret_cast<std::uintptr_t>(begin) + bytes) / kHugePage * kHugePage;
  if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#else
  (void)begin, (void)bytes;
#endif
}

template <class T>
void Buffer<T>::resize(Index size, Content content) {
  const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(T);
  owner_.reset();
  data_ = nullptr;
  if (size == 0) return;
#if defined(__linux__)
  if (bytes >= 2 * kHugePage) {
    Mapping m = pool().take(bytes + kHugePage);
    const bool used = m.data != nullptr;
    if (!used) {
      m.bytes = bytes + kHugePage;
      m.data = mmap(nullptr, m.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (m.data == MAP_FAILED) throw std::bad_alloc();
    }
    owner_ = {m.data, Return{m.bytes}};
    data_ = reinterpret_cast<T*>(aligned(m.data, kHugePage));
    if (!used) prefer_huge_pages(data_, bytes);
    if (used && content == Content::zeros) std::memset(data_, 0, bytes);
    return;
  }
#endif
  owner_ = {content == Content::zeros ? std::calloc(bytes + kLine, 1) : std::malloc(bytes + kLine), Return{}};
  if (!owner_) throw std::bad_alloc();
  data_ = reinterpret_cast<T*>(aligned(owner_.get(), kLine));
}

template <class T>
void Buffer<T>::Return::operator()(void* p) const {
#if defined(__linux__)
  if (mapped) {
    pool().give({p, mapped});
    return;
  }
#endif
  std::free(p);
}

Index kept_workspace() {
#if defined(__linux__)
  return static_cast<Index>(pool().held());
#else
  return 0;
#endif
}

void release_workspace() {
#if defined(__linux__)
  pool().release();
#endif
}

template class Buffer<float>;
template class Buffer<double>;

}  // namespace dualwave
