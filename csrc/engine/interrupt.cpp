#include "engine/interrupt.hpp"

#include <signal.h>

#include <atomic>
#include <mutex>

namespace dualwave {
namespace {

std::atomic<bool> flag{false};
std::mutex mutex;
int scopes = 0;
struct sigaction previous;

void handle(int signal, siginfo_t* info, void* context) {
  flag = true;
  if (previous.sa_flags & SA_SIGINFO)
    previous.sa_sigaction(signal, info, context);
  else
    previous.sa_handler(signal);
}

bool has_handler(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) || (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
}

bool installed = false;

}  // namespace

InterruptScope::InterruptScope() {
  std::lock_guard<std::mutex> lock(mutex);
  if (scopes++ > 0) return;
  flag = false;
  sigaction(SIGINT, nullptr, &previous);
  installed = has_handler(previous);
  if (!installed) return;
  struct sigaction ours = {};
  ours.sa_sigaction = handle;
  ours.sa_flags = SA_SIGINFO | (previous.sa_flags & SA_ONSTACK);
  sigemptyset(&ours.sa_mask);
  sigaction(SIGINT, &ours, nullptr);
}

InterruptScope::~InterruptScope() {
  std::lock_guard<std::mutex> lock(mutex);
  if (--scopes == 0 && installed) sigaction(SIGINT, &previous, nullptr);
}

bool interrupted() { return flag.load(std::memory_order_relaxed); }

}  // namespace dualwave
