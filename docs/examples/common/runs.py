"""One problem through both front ends, and what each cost."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Run:
    """One front end's result with what it cost: wall seconds, peak bytes of its process."""

    result: Any
    seconds: float
    peak_bytes: int

    @property
    def cost(self) -> dict[str, float]:
        """Both, for a table."""
        return {"seconds": self.seconds, "peak memory, MiB": self.peak_bytes / 2**20}


def run_front_ends(verb: str, problem: Any) -> dict[str, Run]:
    """``verb(problem)`` of the modules ``verb_torch`` and ``verb_jax``.

    Each in a process of its own, so that its peak memory is its own.
    """
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    context = multiprocessing.get_context("spawn")
    runs = {}
    for name, module in {"PyTorch": f"{verb}_torch", "JAX": f"{verb}_jax"}.items():
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            runs[name] = pool.submit(_run, module, verb, problem).result()
    return runs


def _run(module: str, verb: str, problem: Any) -> Run:
    function = getattr(importlib.import_module(module), verb)
    begin = time.perf_counter()
    result = function(problem)
    return Run(result, time.perf_counter() - begin, _peak_bytes())


def _peak_bytes() -> int:
    # getrusage counts what the parent held when it started this process; Linux's own file does not.
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
