"""From samples in time to frequencies and back, as the leapfrog scheme sees them."""

from __future__ import annotations

import math

import numpy as np


class Clock:
    """nt samples dt apart: `omega` are the frequencies at which an oracle is to be evaluated.

    A leapfrog step replaces d/dt by a central difference over dt, which turns exp(i omega t) into
    i (2 / dt) sin(omega dt / 2) times itself: exactly the wave of another frequency. With
    `leapfrog` that one is `omega`, and what is left of a run's error is that of space.

    The Fourier transform is taken along omega - i eps, that is, of exp(-eps t) times the wave, so
    that what wraps around is small and no pole or branch point is met.
    """

    def __init__(self, nt: int, dt: float, leapfrog: bool = True) -> None:
        self.nt, self.dt, self.padded = nt, dt, 2 * nt
        eps = 24 / (self.padded * dt)
        self._decay = np.exp(-eps * dt * np.arange(nt))
        self._true = 2 * math.pi * np.fft.rfftfreq(self.padded, dt) - 1j * eps
        self.omega = 2 / dt * np.sin(self._true * dt / 2) if leapfrog else self._true

    def spectrum(self, signal: np.ndarray, late: float = 0.0) -> np.ndarray:
        """Of a signal [nt] whose sample i is at (i + late) dt."""
        shift = np.exp(-1j * self._true * late * self.dt)
        return np.fft.rfft(signal * self._decay, self.padded) * shift

    def trace(self, spectrum: np.ndarray, late: float = 0.0) -> np.ndarray:
        """[..., nt] at (i + late) dt."""
        shift = np.exp(1j * self._true * late * self.dt)
        return np.fft.irfft(spectrum * shift, self.padded)[..., : self.nt] / self._decay


def ricker(t: np.ndarray, frequency: float, peak: float = 1.5) -> np.ndarray:
    """A Ricker wavelet whose peak comes after `peak` periods of its peak frequency."""
    x = (math.pi * frequency * (t - peak / frequency)) ** 2
    return (1 - 2 * x) * np.exp(-x)


def misfit(found: np.ndarray, oracle: np.ndarray) -> float:
    """Relative to the oracle, which is not zero, in the L2 norm."""
    assert found.shape == oracle.shape
    norm = np.linalg.norm(oracle)
    assert norm > 0
    assert np.linalg.norm(found) > 0
    return float(np.linalg.norm(found - oracle) / norm)
