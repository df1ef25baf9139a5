"""Source wavelets, sampled at ``t = i dt``, as NumPy arrays of one axis.

Each has its peak at ``peak_time``, by default the middle of the record, ``nt * dt / 2``, as in
Deepwave. They are computed in float64 and rounded once to ``dtype``. Frequencies are in Hz and
times in seconds, or in any two units of which one is the inverse of the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np


def ricker(
    freq: float, nt: int, dt: float, peak_time: float | None = None, dtype: Any = "float32"
) -> np.ndarray:
    """Second derivative of a Gaussian, sign reversed: [nt], 1 at the peak.

    Args:
        freq: frequency at which the amplitude spectrum is largest.
        nt: number of samples.
        dt: time step.
        peak_time: time of the peak; 1.5 / freq or more makes the beginning quiet.
        dtype: NumPy dtype or its name.
    """
    x = (math.pi * _positive("freq", freq) * _times(nt, dt, peak_time)) ** 2
    return ((1 - 2 * x) * np.exp(-x)).astype(dtype)


def gaussian_pulse(
    freq: float,
    bandwidth_frac: float,
    nt: int,
    dt: float,
    peak_time: float | None = None,
    dtype: Any = "float32",
) -> np.ndarray:
    """Cosine under a Gaussian: [nt], 1 at the peak.

    Args:
        freq: frequency of the cosine.
        bandwidth_frac: the spectrum is down to half at ``freq * (1 +- bandwidth_frac / 2)``.
        nt, dt, peak_time, dtype: as for :func:`ricker`.
    """
    t = _times(nt, dt, peak_time)
    width = math.pi * _positive("freq", freq) * _positive("bandwidth_frac", bandwidth_frac)
    envelope = np.exp(-((width * t) ** 2) / (4 * math.log(2)))
    return (envelope * np.cos(2 * math.pi * freq * t)).astype(dtype)


def tone_burst(
    freq: float,
    n_cycles: float,
    nt: int,
    dt: float,
    peak_time: float | None = None,
    dtype: Any = "float32",
) -> np.ndarray:
    """Sine under a Hann window: [nt], zero in the middle, where the window has its peak.

    Args:
        freq: frequency of the sine.
        n_cycles: cycles within the window.
        nt, dt, peak_time, dtype: as for :func:`ricker`.
    """
    t = _times(nt, dt, peak_time)
    part = t * _positive("freq", freq) / _positive("n_cycles", n_cycles)
    window = np.where(np.abs(part) <= 0.5, 0.5 + 0.5 * np.cos(2 * math.pi * part), 0.0)
    return (window * np.sin(2 * math.pi * freq * t)).astype(dtype)


def ormsby(
    corners: Sequence[float],
    nt: int,
    dt: float,
    peak_time: float | None = None,
    dtype: Any = "float32",
) -> np.ndarray:
    """Zero-phase wavelet with a trapezoid for a spectrum: [nt], 1 at the peak.

    Args:
        corners: four rising frequencies above zero: the spectrum rises from the first to the
            second, is flat to the third, and falls to zero at the fourth.
        nt, dt, peak_time, dtype: as for :func:`ricker`. Where no sample falls on the peak the
            largest is below 1; Deepwave scales the largest sample to 1.
    """
    if len(corners) != 4 or not 0 < corners[0] < corners[1] < corners[2] < corners[3] < math.inf:
        raise ValueError(f"corners must be four rising frequencies above zero, got {corners}")
    t = _times(nt, dt, peak_time)
    f1, f2, f3, f4 = corners
    # A trapezoid is the difference of two triangles, and a triangle is the square of a sinc.
    squares = [(f * np.sinc(f * t)) ** 2 for f in corners]
    value = (squares[3] - squares[2]) / (f4 - f3) - (squares[1] - squares[0]) / (f2 - f1)
    return (value / (f4 + f3 - f2 - f1)).astype(dtype)


def _times(nt: int, dt: float, peak_time: float | None) -> np.ndarray:
    """Time of every sample after the peak."""
    if not isinstance(nt, (int, np.integer)) or nt < 1:
        raise ValueError(f"nt must be an int of 1 or more, got {nt!r}")
    if not math.isfinite(dt) or dt == 0:
        raise ValueError(f"dt must be a finite number other than zero, got {dt}")
    peak_time = nt * dt / 2 if peak_time is None else peak_time
    if not math.isfinite(peak_time):
        raise ValueError(f"peak_time must be finite, got {peak_time}")
    return np.arange(nt) * dt - peak_time


def _positive(name: str, value: float) -> float:
    if not math.isfinite(value) or value <= 0:
        raise ValueError(f"{name} must be a number above zero, got {value}")
    return value
