"""What is measured: cases, their model and survey. NumPy only: Devito's worker has no more."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

SPACING = 10.0  # m
DT = 1e-3  # s; below 0.6 * SPACING / (sqrt(3) * 1.15 * MAX_SPEED): nobody sub-steps in 3-D
MIN_SPEED, MAX_SPEED = 1500.0, 3000.0  # m/s
STAGGERED = 1.15  # times MAX_SPEED: the bound that Deepwave has for staggered grids
PEAK_FREQUENCY = 10.0  # Hz: 6 points in the shortest wavelength at 2.5 times that


@dataclass(frozen=True)
class Goal:
    """What is wanted beside Deepwave: times faster, and times less memory (0: no goal).

    beside: times faster than others, by their name. bandwidth: share of the memory's, see
    ``goals.py``. milliseconds: that a call may take.
    """

    speed: float = 0.0
    memory: float = 0.0
    beside: dict[str, float] = dataclasses.field(default_factory=dict)
    bandwidth: float = 0.0
    milliseconds: float = 0.0


@dataclass(frozen=True)
class Case:
    """A run that every library does: ``shots`` of ``nt`` steps on one model of ``shape`` cells.

    work: "forward"; "gradient" of the sum of the squared records; "jvp", Born modelling; or "hvp",
    the product of that sum's Hessian with a direction.
    """

    name: str
    shape: tuple[int, ...]
    nt: int
    shots: int = 1
    work: str = "forward"
    accuracy: int = 4
    device: str = "cpu"
    pml: int = 20
    equation: str = "scalar"
    memory_limit: str | None = None  # of Dualwave's gradients; the others know none
    gradient_storage: str | None = None  # likewise
    interpreted: bool = False  # the backends of array operations take part
    jax: bool = False  # those who march in JAX take part
    goal: Goal = Goal()

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def cells(self) -> int:
        """Cells of the grid, PML included."""
        return math.prod(n + 2 * self.pml for n in self.shape)

    @property
    def updates(self) -> int:
        """Cell updates of a forward run: what GPts/s counts, for gradients as well."""
        return self.cells * self.nt * self.shots

    @property
    def label(self) -> str:
        """For the table."""
        size = " x ".join(map(str, (*self.shape, self.nt)))
        words = [self.equation] * (self.equation != "scalar")
        words += [f"{self.ndim}-D {size} steps", f"{self.shots} shot{'s' * (self.shots > 1)}"]
        words += [f"order {self.accuracy}"] * (self.accuracy != 4)
        words += ["GPU"] * (self.device != "cpu")
        how = f" within {self.memory_limit}" if self.memory_limit else ""
        how += f" from {self.gradient_storage} storage" if self.gradient_storage else ""
        return ", ".join([*words, self.work + how])

    @property
    def own_keywords(self) -> dict[str, Any]:
        """Arguments that Dualwave alone has."""
        names = ("memory_limit", "gradient_storage")
        return {name: getattr(self, name) for name in names if getattr(self, name)}

    @property
    def by_model(self) -> bool:
        """Whether the result is one array for each model."""
        return self.work in ("gradient", "hvp")

    def tiny(self) -> Case:
        """The same kind of run in no time: loads code and starts threads before memory is read."""
        return dataclasses.replace(self, shape=(24,) * self.ndim, nt=8, shots=1, pml=4)


@dataclass(frozen=True)
class Problem:
    """Arrays of a case: float32, locations int64 in cells.

    models by name, [*shape]; amplitudes [shots, 1, nt]; sources [shots, 1, ndim];
    receivers [shots, Nr, ndim]
    """

    models: dict[str, np.ndarray]
    amplitudes: np.ndarray
    sources: np.ndarray
    receivers: np.ndarray


def make_problem(case: Case) -> Problem:
    """Speed grows with depth and waves sideways; shots and receivers lie along the top."""
    depth, *others = (np.linspace(0.0, 1.0, n, dtype=np.float32) for n in case.shape)
    side = others[-1] if others else np.zeros(1, np.float32)
    wave = 0.1 * np.sin(4.0 * np.pi * side)
    unit = np.clip(depth.reshape(-1, *(1,) * (case.ndim - 1)) + wave, 0.0, 1.0)
    speed = MIN_SPEED + (MAX_SPEED - MIN_SPEED) * unit
    speed = np.ascontiguousarray(np.broadcast_to(speed, case.shape), np.float32)
    amplitudes = np.broadcast_to(_ricker(case.nt), (case.shots, 1, case.nt))
    columns = np.linspace(0, case.shape[-1] - 1, case.shots + 2)[1:-1].astype(np.int64)
    middle = [n // 2 for n in case.shape[1:-1]]
    sources = np.array([[[2, *middle, column]] for column in columns], np.int64)
    receivers = np.broadcast_to(_receivers(case), (case.shots, *_receivers(case).shape))
    return Problem(
        _models(case, speed),
        np.ascontiguousarray(amplitudes),
        sources,
        np.ascontiguousarray(receivers),
    )


def _models(case: Case, speed: np.ndarray) -> dict[str, np.ndarray]:
    """Of the equation: density grows with speed, and S waves have half of it."""
    density = 1000.0 + 0.3 * speed
    if case.equation == "scalar":
        return {"v": speed}
    if case.equation == "acoustic":
        return {"v": speed, "rho": density}
    mu = density * (speed / 2) ** 2
    return {"lamb": density * speed**2 - 2 * mu, "mu": mu, "buoyancy": 1 / density}


def keywords(case: Case, problem: Problem) -> dict[str, Any]:
    """Arguments by the names that Deepwave and Dualwave share, but for the models."""
    source = {"scalar": "", "acoustic": "_volume_rate", "elastic": "_pressure_rate"}[case.equation]
    receiver = "" if case.equation == "scalar" else "_p"
    return {
        f"source_amplitudes{source}": problem.amplitudes,
        f"source_locations{source}": problem.sources,
        f"receiver_locations{receiver}": problem.receivers,
        "accuracy": case.accuracy,
        "pml_width": case.pml,
        "pml_freq": PEAK_FREQUENCY,
        "max_vel": MAX_SPEED * (1.0 if case.equation == "scalar" else STAGGERED),
    }


def direction(problem: Problem) -> dict[str, np.ndarray]:
    """How the models move in jvp and hvp: rough, a hundredth of their size."""
    rng = np.random.default_rng(0)
    return {
        k: (0.01 * x * rng.standard_normal(x.shape)).astype(np.float32)
        for k, x in problem.models.items()
    }


def result_name(case: Case) -> str:
    """The receivers' records among the results."""
    return "receiver_amplitudes" + "_p" * (case.equation != "scalar")


def _ricker(nt: int) -> np.ndarray:
    # Written out here: Devito's environment has no wavelets of ours.
    t = DT * np.arange(nt) - 1.0 / PEAK_FREQUENCY
    a = (np.pi * PEAK_FREQUENCY * t) ** 2
    return ((1.0 - 2.0 * a) * np.exp(-a)).astype(np.float32)


def _receivers(case: Case) -> np.ndarray:
    # Every fourth cell in 2-D, every eighth of each axis in 3-D.
    stride = 4 * (case.ndim - 1)
    axes = [np.arange(stride // 2, n, stride) for n in case.shape[1:]]
    grid = np.stack(np.meshgrid([4], *axes, indexing="ij"), axis=-1)
    return grid.reshape(-1, case.ndim).astype(np.int64)


def _works(case: Case, forward: float | Goal, gradient: float) -> list[Case]:
    """Forward and gradient, with the goals of their speed; a gradient's memory is a tenth."""
    first = forward if isinstance(forward, Goal) else Goal(forward)
    goals = {"forward": first, "gradient": Goal(gradient, 10.0)}
    return [
        dataclasses.replace(case, name=f"{case.name}-{work}", work=work, goal=goal)
        for work, goal in goals.items()
    ]


def _gpu(name: str, shape: tuple[int, ...], nt: int, accuracy: int = 4) -> list[Case]:
    """Forward and gradient on a CUDA device."""
    case = Case(name, shape, nt, accuracy=accuracy, device="cuda")
    goals = {"forward": Goal(2, bandwidth=0.6), "gradient": Goal(2)}
    return [
        dataclasses.replace(case, name=f"{name}-{work}", work=work, goal=goal)
        for work, goal in goals.items()
    ]


def _limited(name: str, shape: tuple[int, ...], nt: int, limit: str, speed: float) -> Case:
    """The gradient of a case within about a tenth of what Deepwave's takes."""
    equation = name.split("-")[0] if name[0].isalpha() else "scalar"
    return Case(
        f"{name}-gradient-limited",
        shape,
        nt,
        work="gradient",
        equation=equation,
        memory_limit=limit,
        goal=Goal(speed, 10.0),
    )


def _beside_jax(name: str, shape: tuple[int, ...], nt: int) -> list[Case]:
    """Forward and gradient beside others in JAX."""
    return [
        Case(f"{name}-{work}", shape, nt, work=work, jax=True, goal=Goal(beside=goal))
        for work, times in (("forward", 5), ("gradient", 8))
        for goal in [dict.fromkeys(JAX_PEERS, times)]
    ]


JAX_PEERS = ("lax.scan", "jwave", "sweep")
_DERIVATIVES = [
    Case(f"derivatives-2d-{work}", (100, 200), 400, work=work, interpreted=True)
    for work in ("forward", "jvp", "gradient", "hvp")
]
CASES = [
    *_works(Case("2d-1shot", (400, 800), 1000), 1.5, 6),
    _limited("2d-1shot", (400, 800), 1000, "145 MB", 6),
    *(
        Case(f"2d-1shot-gradient-{how}", (400, 800), 1000, work="gradient", gradient_storage=how)
        for how in ("full", "boundary")
    ),
    *_works(Case("2d-8shots", (400, 800), 1000, shots=8), 2, 6),
    *_works(Case("2d-64small", (100, 100), 1000, shots=64), 3, 3),
    Case("2d-order8-forward", (400, 800), 1000, accuracy=8, goal=Goal(2, beside={"devito": 1.3})),
    *_works(Case("3d", (120, 120, 120), 200), Goal(4, beside={"devito": 2}, bandwidth=0.6), 12),
    # With the least, some 350 MB, each step would be taken a hundred times.
    _limited("3d", (120, 120, 120), 200, "440 MB", 12),
    Case("3d-order8-forward", (120, 120, 120), 200, accuracy=8, goal=Goal(4, beside={"devito": 2})),
    *_works(Case("acoustic-2d", (400, 800), 500, shots=2, equation="acoustic"), 2, 6),
    *_works(Case("elastic-2d", (400, 800), 500, shots=2, equation="elastic"), 2, 7),
    *_works(Case("acoustic-3d", (100, 100, 100), 200, equation="acoustic"), 4, 6),
    _limited("acoustic-3d", (100, 100, 100), 200, "980 MB", 6),
    *_works(Case("elastic-3d", (100, 100, 100), 200, equation="elastic"), 4, 8),
    _limited("elastic-3d", (100, 100, 100), 200, "2200 MB", 8),
    # So few steps, as many as a wave takes to a receiver, that what is measured is the call.
    Case("call-forward", (50, 50), 4, pml=8, goal=Goal(milliseconds=0.3)),
    *_beside_jax("jax-2d", (400, 800), 500),
    *_DERIVATIVES,
    *_gpu("gpu-2d", (4096, 4096), 1000),
    *_gpu("gpu-3d", (512, 512, 512), 200, accuracy=8),
    *_gpu("gpu-3d-medium", (256, 256, 256), 200, accuracy=8),  # its history fits any device
]


def quick(case: Case) -> Case:
    """The same case at a size that tests the harness; its figures mean nothing."""
    shape = (60, 90) if case.ndim == 2 else (28, 30, 32)
    return dataclasses.replace(
        case, shape=shape, nt=120 if case.ndim == 2 else 60, shots=min(case.shots, 2), pml=8
    )
