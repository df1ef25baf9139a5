"""One library on one case, in a process of its own: a line of JSON in, a line of JSON out.

{"do": "prepare", "library": ..., "case": {...}, "result": path}: inputs, compilation, and the
first call, which is not timed; its result is saved as ``path``. {"do": "measure", "seconds": s}:
calls for s seconds, at least one; their median. {"do": "memory"}: peak bytes above the inputs.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import statistics
import sys
import time
from typing import Any

import numpy as np
from cases import Case, Goal
from memory import DeviceMeter, HostMeter

MODULES = {
    "deepwave": "library_torch",
    "dualwave.torch": "library_torch",
    "dualwave.jax": "library_jax",
    "devito": "library_devito",
    "bare loop": "library_bare",
    "lax.scan": "library_scan",
    "jwave": "library_jwave",
    "sweep": "library_sweep",
}


class Worker:
    def prepare(self, library: str, case: dict, result: str) -> dict[str, Any]:
        case = Case(**case | {"shape": tuple(case["shape"]), "goal": Goal(**case["goal"])})
        self.run = importlib.import_module(MODULES[library.partition(":")[0]]).Run(library, case)
        gc.collect()
        self.meter = HostMeter() if case.device == "cpu" else DeviceMeter()
        out = self.run()
        self.meter.first_call_done()
        np.savez(result, *self.run.to_numpy(out))
        return {"version": self.run.version}

    def measure(self, seconds: float) -> dict[str, Any]:
        times: list[float] = []
        while sum(times) < seconds:
            begin = time.perf_counter()
            out = self.run()
            times.append(time.perf_counter() - begin)
            del out  # what a call returns is freed before the next
        return {"seconds": statistics.median(times)}

    def memory(self) -> dict[str, Any]:
        return {"bytes": self.meter.read()}


def main() -> None:
    # Libraries may print: what they print goes to stderr, the answers to what was stdout.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    worker = Worker()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(worker, request.pop("do"))(**request)
        except Exception as error:
            text = str(error).strip().splitlines() or [""]
            answer = {"error": f"{type(error).__name__}: {text[0]}"}
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    main()
