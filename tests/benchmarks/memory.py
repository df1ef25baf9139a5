"""Peak memory of a process above a baseline: resident pages, or the device's. Standard library."""

from __future__ import annotations

import contextlib
import resource
import sys
import threading
import time
from pathlib import Path

STATUS = Path("/proc/self/status")


def require(size: int) -> None:
    """Raise MemoryError where the machine has fewer than ``size`` bytes to give."""
    facts = Path("/proc/meminfo")
    if not facts.exists():
        return
    available = _kibibytes(facts, "MemAvailable")
    if size > 0.95 * available:
        raise MemoryError(f"needs {size / 1e9:.1f} GB, {available / 1e9:.1f} GB are available")


def _kibibytes(path: Path, key: str) -> int:
    """Bytes of a line ``key: n kB``."""
    line = next(x for x in path.read_text().splitlines() if x.startswith(f"{key}:"))
    return 1024 * int(line.split()[1])


class HostMeter:
    """Growth of the resident set from the construction to the highest point before ``read``."""

    def __init__(self) -> None:
        if STATUS.exists():
            # Sets the high-water mark back to what is resident now. Where that is forbidden, the
            # mark stays at that of start-up, if it was higher.
            with contextlib.suppress(OSError):
                Path("/proc/self/clear_refs").write_text("5")
        self.baseline = _kibibytes(STATUS, "VmRSS") if STATUS.exists() else self._peak()

    @staticmethod
    def _peak() -> int:
        if STATUS.exists():
            return _kibibytes(STATUS, "VmHWM")
        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def first_call_done(self) -> None:
        """Nothing to do: the mark costs nothing, so later calls count too."""

    def read(self) -> int:
        return max(0, self._peak() - self.baseline)

    def left(self) -> int:
        """What is resident now above the baseline; where only the peak is known, that."""
        now = _kibibytes(STATUS, "VmRSS") if STATUS.exists() else self._peak()
        return max(0, now - self.baseline)


class DeviceMeter:
    """The same of a CUDA device's memory, by asking the driver every few milliseconds.

    No framework's own statistics: they do not see what a library allocates by itself. Only the
    first call, which is not timed, is watched.
    """

    def __init__(self) -> None:
        import torch

        self._free = lambda: torch.cuda.mem_get_info()[0]
        self.baseline = self.lowest = self._free()
        self._running = True
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while self._running:
            self.lowest = min(self.lowest, self._free())
            time.sleep(0.003)

    def first_call_done(self) -> None:
        self._running = False
        self._thread.join()

    def read(self) -> int:
        return self.baseline - self.lowest
