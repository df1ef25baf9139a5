#include "cpu/buffer.hpp"

#include <cstdint>
#include <cstring>

namespace dualwave {
namespace {

constexpr std::size_t kLine = 64;

}  // namespace

template <class T>
void Buffer<T>::resize(Index size, Content content) {
  const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(T);
  small_.reset();
  large_ = Block();
  data_ = nullptr;
  if (size == 0) return;
  if (bytes >= kLeastPooled) {
    large_ = Block(bytes);
    data_ = static_cast<T*>(large_.data());
    if (content == Content::zeros && !large_.is_zero()) std::memset(data_, 0, bytes);
    return;
  }
  small_.reset(content == Content::zeros ? std::calloc(bytes + kLine, 1) : std::malloc(bytes + kLine));
  if (!small_) throw OutOfMemory(bytes);
  data_ = reinterpret_cast<T*>((reinterpret_cast<std::uintptr_t>(small_.get()) + kLine - 1) / kLine * kLine);
}

template class Buffer<float>;
template class Buffer<double>;

}  // namespace dualwave
