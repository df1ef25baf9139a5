"""The imaging problem that both front ends solve: model, survey, settings. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dualwave import datasets, wavelets

PEAK_FREQUENCY = 7.0  # Hz, of the Ricker wavelet
SMOOTHING = 100.0  # m, standard deviation of the Gaussian that makes the background
MAX_SPEED = 6000.0  # m/s, for the time step and the absorbing layer
DURATION = 3.0  # s of record
TIME_STEP = 1.75e-3  # s at cells of 25 m: stable, so that no sub-steps are needed
AT_ONCE = 5  # shots in one call: more need more memory
ILLUMINATION_LENGTH = 200.0  # m, over which the illumination is smoothed
LEAST_ILLUMINATION = 0.003  # of the largest: with less an image is not amplified further


@dataclass(frozen=True)
class Settings:
    """Size of the problem, the same for both front ends."""

    spacing: float = 25.0  # m
    shots: int = 10
    iterations: int = 6


@dataclass(frozen=True)
class Problem:
    """What an imaging is given. Arrays are [depth, distance].

    The perturbation that is looked for is ``true - background``. ``below`` is 1 below the water,
    where it can differ from 0, and ``dots`` is noise there, to measure the illumination with.
    """

    true: np.ndarray
    background: np.ndarray
    below: np.ndarray
    dots: np.ndarray
    smooth_z: np.ndarray
    smooth_x: np.ndarray
    dt: float
    wavelet: np.ndarray  # [time]
    sources: np.ndarray  # [shot, 1, axis]
    receivers: np.ndarray  # [receiver, axis], the same for all shots
    settings: Settings
    name: str
    options: dict[str, float] = field(
        default_factory=lambda: {"max_vel": MAX_SPEED, "pml_freq": PEAK_FREQUENCY}
    )

    @property
    def perturbation(self) -> np.ndarray:
        """What the images should look like."""
        return self.true - self.background

    def calls(self) -> list[dict[str, np.ndarray]]:
        """Amplitudes and locations for each call; together, all shots."""
        parts = []
        for first in range(0, len(self.sources), AT_ONCE):
            sources = self.sources[first : first + AT_ONCE]
            parts.append(
                {
                    "source_amplitudes": np.tile(self.wavelet, (len(sources), 1, 1)),
                    "source_locations": sources,
                    "receiver_locations": np.tile(self.receivers, (len(sources), 1, 1)),
                }
            )
        return parts


@dataclass(frozen=True)
class Result:
    """What an imaging returns.

    rtm, lsrtm: the images, m/s. misfits: one for each least-squares model, the first of which is
    zero, relative to the energy of what is migrated. asymmetry: of the dot-product test of
    modelling and migration, relative.
    """

    rtm: np.ndarray
    lsrtm: np.ndarray
    misfits: list[float]
    asymmetry: float


def make_problem(settings: Settings) -> Problem:
    """Marmousi (see `dualwave.datasets.marmousi`) with sources and receivers along its surface."""
    true = datasets.marmousi(settings.spacing)
    depth, distance = true.vp.shape
    below = np.zeros_like(true.vp)
    below[true.water_rows :] = 1.0
    random = np.random.default_rng(1988)
    dt = TIME_STEP * settings.spacing / 25.0

    def smoothing(size: int) -> np.ndarray:
        weights = datasets.gaussian_weights(size, settings.spacing, ILLUMINATION_LENGTH)
        return weights.astype(np.float32)

    samples = round(DURATION / dt)
    sources = np.zeros((settings.shots, 1, 2), np.int64)
    sources[:, 0, 1] = (np.arange(settings.shots) + 0.5) * distance / settings.shots
    columns = np.arange(0, distance, max(1, round(50.0 / settings.spacing)))
    wavelet = wavelets.ricker(PEAK_FREQUENCY, samples, dt, 1.2 / PEAK_FREQUENCY)
    return Problem(
        true=true.vp,
        background=true.smoothed(SMOOTHING).vp.astype(np.float32),
        below=below,
        dots=below * random.standard_normal(below.shape, np.float32),
        smooth_z=smoothing(depth),
        smooth_x=smoothing(distance),
        dt=dt,
        wavelet=np.asarray(wavelet, np.float32),
        sources=sources,
        receivers=np.stack([np.zeros_like(columns), columns], axis=-1),
        settings=settings,
        name=true.name,
    )
