"""A plain loop in C++ over the same cells, to see what the machine does: ``bare.cpp``.

No rival: its waves come back from the edges. Where it is slower than a goal asks for, no program
reaches that goal here that takes one step after the other. Its gradient keeps the fields every few
steps, as many as the interval has, and marches each interval but the last again.
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
from cases import DT, SPACING, Case, make_problem

SOURCE = Path(__file__).with_name("bare.cpp")
FLAGS = ["-O3", "-march=native", "-ffast-math", "-fopenmp"]
_LINE = 16  # float32 in a cache line
_SIZES = ("planes", "rows", "cells", "plane", "row", "grid", "steps", "source", "receivers")
_SIZES += ("interval",)
_ARRAYS = ("amplitudes", "receiver", "coefficient", "field", "before", "records")
_ARRAYS += ("adjoint", "adjoint_before", "kept", "history", "gradient")


class _Loop(ctypes.Structure):
    _fields_ = [(k, ctypes.c_long) for k in _SIZES] + [(k, ctypes.c_void_p) for k in _ARRAYS]


class Run:
    """One case, of one shot."""

    def __init__(self, library: str, case: Case):
        plain = case.equation == "scalar" and case.shots == 1
        if not plain or case.work not in ("forward", "gradient"):
            raise NotImplementedError("scalar, forward and gradient, one shot")
        self.march, self.version = _compiled()
        self.case, problem, reach = case, make_problem(case), case.accuracy // 2
        self.speed = np.pad(problem.models["v"], case.pml, mode="edge")
        self.size = (1,) * (3 - case.ndim) + self.speed.shape
        # Zeros around the cells as far as the stencil reaches, and rows of whole lines.
        after = _LINE - (self.speed.shape[-1] + _LINE) % -_LINE
        pads = [(reach, reach)] * (case.ndim - 1) + [(_LINE, after)]
        self.coefficient = np.pad((self.speed * np.float32(DT / SPACING)) ** 2, pads)
        self.inner = tuple(slice(before, -after) for before, after in pads)
        self.strides = np.array(self.coefficient.strides) // 4
        self.first = int(np.dot([before for before, _ in pads], self.strides))
        self.source, self.receivers = (
            (points[0] + case.pml) @ self.strides for points in (problem.sources, problem.receivers)
        )
        there = self.coefficient.flat[self.first + self.source.item()] * SPACING**2
        self.amplitudes = (problem.amplitudes[0, 0] * there).astype(np.float32)
        self.records = np.empty((len(self.receivers), case.nt), np.float32)
        self.fields, self.adjoint = self._grids(2), self._grids(2)
        self.interval = round(math.sqrt(case.nt))
        count = -(-case.nt // self.interval) if case.work == "gradient" else 0
        self.kept, self.history = self._grids(2 * count), self._grids(min(count, 1) * self.interval)
        self.gradient = self._grids(1)

    def _grids(self, count: int) -> np.ndarray:
        return np.zeros((count, *self.coefficient.shape), np.float32)

    def __call__(self) -> np.ndarray:
        """Records [1, Nr, nt], or the gradient of the sum of their squares."""
        case = self.case
        for grids in (self.fields, self.adjoint, self.gradient):
            grids[:] = 0
        counts = (case.nt, self.source.item(), len(self.receivers), self.interval)
        sizes = (*self.size, self.strides[0], self.strides[-2], self.coefficient.size, *counts)
        at = {
            name: x.ctypes.data + 4 * self.first
            for name, x in {
                "coefficient": self.coefficient,
                "field": self.fields[0],
                "before": self.fields[1],
                "adjoint": self.adjoint[0],
                "adjoint_before": self.adjoint[1],
                "kept": self.kept,
                "history": self.history,
                "gradient": self.gradient,
            }.items()
        }
        plain = {"amplitudes": self.amplitudes, "receiver": self.receivers, "records": self.records}
        at |= {name: x.ctypes.data for name, x in plain.items()}
        loop = _Loop(*map(int, sizes), *(at[name] for name in _ARRAYS))
        wanted = case.work == "gradient"
        if not self.march(case.ndim, case.accuracy // 2, wanted, ctypes.byref(loop)):
            raise NotImplementedError("2-D and 3-D, orders 4 and 8")
        return self._of_speed() if wanted else self.records[None]

    def _of_speed(self) -> np.ndarray:
        """The gradient of the coefficient's logarithm as one of the speeds that were continued."""
        found = 2 * self.gradient[0][self.inner] / self.speed
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
def _compiled() -> tuple[ctypes._FuncPointer, str]:
    """The loop, and what compiled it."""
    compiler = os.environ.get("CXX", "c++")
    asked = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True)
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / "bare.so"
        shared = ["-shared", "-fPIC", SOURCE, "-o", built]
        subprocess.run([compiler, *FLAGS, *shared], check=True)
        march = ctypes.CDLL(os.fspath(built)).bare_loop
    march.restype = ctypes.c_bool
    march.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_bool, ctypes.c_void_p]
    return march, f"{asked.stdout.splitlines()[0]}, {' '.join(FLAGS)}"
