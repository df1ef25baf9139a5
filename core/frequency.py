"""The frequency for which the PML is made when the caller does not say: that of the sources.

Deepwave 0.1.0 chooses it by the same rule, so that scripts keep their boundary. The spectra of all
traces are added as energies, so that delays and polarities do not matter; the channels, which have
different units, count equally; the peak is found to a fraction of a bin by a parabola through the
logarithms; three digits are kept, so that trimming or padding a record does not move the boundary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

_PEAK_BIN = 64
"""A peak nearer to zero frequency than this is looked at again with the record padded in time."""

_LONGEST = 1 << 18
"""Samples to which a record is padded at most."""


def dominant_frequency(channels: Sequence[np.ndarray], dt: float) -> float:
    """Peak of the energy spectrum of source amplitudes, in Hz.

    Args:
        channels: amplitudes [..., nt], one array per source channel.
        dt: their time step in seconds.

    Returns:
        The frequency, at most that of Nyquist; 0.1 / dt where there is nothing to go by: no
        sources, silence, one sample, or a spectrum whose peak is at zero frequency.
    """
    fallback = 0.5 / abs(dt) / 5
    channels = [signal for signal in channels if signal.size and signal.shape[-1] > 1]
    if not channels:
        return fallback
    length = max(signal.shape[-1] for signal in channels)
    power = _power(channels, length)
    peak = _peak(power)
    if peak and peak < _PEAK_BIN and length < _LONGEST:
        length = min(length * math.ceil(_PEAK_BIN / peak), _LONGEST)
        power = _power(channels, length)
        peak = _peak(power)
    if not peak:
        return fallback
    frequency = (peak + _offset(power, peak)) / (length * abs(dt))
    return min(_three_digits(frequency), 0.5 / abs(dt))


def _power(channels: Sequence[np.ndarray], length: int) -> np.ndarray:
    """Energy spectrum of all traces together, each channel scaled to a total of one."""
    total = np.zeros(length // 2 + 1)
    for signal in channels:
        # Trace by trace: a survey's padded spectra need not be held at once.
        power = np.zeros_like(total)
        for trace in signal.reshape(-1, signal.shape[-1]):
            power += np.abs(np.fft.rfft(trace, length)).astype(np.float64) ** 2
        total += power / max(power.sum(), np.finfo(np.float64).tiny)
    return total


def _peak(power: np.ndarray) -> int:
    """Bin of the largest energy; 0 where the spectrum has no peak of its own."""
    if not np.isfinite(power).all() or power[1:].sum() <= 0:
        return 0
    return int(power.argmax())


def _offset(power: np.ndarray, peak: int) -> float:
    """Where between the bins the peak lies, -0.5 to 0.5."""
    if peak + 1 >= power.size:
        return 0.0
    left, middle, right = np.log(power[peak - 1 : peak + 2] + np.finfo(np.float64).tiny)
    curvature = left - 2 * middle + right
    return float(np.clip(0.5 * (left - right) / curvature, -0.5, 0.5)) if curvature < 0 else 0.0


def _three_digits(x: float) -> float:
    return round(x, 2 - math.floor(math.log10(x)))
