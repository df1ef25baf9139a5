"""Memory that is kept for the next call.

What a gradient keeps of its forward run is large, and of the same size in every iteration of an
inversion. Freed, it goes back to the system, which hands it out again page by page, each cleared at
its first touch: that takes longer than many a call. Here it waits for the next one that fits.
"""

from __future__ import annotations

import os
import weakref
from collections import deque

import numpy as np

from . import native

SMALLEST = 1 << 20
"""Bytes below which the C library itself keeps what is freed."""
_SLACK = 1.25
"""Times what is asked for that a block may have."""


class Pool:
    """Blocks of memory, as many free ones as ``limit`` bytes hold."""

    def __init__(self, limit: int):
        self.limit = limit
        # Its operations are atomic: a block may come back in any thread, and at any time, for it is
        # the garbage collector that brings it. A lock might be held by the very thread.
        self._free: deque[np.ndarray] = deque()

    def take(self, size: int) -> np.ndarray:
        """``size`` bytes, of any content. They come back once nothing refers to the array: no view
        of it, and no tensor that was made of it."""
        block = self._fitting(size)
        if block is None:
            self._shrink(max(0, self.limit - size))
            block = np.empty(size, np.uint8)
        # A slice would not do: views of it refer to the block alone.
        lent = np.frombuffer(block.data, np.uint8, size)
        weakref.finalize(lent, self._give, block).atexit = False
        return lent

    def held(self) -> int:
        """Bytes of the free blocks."""
        return sum(block.nbytes for block in tuple(self._free))

    def release(self) -> None:
        """Give the free blocks back to the system."""
        self._shrink(0)

    def _fitting(self, size: int) -> np.ndarray | None:
        for _ in range(len(self._free)):
            try:
                block = self._free.popleft()
            except IndexError:  # another thread was faster
                return None
            if size <= block.nbytes <= _SLACK * size:
                return block
            self._free.append(block)
        return None

    def _give(self, block: np.ndarray) -> None:
        self._free.append(block)
        self._shrink(self.limit)

    def _shrink(self, limit: int) -> None:
        # Those that have waited longest go first.
        while self.held() > limit:
            try:
                self._free.popleft()
            except IndexError:
                return


def _eighth_of_the_machine() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 8
    except (AttributeError, OSError, ValueError):  # not every system says
        return 1 << 30


POOL = Pool(_eighth_of_the_machine())


def release_memory() -> None:
    """Give back to the system what is kept for the next call.

    That is, on the CPU, the workspace of the compiled core, and what gradients in PyTorch kept of
    their forward runs: each up to an eighth of the machine's memory. What a GPU's calls took, and
    what JAX keeps of forward runs, is the framework's, which has means of its own.
    """
    POOL.release()
    native.release_workspace()
