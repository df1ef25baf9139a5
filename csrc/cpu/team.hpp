// The one thread team of the process: both front ends share it, so that two frameworks do not oversubscribe
// the machine.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

namespace dualwave {

// A barrier that also settles, once for all its members, whether the run has been interrupted.
class Barrier {
 public:
  explicit Barrier(int members) : members_(members) {}
  // True unless the run is to stop; every member of one crossing gets the same answer.
  bool wait();

 private:
  const int members_;
  std::atomic<int> arrived_{0};
  std::atomic<unsigned> crossing_{0};
  bool go_on_ = true;  // written by the last to arrive, before the others leave
  std::atomic<int> asleep_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
};

// What members take one by one, each as it gets to it, and end in the order in which it was taken.
class Turns {
 public:
  std::int64_t take() { return taken_.fetch_add(1); }
  void wait(std::int64_t turn);  // until all before it have passed, or one has stopped
  void pass();
  void stop();
  bool stopped() const { return stopped_.load(); }

 private:
  std::atomic<std::int64_t> taken_{0};
  std::atomic<bool> stopped_{false};
  std::int64_t passed_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
};

// Runs body(0), ..., body(members - 1) at once, the first on the calling thread. Callers from several threads
// take turns. Every member runs with denormals flushed to zero, as before afterwards.
void run_team(int members, const std::function<void(int)>& body);

// Threads of the team: OMP_NUM_THREADS, else the cores this process may use, until set.
int num_threads();
void set_num_threads(int threads);

}  // namespace dualwave
