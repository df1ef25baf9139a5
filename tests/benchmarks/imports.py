"""How long the packages take to be imported above their frameworks."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator

from goals import Verdict

SECONDS = 0.1
_IMPORTS = {"dualwave.torch": "torch", "dualwave.jax": "jax", "deepwave": "torch"}
# The collection of garbage that the framework's many objects are due for is not the package's.
_CODE = """
import gc, time, {framework}
gc.collect()
start = time.perf_counter()
import {package}
print(time.perf_counter() - start)
"""


def verdicts(repeats: int, quick: bool) -> Iterator[Verdict]:
    """Medians of processes that take turns; the first round, which fills the caches of files and
    of bytecode, does not count. Quick: it is the only one."""
    count = 1 if quick else 1 + repeats
    rounds = [{name: _seconds(name) for name in _IMPORTS} for _ in range(count)][-repeats:]
    for name, framework in _IMPORTS.items():
        figure = statistics.median(found[name] for found in rounds)
        wanted = f"at most {SECONDS:g} s above {framework}'s own"
        yield Verdict(f"import {name}", name, wanted, figure, figure <= SECONDS)


def _seconds(package: str) -> float:
    code = _CODE.format(package=package, framework=_IMPORTS[package])
    # What pip installs has its bytecode, whatever this process was told.
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    return float(done.stdout)
