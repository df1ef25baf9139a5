"""A plain loop in C++ over the same cells, to see what the machine does: ``bare.cpp``.

No rival: its waves come back from the edges, and it has no derivatives. Where it is slower than a
goal asks for, no program reaches that goal here that takes one step after the other.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from cases import DT, SPACING, Case, make_problem

SOURCE = Path(__file__).with_name("bare.cpp")
FLAGS = ["-O3", "-march=native", "-ffast-math", "-fopenmp"]
_LINE = 16  # float32 in a cache line
_SIZES = ("planes", "rows", "cells", "plane", "row", "steps", "source", "receivers")
_ARRAYS = ("amplitudes", "receiver", "coefficient", "field", "before", "records")


class _Loop(ctypes.Structure):
    _fields_ = [(k, ctypes.c_long) for k in _SIZES] + [(k, ctypes.c_void_p) for k in _ARRAYS]


class Run:
    """One case, of one shot."""

    def __init__(self, library: str, case: Case):
        if (case.equation, case.work, case.shots) != ("scalar", "forward", 1):
            raise NotImplementedError("scalar, forward, one shot")
        self.march, self.version = _compiled()
        self.case, problem, reach = case, make_problem(case), case.accuracy // 2
        speed = np.pad(problem.models["v"], case.pml, mode="edge")
        self.size = (1,) * (3 - case.ndim) + speed.shape
        # Zeros around the cells as far as the stencil reaches, and rows of whole lines.
        after = _LINE - (speed.shape[-1] + _LINE) % -_LINE
        pads = [(reach, reach)] * (case.ndim - 1) + [(_LINE, after)]
        self.coefficient = np.pad((speed * np.float32(DT / SPACING)) ** 2, pads)
        self.fields = [np.zeros_like(self.coefficient) for _ in range(2)]
        self.strides = np.array(self.coefficient.strides) // 4
        self.first = int(np.dot([before for before, _ in pads], self.strides))
        self.source, self.receivers = (
            (points[0] + case.pml) @ self.strides for points in (problem.sources, problem.receivers)
        )
        there = self.coefficient.flat[self.first + self.source.item()] * SPACING**2
        self.amplitudes = (problem.amplitudes[0, 0] * there).astype(np.float32)

    def __call__(self) -> np.ndarray:
        """Records [shot, Nr, nt]."""
        case = self.case
        records = np.empty((len(self.receivers), case.nt), np.float32)
        for field in self.fields:
            field[:] = 0
        counts = (case.nt, self.source.item(), len(self.receivers))
        sizes = (*self.size, self.strides[0], self.strides[-2], *counts)
        grids = [x.ctypes.data + 4 * self.first for x in (self.coefficient, *self.fields)]
        points = [x.ctypes.data for x in (self.amplitudes, self.receivers)]
        arrays = (*points, *grids, records.ctypes.data)
        loop = _Loop(*map(int, (*sizes, *arrays)))
        if not self.march(case.ndim, case.accuracy // 2, ctypes.byref(loop)):
            raise NotImplementedError("2-D and 3-D, orders 4 and 8")
        return records[None]

    @staticmethod
    def to_numpy(result: np.ndarray) -> list[np.ndarray]:
        return [result]


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
    return march, f"{asked.stdout.splitlines()[0]}, {' '.join(FLAGS)}"
