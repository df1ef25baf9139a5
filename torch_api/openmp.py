"""PyTorch's OpenMP threads, which wait for their next operation by spinning.

GNU's runtime lets a thread spin for some milliseconds after each operation that had it, on a
processor that a thread of the core wants: a short run then takes twice as long. OpenMP 5.0 has a
call that gives such threads up; the next operation makes new ones, in tens of microseconds.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable

GRAIN = 32768
"""Elements from which on PyTorch shares an operation among threads (ATen's GRAIN_SIZE)."""
_SOFT = 1
"""omp_pause_soft: what threads have of their own stays."""


def rest() -> bool:
    """Give up the OpenMP threads of the calling thread; whether the runtime could."""
    pause = _pause()
    return pause is not None and pause(_SOFT) == 0


@functools.cache
def _pause() -> Callable[[int], int] | None:
    """omp_pause_resource_all of the runtime that PyTorch has loaded, if it has it."""
    try:
        return ctypes.CDLL(None).omp_pause_resource_all
    except (AttributeError, OSError, TypeError):  # an older one, or none; or not such a system
        return None
