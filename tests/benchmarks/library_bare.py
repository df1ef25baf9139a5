"""Plain loops in C++ over the same cells, to see what the machine does: ``bare_*.cpp``.

No rivals: their waves come back from the edges. Where one is slower than a goal asks for, no
program reaches that goal here that takes one step after the other. A gradient keeps the fields
every few steps, as many as the interval has, and marches each interval but the last again. Many
shots on a small grid are marched by a thread each, others by all threads, one after the other.
"""

from __future__ import annotations

import ctypes
import functools
import math
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from cases import DT, SPACING, Case, Problem, make_problem

import dualwave.equations

HERE = Path(__file__).parent
FLAGS = ["-O3", "-march=native", "-ffast-math", "-fopenmp"]
SMALL = 2**16
"""Cells of a grid whose steps are so short that threads which share them wait for each other."""
_LINE = 16  # float32 in a cache line
_NUMBERS = ("planes", "rows", "cells", "plane", "row", "grid")
_NUMBERS += ("steps", "source", "receivers", "interval")
_ARRAYS = ("amplitudes", "receiver", "coefficients", "fields", "records")
_ARRAYS += ("adjoint", "kept", "history", "gradient")


class _Loop(ctypes.Structure):
    """As in ``bare.hpp``."""

    _fields_ = (
        *((name, ctypes.c_long) for name in _NUMBERS),
        *((name, ctypes.c_void_p) for name in _ARRAYS),
    )


class Run:
    """One case."""

    def __init__(self, library: str, case: Case):
        if case.work not in ("forward", "gradient"):
            raise NotImplementedError("forward and gradient")
        if case.equation != "scalar" and case.accuracy != 4:
            raise NotImplementedError("systems of order 4")
        source = "bare_scalar" if case.equation == "scalar" else "bare_systems"
        self.library, self.version = _compiled(source)
        self.case, problem = case, make_problem(case)
        self._map_models(problem)
        self._lay_out()
        self._place(problem)
        self._allocate()
        self.loops = (_Loop * case.shots)(*map(self._loop, range(case.shots)))

    def _map_models(self, problem: Problem) -> None:
        """Coefficients of Dualwave's tables from models that are continued beyond their edges."""
        case, equation = self.case, dualwave.equations.get(self.case.equation)
        wanted = case.work == "gradient"
        self.models = [torch.tensor(x, requires_grad=wanted) for x in problem.models.values()]
        around = (case.pml,) * (2 * case.ndim)
        continued = [
            torch.nn.functional.pad(x[None, None], around, "replicate")[0] for x in self.models
        ]
        mapped = equation.coefficient_map(dict(zip(problem.models, continued, strict=True)), DT)
        self.mapped = [mapped[name] for name in equation.coefficient_names(case.ndim)]

    def _lay_out(self) -> None:
        """Grids of these cells, among zeros as far as the stencil reaches, in rows of lines."""
        case, reach = self.case, self.case.accuracy // 2
        found = np.stack([x.detach().numpy()[0] for x in self.mapped])
        shape = found.shape[1:]
        after = _LINE - (shape[-1] + _LINE) % -_LINE
        pads = [(reach, reach)] * (case.ndim - 1) + [(_LINE, after)]
        power = 1 + (case.equation == "scalar")
        self.coefficients = np.pad(found / np.float32(SPACING**power), [(0, 0), *pads])
        self.inner = (..., *(slice(before, -after) for before, after in pads))
        self.strides = np.array(self.coefficients.strides[1:]) // 4
        self.first = int(np.dot([before for before, _ in pads], self.strides))
        self.sizes = dict(zip(("planes", "rows", "cells"), (1, *shape)[-3:], strict=True))
        self.sizes |= {"plane": self.strides[0], "row": self.strides[-2], "steps": case.nt}
        self.sizes["grid"] = self.coefficients[0].size

    def _place(self, problem: Problem) -> None:
        """Sources and receivers of each shot, and what a source adds to a field."""
        case = self.case
        self.sources, self.receivers = (
            (points + case.pml) @ self.strides for points in (problem.sources, problem.receivers)
        )
        # To the scalar field: v^2 dt^2; to pressure: K dt; to stresses: dt.
        there = self.coefficients[0].flat[self.first + self.sources]
        unit = {"scalar": there * SPACING**2, "acoustic": there * SPACING}
        unit["elastic"] = np.full_like(there, DT)
        amplitudes = problem.amplitudes * unit[case.equation][:, :, None]
        self.amplitudes = amplitudes.astype(np.float32)
        self.records = np.empty((case.shots, self.receivers.shape[1], case.nt), np.float32)

    def _allocate(self) -> None:
        """What is marched, for each of the shots that are at the same time."""
        case, threads = self.case, self.library.omp_get_max_threads()
        self.teams = threads if case.cells < SMALL and case.shots >= threads else 1
        fields = len(dualwave.equations.get(case.equation).fields(case.ndim))
        counts = {"fields": fields}
        if case.work == "gradient":
            interval = self.sizes["interval"] = round(math.sqrt(case.nt))
            history = fields if case.equation != "scalar" else 1
            counts |= {"adjoint": fields, "kept": fields * -(-case.nt // interval)}
            counts |= {"history": interval * history, "gradient": len(self.mapped)}
        shape = self.coefficients.shape[1:]
        self.grids = {k: np.zeros((self.teams, n, *shape), np.float32) for k, n in counts.items()}

    def _loop(self, shot: int) -> _Loop:
        """What the march of a shot is called with."""
        loop = _Loop(**{k: int(x) for k, x in self.sizes.items()})
        loop.source, loop.receivers = self.sources[shot].item(), self.receivers.shape[1]
        loop.amplitudes = self.amplitudes[shot].ctypes.data
        loop.receiver = self.receivers[shot].ctypes.data
        loop.records = self.records[shot].ctypes.data
        grids = {k: x[shot % self.teams] for k, x in self.grids.items()}
        for name, found in (grids | {"coefficients": self.coefficients}).items():
            setattr(loop, name, found.ctypes.data + 4 * self.first)
        return loop

    def __call__(self) -> list[np.ndarray]:
        """Records [shot, Nr, nt], or the gradients of the sum of their squares."""
        case = self.case
        kind = {"acoustic": 0, "elastic": 1}.get(case.equation, case.accuracy // 2)
        if case.work == "gradient":
            self.grids["gradient"][:] = 0
        if not self.library.bare_loops(case.ndim, kind, self.loops, case.shots, self.teams):
            raise NotImplementedError("2-D and 3-D, orders 4 and 8")
        return [self.records] if case.work == "forward" else self._of_models()

    def _of_models(self) -> list[np.ndarray]:
        """The gradients of the coefficients' logarithms as those of the models."""
        # In the halves past the last cells nothing moves: coefficients and gradients are zero.
        found = list(torch.from_numpy(self.grids["gradient"][self.inner]).sum(0))
        values = [x.detach()[0] for x in self.mapped]
        grads = [x / torch.where(y == 0, 1, y) for x, y in zip(found, values, strict=True)]
        if self.case.equation == "elastic":
            modulus, lamb = values[:2]
            traces = found[1] / (modulus + (self.case.ndim - 1) * lamb)
            grads[0] = (found[0] - lamb * traces) / (modulus - lamb)
            grads[1] = traces - grads[0]
        grads = torch.autograd.grad(
            self.mapped, self.models, [x[None] for x in grads], retain_graph=True
        )
        return [x.numpy() for x in grads]

    @staticmethod
    def to_numpy(result: list[np.ndarray]) -> list[np.ndarray]:
        return result


@functools.cache
def _compiled(source: str) -> tuple[ctypes.CDLL, str]:
    """The loops of a file, and what compiled them."""
    compiler = os.environ.get("CXX", "c++")
    asked = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True)
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / "bare.so"
        shared = ["-shared", "-fPIC", HERE / f"{source}.cpp", "-o", built]
        subprocess.run([compiler, *FLAGS, *shared], check=True)
        library = ctypes.CDLL(os.fspath(built))
    library.bare_loops.restype = ctypes.c_bool
    numbers = [ctypes.c_long, ctypes.c_int]
    library.bare_loops.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p, *numbers]
    return library, f"{asked.stdout.splitlines()[0]}, {' '.join(FLAGS)}"
