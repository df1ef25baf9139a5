// Which steps of a segment are repeated from which kept state: binomial checkpointing.
//
// A. Griewank & A. Walther (2000), Algorithm 799: revolve, ACM Trans. Math. Softw. 26, 19-45.
#pragma once
#include <algorithm>

#include "kernels/view.hpp"

namespace dualwave {

// The most pieces that `states` kept ones, the first included, let a march go back over when none is repeated
// more than `times`: binomial(states + times, states).
inline Index most_pieces(Index states, Index times) {
  if (times < 0) return 0;
  constexpr Index kMany = Index{1} << 40;  // more than any run has
  Index count = 1;
  for (Index i = 1; i <= states && count < kMany; ++i) count = count * (times + i) / i;
  return count;
}

// How far to march from a kept state before going back over what follows, in pieces of `piece` steps but for
// the first, which is repeated most and has what remains; `free` more states may be kept. 0: the steps are
// one piece. Of the numbers of pieces that are as good as each other it is the largest: then the first piece
// is repeated most often.
inline Index steps_to_next_state(Index steps, Index piece, Index free) {
  const Index pieces = (steps + piece - 1) / piece, states = std::max<Index>(free, 0) + 1;
  if (pieces <= 1) return 0;
  Index times = 1;
  while (most_pieces(states, times) < pieces) ++times;
  const Index before = std::min(most_pieces(states, times - 1), pieces - most_pieces(states - 1, times - 1));
  return steps - piece * (pieces - before);
}

}  // namespace dualwave
