// What threads share, in processes that may fork.
#pragma once
#include <pthread.h>

#include <atomic>
#include <mutex>

namespace dualwave {

// The one T of the process, which is never destroyed: a thread may use it while the process ends. A child of
// a fork has none of the parent's threads, and perhaps a locked mutex: it gets a new one, and the old is
// leaked.
template <class T>
T& one_per_process() {
  static std::atomic<T*> one{nullptr};
  static std::once_flag once;
  std::call_once(once, [] {
    one = new T;
    pthread_atfork(nullptr, nullptr, [] { one = new T; });
  });
  return *one;
}

}  // namespace dualwave
