"""The other end of worker.py: starts it, asks it, ends it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from cases import Case

WORKER = Path(__file__).with_name("worker.py")


class PeerError(RuntimeError):
    """A library could not do a case; the text says why."""


class Peer:
    """A library on a case, in a live process that has done it once. Use it in a ``with``."""

    def __init__(self, library: str, case: Case, python: Path | None = None):
        self.library, self.case = library, case
        self.python = Path(sys.executable) if python is None else python
        self._scratch = tempfile.TemporaryDirectory(prefix="benchmark-")
        self.result = Path(self._scratch.name) / "result.npz"
        self._log = open(Path(self._scratch.name) / "stderr", "w+")  # noqa: SIM115
        # -E: PYTHONPATH belongs to this interpreter, not to that of another environment.
        flags = [] if python is None else ["-E"]
        self._process = subprocess.Popen(
            [self.python, *flags, WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=_environment(case),
        )

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(BrokenPipeError):  # it has ended already
            self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()
        self._scratch.cleanup()

    def prepare(self) -> str:
        """Inputs, compilation and the first call. Returns the library's version."""
        case = dataclasses.asdict(self.case)
        answer = self._ask(
            "prepare", library=self.library, case=case, result=os.fspath(self.result)
        )
        return answer["version"]

    def measure(self, seconds: float) -> float:
        """Seconds of a call: the median of as many as fit into ``seconds``, at least one."""
        return self._ask("measure", seconds=seconds)["seconds"]

    def memory(self) -> int:
        """Peak bytes so far, above what the process held with its inputs and no call made."""
        return self._ask("memory")["bytes"]

    def _ask(self, action: str, **request: Any) -> dict[str, Any]:
        try:
            print(json.dumps({"do": action, **request}), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            code = self._process.wait()
            if code < 0:
                raise PeerError(f"its process was ended by signal {-code}")
            raise PeerError(f"its process ended with {code}: {self._last_words()}")
        answer = json.loads(line)
        if "error" in answer:
            raise PeerError(answer["error"])
        return answer

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()
        return lines[-1] if lines else "nothing said"


def threads() -> int:
    """Threads that every library is given."""
    return int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))


def _environment(case: Case) -> dict[str, str]:
    return os.environ | {
        "OMP_NUM_THREADS": str(threads()),
        "JAX_PLATFORMS": case.device,
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # or JAX would hold the device's memory
        "DEVITO_LANGUAGE": "openmp",
        "DEVITO_LOGGING": "ERROR",
    }
