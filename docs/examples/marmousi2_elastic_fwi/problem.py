"""The inverse problem that both front ends solve: model, survey, unknowns, settings. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dualwave import datasets, wavelets

PARAMETERS = ("vp", "vs", "rho")
RECORDS = ("p", "y", "x")  # pressure, vertical and horizontal particle velocity
SMOOTHING = 300.0  # m, standard deviation of the Gaussian that makes the starting model
SLOWEST = 500.0  # m/s: shear waves that are slower are raised to it in the true model
DURATION = 4.5  # s of record
TIME_STEP = 2.9e-3  # s at cells of 25 m
LOWER = (1000.0, 480.0, 1500.0)  # what is allowed below the sea floor, m/s, m/s, kg/m^3
UPPER = (4800.0, 2800.0, 2750.0)
BEND = 20.0  # in the same units: how far above the lower bound it is felt
# About the largest change in one iteration 1.3 km below the sea floor, and how it depends on depth.
# Deep down, waves are weaker and speeds need a larger factor. Density is given a small and falling
# one: from low frequencies it is known only where many waves pass.
STEPS = (80.0, 65.0, 10.0)
DEPTH_POWERS = (0.5, 0.5, -0.3)


@dataclass(frozen=True)
class Stage:
    """A part of the inversion: peak frequency of its Ricker wavelet in Hz, number of iterations."""

    frequency: float
    iterations: int


@dataclass(frozen=True)
class Settings:
    """Size of the problem and of the optimiser's steps, the same for both front ends."""

    spacing: float = 25.0  # m
    shots: int = 16
    stages: tuple[Stage, ...] = (Stage(1.5, 12), Stage(3.0, 28))
    betas: tuple[float, float] = (0.8, 0.99)
    # Relative to the largest gradient of a parameter in the first iteration. It is large, so that
    # cells that the waves hardly see are left alone and rounding is not blown up into an update.
    eps: float = 1e-2


@dataclass(frozen=True)
class Problem:
    """What an inversion is given. Arrays of parameters are [vp / vs / rho, depth, distance].

    The unknown ``x`` is zero at the start, and an update is smooth over a few cells:
    ``free + weight * (smooth_z @ x @ smooth_x.T)``. The parameters are
    ``lower + BEND * softplus((that - lower) / BEND)``, at most ``upper``, and in the water the
    start. Many cells of slow shear waves reach the lower bound. It bends and has no corner, at
    which rounding would decide whether a cell has a gradient, in each front end for itself.
    """

    true: np.ndarray
    start: np.ndarray
    free: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    weight: np.ndarray
    smooth_z: np.ndarray
    smooth_x: np.ndarray
    dt: float
    sources: np.ndarray  # [shot, 1, axis]
    receivers: dict[str, np.ndarray]  # [1, receiver, axis] each, the same for all shots
    settings: Settings
    water_rows: int
    name: str

    def wavelet(self, stage: Stage) -> np.ndarray:
        """[time]"""
        frequency, samples = stage.frequency, round(DURATION / self.dt)
        return np.float32(wavelets.ricker(frequency, samples, self.dt, 1.2 / frequency))

    def signs(self, stage: Stage) -> np.ndarray:
        """[iteration, shot], 1 or -1 at random, the same numbers at every call."""
        random = np.random.default_rng(round(1000 * stage.frequency))
        return random.choice(np.float32([-1, 1]), (stage.iterations, self.settings.shots))

    def options(self, stage: Stage) -> dict[str, float]:
        """What keeps time step and absorbing layers the same while the model changes."""
        return {"max_vel": UPPER[0], "pml_freq": stage.frequency, "courant_number": 0.8}


@dataclass(frozen=True)
class Result:
    """What an inversion returns. Misfits are relative to the energy of their kind of record.

    misfits: of the shots added up, one for each iteration. first, last: of all shots one by one in
    the last stage, for the starting model and for the result, by kind of record.
    """

    parameters: np.ndarray
    misfits: list[float]
    first: dict[str, float]
    last: dict[str, float]


def make_problem(settings: Settings) -> Problem:
    """Marmousi2 (see `dualwave.datasets.marmousi2`), receivers along its sea floor."""
    model = datasets.marmousi2(settings.spacing)
    rows = model.water_rows
    model.values[1, rows:] = np.maximum(model.values[1, rows:], SLOWEST)
    start = model.smoothed(SMOOTHING).values
    _, depth, distance = start.shape
    lower, upper = (np.reshape(np.float32(bound), (3, 1, 1)) for bound in (LOWER, UPPER))

    smooth_z, smooth_x = (
        datasets.gaussian_weights(size, 1.0, 1.5).astype(np.float32) for size in (depth, distance)
    )
    sources = np.ones((settings.shots, 1, 2), np.int64)
    sources[:, 0, 1] = (np.arange(settings.shots) + 0.5) * distance / settings.shots
    return Problem(
        true=model.values,
        start=start,
        free=_unbent(start, lower),
        lower=lower,
        upper=upper,
        weight=_weight(depth, rows, settings.spacing),
        smooth_z=smooth_z,
        smooth_x=smooth_x,
        dt=TIME_STEP * settings.spacing / 25.0,
        sources=sources,
        receivers=_receivers(settings.spacing, distance, rows),
        settings=settings,
        water_rows=rows,
        name=model.name,
    )


def _unbent(start: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """What becomes ``start`` by the bend at ``lower``; anything in the water."""
    above = np.maximum(start.astype(float) - lower, 1.0) / BEND
    return (lower + BEND * (above + np.log(-np.expm1(-above)))).astype(np.float32)


def _weight(depth: int, water_rows: int, spacing: float) -> np.ndarray:
    """[parameter, depth, 1], 0 in the water."""
    below = spacing * (np.arange(depth) - water_rows)
    z = np.maximum(below + 200.0, spacing) / 1500.0
    weight = np.reshape(STEPS, (3, 1)) * z ** np.reshape(DEPTH_POWERS, (3, 1)) * (below >= 0)
    return weight[..., None].astype(np.float32)


def _receivers(spacing: float, width: int, water_rows: int) -> dict[str, np.ndarray]:
    """80 m apart: pressure in the last row of the water, velocity in the first below it."""
    columns = np.arange(0, width, max(1, round(80.0 / spacing)))
    rows = {"p": water_rows - 1, "y": water_rows, "x": water_rows}
    return {k: np.stack([np.full_like(columns, v), columns], -1)[None] for k, v in rows.items()}
