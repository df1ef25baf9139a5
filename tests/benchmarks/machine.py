"""The machine in a few lines, as the system describes it."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
import sys
from pathlib import Path


def describe() -> list[str]:
    """Processor, caches, memory, system, instruction set, GPU."""
    lines = [
        f"processor: {_processor()}, {len(os.sched_getaffinity(0))} cores",
        f"caches: {_caches()}",
        f"memory: {_memory()}",
        f"system: {platform.system()} {platform.machine()}, Python {platform.python_version()}",
        f"vectors chosen by the compiled core: {_instruction_set()}",
        f"GPU: {gpu() or 'none'}",
    ]
    return [line for line in lines if not line.endswith(": ")]


def load() -> float:
    """Processes that wanted a core during the last minute."""
    return os.getloadavg()[0]


@functools.cache
def gpu() -> str:
    """Name of the CUDA device that PyTorch sees, "" without one."""
    return _ask("import torch.cuda as c; print(c.get_device_name() if c.is_available() else '')")


def bandwidth(device: str) -> float:
    """Bytes a second, best of 5: of the STREAM triad, a = b + 3 c, on arrays of 256 MB; of a copy
    of 2 GiB on a CUDA device, read and written bytes."""
    return float(_ask(_TRIAD if device == "cpu" else _COPY))


_TRIAD = """
import time, torch
a, b, c = (torch.ones(1 << 26) for _ in range(3))
best = float("inf")
for _ in range(5):
    start = time.perf_counter()
    torch.add(b, c, alpha=3.0, out=a)
    best = min(best, time.perf_counter() - start)
print(3 * 4 * a.numel() / best)
"""

_COPY = """
import torch
a = torch.ones(1 << 29, device="cuda")
b = torch.empty_like(a)
begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
best = float("inf")
for _ in range(5):
    begin.record()
    b.copy_(a)
    end.record()
    end.synchronize()
    best = min(best, begin.elapsed_time(end))
print(2 * 4 * a.numel() / best * 1e3)
"""


def _ask(code: str) -> str:
    # In a process of its own: this one has nothing loaded that could disturb what it measures.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    names = [x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _caches() -> str:
    found = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((folder / x).read_text().strip() for x in ("level", "type", "size"))
        if kind != "Instruction":
            found[f"L{level}"] = size
    return ", ".join(f"{level} {size}" for level, size in found.items())


def _memory() -> str:
    pages, size = (os.sysconf(x) for x in ("SC_PHYS_PAGES", "SC_PAGE_SIZE"))
    return f"{pages * size / 2**30:.0f} GiB"


def _instruction_set() -> str:
    return _ask("import dualwave._C as c; print(c.instruction_set())")
