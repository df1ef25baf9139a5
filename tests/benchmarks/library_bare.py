"""Plain loops in C++ over the same cells, to see what the machine does: ``bare_*.cpp``.

No rivals: their waves come back from the edges. Where one is slower than a goal asks for, no
program reaches that goal here that takes one step after the other. The gradient, of the scalar
equation, keeps the fields every few steps, as many as the interval has, and marches each interval
but the last again.
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
from cases import DT, SPACING, Case, Problem, make_problem

import dualwave.equations

HERE = Path(__file__).parent
FLAGS = ["-O3", "-march=native", "-ffast-math", "-fopenmp"]
_LINE = 16  # float32 in a cache line


def _struct(name: str, longs: tuple[str, ...], pointers: dict[str, int]) -> type:
    """A struct of a grid's cells, as in ``bare.hpp``, numbers, and so many pointers of a name."""
    sizes = ("planes", "rows", "cells", "plane", "row", "grid", *longs)
    fields = [*((k, ctypes.c_long) for k in sizes)]
    fields += [(k, ctypes.c_void_p * count) for k, count in pointers.items()]
    return type(name, (ctypes.Structure,), {"_fields_": fields})


_POINTS = {"amplitudes": 1, "receiver": 1}
_LOOP = _struct(
    "Loop",
    ("steps", "source", "receivers", "interval"),
    _POINTS
    | {"coefficients": 1, "fields": 2, "records": 1}
    | {"adjoint": 2, "kept": 1, "history": 1, "gradient": 1},
)
_SYSTEM = _struct(
    "System",
    ("steps", "source", "receivers"),
    _POINTS | {"coefficients": 8, "fields": 9, "records": 1},
)


class Run:
    """One case."""

    def __init__(self, library: str, case: Case):
        one = case.equation == "scalar" and case.shots == 1
        if case.work != "forward" and (case.work != "gradient" or not one):
            raise NotImplementedError("forward, and the gradient of one scalar shot")
        if case.equation != "scalar" and case.accuracy != 4:
            raise NotImplementedError("systems of order 4")
        source = "bare_scalar" if case.equation == "scalar" else "bare_systems"
        self.march, self.version = _compiled(source)
        self.case, problem = case, make_problem(case)
        self.models = {k: np.pad(x, case.pml, mode="edge") for k, x in problem.models.items()}
        self._lay_out(next(iter(self.models.values())).shape)
        self._place(problem)
        if case.work == "gradient":
            interval = self.sizes["interval"] = round(math.sqrt(case.nt))
            self.adjoint, self.gradient = self._grids(2), self._grids(1)
            self.kept = self._grids(2 * -(-case.nt // interval))
            self.history = self._grids(interval)
        self.loops = [self._loop(shot) for shot in range(case.shots)]

    def _lay_out(self, shape: tuple[int, ...]) -> None:
        """Grids of these cells; the coefficients are those of Dualwave's tables."""
        case, reach = self.case, self.case.accuracy // 2
        # Zeros around the cells as far as the stencil reaches, and rows of whole lines.
        after = _LINE - (shape[-1] + _LINE) % -_LINE
        pads = [(reach, reach)] * (case.ndim - 1) + [(_LINE, after)]
        self.inner = tuple(slice(before, -after) for before, after in pads)
        equation, power = dualwave.equations.get(case.equation), 1 + (case.equation == "scalar")
        grids = equation.coefficient_map({k: x[None] for k, x in self.models.items()}, DT)
        self.coefficients = [
            np.pad((grids[name][0] / SPACING**power).astype(np.float32), pads)
            for name in equation.coefficient_names(case.ndim)
        ]
        self.fields = self._grids(len(equation.fields(case.ndim)))
        self.strides = np.array(self.coefficients[0].strides) // 4
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

    def _grids(self, count: int) -> np.ndarray:
        return np.zeros((count, *self.coefficients[0].shape), np.float32)

    def _loop(self, shot: int) -> ctypes.Structure:
        """What the march of a shot is called with."""
        of = _LOOP if self.case.equation == "scalar" else _SYSTEM
        loop = of(**{k: int(x) for k, x in self.sizes.items()})
        loop.source, loop.receivers = self.sources[shot].item(), self.receivers.shape[1]
        loop.amplitudes[0] = self.amplitudes[shot].ctypes.data
        loop.receiver[0] = self.receivers[shot].ctypes.data
        loop.records[0] = self.records[shot].ctypes.data
        grids = {"coefficients": self.coefficients, "fields": self.fields}
        if self.case.work == "gradient":
            grids |= {"adjoint": self.adjoint, "gradient": self.gradient}
            grids |= {"kept": self.kept[:1], "history": self.history[:1]}
        for name, found in grids.items():
            addresses = [x.ctypes.data + 4 * self.first for x in found]
            getattr(loop, name)[: len(addresses)] = addresses
        return loop

    def __call__(self) -> np.ndarray:
        """Records [shot, Nr, nt], or the gradient of the sum of their squares."""
        case = self.case
        kind = {"acoustic": 0, "elastic": 1}.get(case.equation, case.accuracy // 2)
        if case.work == "gradient":
            self.adjoint[:], self.gradient[:] = 0, 0
        for loop in self.loops:
            self.fields[:] = 0
            if not self.march(case.ndim, kind, ctypes.byref(loop)):
                raise NotImplementedError("2-D and 3-D, orders 4 and 8")
        return self.records if case.work == "forward" else self._of_speed()

    def _of_speed(self) -> np.ndarray:
        """The gradient of the coefficient's logarithm as one of the speeds that were continued."""
        found = 2 * self.gradient[0][self.inner] / self.models["v"]
        for axis in range(found.ndim):
            parts = np.split(found, [self.case.pml, found.shape[axis] - self.case.pml], axis)
            found = parts[1]
            for end, part in ((0, parts[0]), (-1, parts[2])):
                found[(slice(None),) * axis + (end,)] += part.sum(axis)
        return found

    @staticmethod
    def to_numpy(result: np.ndarray) -> list[np.ndarray]:
        return [result]


@functools.cache
def _compiled(source: str) -> tuple[ctypes._FuncPointer, str]:
    """The loops of a file, and what compiled them."""
    compiler = os.environ.get("CXX", "c++")
    asked = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True)
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / "bare.so"
        shared = ["-shared", "-fPIC", HERE / f"{source}.cpp", "-o", built]
        subprocess.run([compiler, *FLAGS, *shared], check=True)
        loop = ctypes.CDLL(os.fspath(built)).bare_loop
    loop.restype = ctypes.c_bool
    loop.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
    return loop, f"{asked.stdout.splitlines()[0]}, {' '.join(FLAGS)}"
