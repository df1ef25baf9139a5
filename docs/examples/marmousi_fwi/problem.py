"""The inverse problem that both front ends solve: model, survey, unknowns, settings. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dualwave import datasets, wavelets

PEAK_FREQUENCY = 5.0  # Hz, of the Ricker wavelet
SMOOTHING = 300.0  # m, standard deviation of the Gaussian that makes the starting model
MAX_SPEED = 6000.0  # m/s, for the time step and the absorbing layer, and the largest speed allowed
MIN_SPEED = 1450.0  # m/s, the smallest speed allowed
DURATION = 3.0  # s of record
TIME_STEP = 1.4e-3  # s at cells of 20 m: stable, so that no sub-steps are needed


@dataclass(frozen=True)
class Settings:
    """Size of the problem and of the optimiser's steps, the same for both front ends."""

    spacing: float = 20.0  # m
    shots: int = 10
    iterations: int = 16
    step: float = 60.0  # m/s, about the largest change of speed in one iteration at 1.3 km depth
    betas: tuple[float, float] = (0.8, 0.99)
    # Relative to the largest gradient of the first iteration. It is large, so that cells that the
    # waves hardly see are left alone and rounding is not blown up into an update.
    eps: float = 1e-2


@dataclass(frozen=True)
class Problem:
    """What an inversion is given.

    The unknown ``x`` [depth, distance] is zero at the start, and the speed is
    ``clip(start + weight * (smooth_z @ x @ smooth_x.T))``: an update is smooth over a few cells,
    grows with depth, where the waves are weaker, and leaves the water alone.
    """

    true: np.ndarray
    start: np.ndarray
    weight: np.ndarray
    smooth_z: np.ndarray
    smooth_x: np.ndarray
    dt: float
    shots: dict[str, np.ndarray]
    settings: Settings
    name: str
    options: dict[str, float] = field(
        default_factory=lambda: {"max_vel": MAX_SPEED, "pml_freq": PEAK_FREQUENCY}
    )


@dataclass(frozen=True)
class Result:
    """What an inversion returns. speed: m/s. misfits: one for each model, the first and the last
    included, relative to the data's energy."""

    speed: np.ndarray
    misfits: list[float]


def make_problem(settings: Settings) -> Problem:
    """Marmousi (see `dualwave.datasets.marmousi`) with sources and receivers along its surface."""
    true = datasets.marmousi(settings.spacing)
    start = true.smoothed(SMOOTHING)
    depth, distance = true.vp.shape
    z = settings.spacing * np.arange(depth)[:, None]
    weight = np.sqrt((z + 200.0) / 1500.0) * (np.arange(depth)[:, None] >= true.water_rows)

    def smoothing(size: int) -> np.ndarray:
        return datasets.gaussian_weights(size, settings.spacing, 1.5 * settings.spacing)

    dt = TIME_STEP * settings.spacing / 20.0
    return Problem(
        true=true.vp,
        start=start.vp,
        weight=weight.astype(np.float32),
        smooth_z=smoothing(depth).astype(np.float32),
        smooth_x=smoothing(distance).astype(np.float32),
        dt=dt,
        shots=_shots(settings, distance, dt),
        settings=settings,
        name=true.name,
    )


def _shots(settings: Settings, width: int, dt: float) -> dict[str, np.ndarray]:
    """Shots at even intervals and receivers 40 m apart, all at the surface (in the water)."""
    count = settings.shots
    wavelet = wavelets.ricker(PEAK_FREQUENCY, round(DURATION / dt), dt, 1.2 / PEAK_FREQUENCY)
    sources = np.zeros((count, 1, 2), np.int64)
    sources[:, 0, 1] = (np.arange(count) + 0.5) * width / count
    every = max(1, round(40.0 / settings.spacing))
    columns = np.arange(0, width, every)
    receivers = np.zeros((count, columns.size, 2), np.int64)
    receivers[..., 1] = columns
    return {
        "source_amplitudes": np.tile(np.asarray(wavelet, np.float32), (count, 1, 1)),
        "source_locations": sources,
        "receiver_locations": receivers,
    }
