"""Devito, forward only: with the damping layer of its examples in place of a PML."""

from __future__ import annotations

import numpy as np
from cases import DT, SPACING, Case, Problem, make_problem
from devito import (
    Eq,
    Function,
    Grid,
    Operator,
    SparseTimeFunction,
    TimeFunction,
    __version__,
    solve,
)


class Run:
    """One case; calling it runs the shots one after another, each on all threads."""

    def __init__(self, library: str, case: Case):
        if case.work != "forward":
            raise NotImplementedError("forward only")
        self.version = __version__
        self.case, self.problem = case, make_problem(case)
        shape = tuple(n + 2 * case.pml for n in case.shape)
        grid = Grid(
            shape,
            extent=tuple(SPACING * (n - 1) for n in shape),
            origin=(-SPACING * case.pml,) * case.ndim,
            dtype=np.float32,
        )
        self.u = self._field("u", grid)
        self.source, self.receiver = self._points(grid)
        self.operator = self._operator(grid)
        self.settings = {"dt": DT, "time_m": 0, "time_M": case.nt - 1}
        self.settings |= self._tune(grid)

    def _field(self, name: str, grid: Grid) -> TimeFunction:
        return TimeFunction(name=name, grid=grid, time_order=2, space_order=self.case.accuracy)

    def _points(self, grid: Grid) -> tuple[SparseTimeFunction, SparseTimeFunction]:
        counts = {"source": 1, "receiver": self.problem.receivers.shape[1]}
        return tuple(
            SparseTimeFunction(name=name, grid=grid, npoint=count, nt=self.case.nt)
            for name, count in counts.items()
        )

    def _operator(self, grid: Grid) -> Operator:
        m = Function(name="m", grid=grid, space_order=self.case.accuracy)
        m.data[:] = np.pad(self.problem.models["v"], self.case.pml, mode="edge") ** -2.0
        damp = Function(name="damp", grid=grid, space_order=self.case.accuracy)
        damp.data[:] = _damping(grid.shape, self.case.pml)
        u, dt = self.u, grid.stepping_dim.spacing
        update = solve(m * u.dt2 - u.laplace + damp * u.dt, u.forward)
        steps = [
            Eq(u.forward, update),
            self.source.inject(field=u.forward, expr=self.source * dt**2 / m),
            self.receiver.interpolate(expr=u),
        ]
        return Operator(steps, subs=grid.spacing_map, name="forward")

    def _tune(self, grid: Grid) -> dict[str, int]:
        """Block sizes from Devito's own search, made on a field of its own."""
        arguments = self.operator.arguments(
            u=self._field("scratch", grid), autotune="aggressive", **self.settings
        )
        return {k: int(v) for k, v in arguments.items() if "blk" in k and k.endswith("_size")}

    def __call__(self) -> np.ndarray:
        records = np.empty((*self.problem.receivers.shape[:2], self.case.nt), np.float32)
        for shot in range(self.case.shots):
            self._load(self.problem, shot)
            self.operator.apply(**self.settings)
            records[shot] = self.receiver.data.T
        return records

    def _load(self, problem: Problem, shot: int) -> None:
        self.u.data[:] = 0.0
        self.source.coordinates.data[:] = SPACING * problem.sources[shot]
        self.source.data[:] = problem.amplitudes[shot].T
        self.receiver.coordinates.data[:] = SPACING * problem.receivers[shot]

    def to_numpy(self, result: np.ndarray) -> list[np.ndarray]:
        return [-result]  # its source term has the other sign


def _damping(shape: tuple[int, ...], width: int) -> np.ndarray:
    """In s/m: zero inside, growing to each face over ``width`` cells as in Devito's examples."""
    strength = 1.5 * np.log(1000.0) / width / SPACING
    total = np.zeros(shape, np.float32)
    for axis, n in enumerate(shape):
        cell = np.arange(n)
        inside = np.minimum(cell, n - 1 - cell)
        depth = np.where(inside < width, (width - inside + 1.0) / width, 0.0)
        profile = strength * (depth - np.sin(2.0 * np.pi * depth) / (2.0 * np.pi))
        total += profile.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return total
