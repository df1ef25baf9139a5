"""Waves of a point source in a homogeneous medium, from their Green's functions."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import hankel2

SPEED = 2000.0


def greens_function(ndim: int, distance: np.ndarray, omega: np.ndarray) -> np.ndarray:
    """G [..., frequency] of (lap + (omega / SPEED)^2) G = delta, outgoing for exp(i omega t).

    Args:
        distance: metres from the source, above zero.
        omega: angular frequencies, with an imaginary part below zero.
    """
    k, r = omega / SPEED, np.asarray(distance)[..., None]
    if ndim == 1:
        return 0.5j / k * np.exp(-1j * k * r)
    if ndim == 2:
        return 0.25j * hankel2(0, k * r)
    return -np.exp(-1j * k * r) / (4 * math.pi * r)


def wave(
    ndim: int, distance: np.ndarray, signal: np.ndarray, dt: float, leapfrog: bool
) -> np.ndarray:
    """u [..., nt] of u_tt = SPEED^2 (lap u - signal(t) delta(x)), at t = i dt.

    A step of the leapfrog scheme replaces u_tt by the second difference in time, which turns
    exp(i omega t) into -((2 / dt) sin(omega dt / 2))^2 exp(i omega t): exactly the wave of another
    frequency. With `leapfrog` that one is taken, and what is left of an error is that of space.

    The Fourier transform is taken along omega - i eps, that is, of exp(-eps t) times the wave, so
    that what wraps around is small and the pole at frequency zero is avoided.
    """
    nt = signal.shape[-1]
    padded = 4 * nt
    eps = 24 / (padded * dt)
    decay = np.exp(-eps * dt * np.arange(nt))
    spectrum = np.fft.rfft(signal * decay, padded)
    omega = 2 * math.pi * np.fft.rfftfreq(padded, dt) - 1j * eps
    if leapfrog:
        omega = 2 / dt * np.sin(omega * dt / 2)
    trace = np.fft.irfft(greens_function(ndim, distance, omega) * spectrum, padded)
    return trace[..., :nt] / decay
