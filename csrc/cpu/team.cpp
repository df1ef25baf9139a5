#include "cpu/team.hpp"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "cpu/one_per_process.hpp"
#include "engine/interrupt.hpp"

#if defined(__x86_64__)
#  include <immintrin.h>
#endif

namespace dualwave {
namespace {

// Denormals cost a hundred times a normal operation and fill the far field of every wave.
class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | 0x8040); }  // FTZ | DAZ
  ~FlushDenormals() { _mm_setcsr(saved_); }

 private:
  unsigned saved_;
#elif defined(__aarch64__)
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" ::"r"(saved_ | (1UL << 24)));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(saved_)); }

 private:
  unsigned long saved_;
#endif
};

// Whether it came true within the time that is worth waiting awake. After that the one waited for may have
// lost its processor to another process, and a member that sleeps leaves it its own. Giving way (sched_yield)
// would not do: the other process would take a time slice of milliseconds at every crossing.
template <typename Condition>
bool soon(const Condition& condition) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::microseconds kPatience{30};
  constexpr int kBetweenLooks = 32;  // at the clock
  const auto begin = Clock::now();
  do {
    for (int spins = 0; spins < kBetweenLooks; ++spins) {
      if (condition()) return true;
#if defined(__x86_64__)
      _mm_pause();
#endif
    }
  } while (Clock::now() - begin < kPatience);
  return false;
}

class Team {
 public:
  void run(int members, const std::function<void(int)>& body) {
    std::lock_guard<std::mutex> turn(turn_);
    grow(members - 1);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      body_ = &body;
      members_ = members;
      running_ = members - 1;
      ++job_;
    }
    wake_.notify_all();
    {
      FlushDenormals flush;
      body(0);
    }
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [&] { return running_ == 0; });
  }

 private:
  void grow(int helpers) {
    while (static_cast<int>(threads_.size()) < helpers) {
      const int member = static_cast<int>(threads_.size()) + 1;
      threads_.emplace_back([this, member, seen = job_]() mutable { serve(member, seen); });
      threads_.back().detach();  // they sleep until the process ends, whose exit does not wait for them
    }
  }

  void serve(int member, unsigned long seen) {
    // Signals belong to the caller's threads: Python's handlers expect the main one.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    FlushDenormals flush;
    for (;;) {
      const std::function<void(int)>* body;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return job_ != seen; });
        seen = job_;
        if (member >= members_) continue;
        body = body_;
      }
      (*body)(member);
      std::lock_guard<std::mutex> lock(mutex_);
      if (--running_ == 0) done_.notify_one();
    }
  }

  std::mutex turn_;  // one caller at a time
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::vector<std::thread> threads_;
  const std::function<void(int)>* body_ = nullptr;
  unsigned long job_ = 0;
  int members_ = 0;
  int running_ = 0;
};

Team& team() { return one_per_process<Team>(); }

int default_threads() {
  if (const char* text = std::getenv("OMP_NUM_THREADS")) {
    const int wanted = std::atoi(text);  // "4,2" (nested levels) reads as 4
    if (wanted > 0) return wanted;
  }
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  return cores > 0 ? cores : 1;
}

std::atomic<int>& threads() {
  static std::atomic<int> count{default_threads()};
  return count;
}

}  // namespace

bool Barrier::wait() {
  const unsigned crossing = crossing_.load(std::memory_order_relaxed);
  const auto crossed = [&] { return crossing_.load() != crossing; };
  if (arrived_.fetch_add(1) + 1 == members_) {
    go_on_ = !interrupted();
    arrived_.store(0, std::memory_order_relaxed);
    crossing_.store(crossing + 1);
    if (asleep_.load() > 0) {
      std::lock_guard<std::mutex> lock(mutex_);  // whoever counted itself asleep has begun to wait
      wake_.notify_all();
    }
  } else if (!soon(crossed)) {
    std::unique_lock<std::mutex> lock(mutex_);
    ++asleep_;
    wake_.wait(lock, crossed);
    --asleep_;
  }
  return go_on_;
}

void Turns::wait(std::int64_t turn) {
  std::unique_lock<std::mutex> lock(mutex_);
  wake_.wait(lock, [&] { return passed_ == turn || stopped(); });
}

void Turns::pass() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ++passed_;
  }
  wake_.notify_all();
}

void Turns::stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_all();
}

void run_team(int members, const std::function<void(int)>& body) { team().run(members, body); }

int num_threads() { return threads(); }

void set_num_threads(int count) {
  if (count < 1)
    throw std::invalid_argument("set_num_threads: got " + std::to_string(count) + "; give 1 or more threads");
  threads() = count;
}

}  // namespace dualwave
