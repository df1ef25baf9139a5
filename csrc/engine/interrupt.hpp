// Ctrl-C during a native run.
#pragma once

namespace dualwave {

// While one of these lives, SIGINT sets a flag that the time loops poll, and is passed on to the handler that
// was there (Python's, which raises KeyboardInterrupt once control is back in it). A process that ignores
// SIGINT, or dies of it, keeps doing so.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;
};

bool interrupted();

// Thrown by a run that stopped because of it.
struct Interrupted {};

}  // namespace dualwave
