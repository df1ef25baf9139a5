"""Band-limited resampling between the caller's time step and the inner one, by FFT.

Both directions are linear and differentiable, and work on the last axis. A signal is treated as
periodic: one that does not fade to zero at its ends rings there, which padding and tapers reduce.
Sample i of the slow signal is sample ``i * step_ratio`` of the fast one. The Nyquist frequency of
the slow signal, whose phase is not known, is removed.

Equal to Deepwave 0.1.0's ``upsample`` and ``downsample``, with one difference: Deepwave makes its
tapers in PyTorch's default dtype, here they have full precision for float64 signals.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from .framework import Array, Framework

_TRACES, _SAMPLES = 16, 64
"""Of signals that stand for all others; the samples at the slow rate."""


def upsample(
    fw: Framework,
    signal: Array,
    step_ratio: int,
    freq_taper_frac: float = 0.0,
    time_pad_frac: float = 0.0,
    time_taper: bool = False,
) -> Array:
    """From nt samples to ``nt * step_ratio``.

    Args:
        fw: the framework of ``signal``.
        signal: [..., nt], float32 or float64.
        step_ratio: inner steps for each sample; with 1 the signal is returned as it is.
        freq_taper_frac: fraction of the upper frequencies to taper by a half cosine, 0 to 1.
        time_pad_frac: zeros to append before and to remove after, as a fraction of nt, 0 to 1.
        time_taper: multiply the result by a Hann window, which makes its ends zero.

    Returns:
        [..., nt * step_ratio] of the same dtype.
    """
    _check(step_ratio, freq_taper_frac, time_pad_frac)
    slow = signal.shape[-1]
    if step_ratio == 1:
        return signal
    if 0 in signal.shape:  # PyTorch has no Fourier transform of nothing
        return _extended(fw, signal, slow * (step_ratio - 1))
    padded = slow + int(time_pad_frac * slow)
    signal = _extended(fw, signal, padded - slow)
    spectrum = fw.xp.fft.rfft(signal) * _band(fw, signal, padded, freq_taper_frac, step_ratio)
    # irfft appends zeros for the frequencies that the slow signal does not have.
    fast = fw.xp.fft.irfft(spectrum, n=padded * step_ratio)[..., : slow * step_ratio]
    fast = fw.xp.astype(fast, signal.dtype)
    return fast * _hann(fw, fast) if time_taper else fast


def downsample(
    fw: Framework,
    signal: Array,
    step_ratio: int,
    freq_taper_frac: float = 0.0,
    time_pad_frac: float = 0.0,
    time_taper: bool = False,
) -> Array:
    """From ``nt * step_ratio`` samples to nt; frequencies from the new Nyquist on are removed.

    Arguments are as for :func:`upsample`, but the Hann window is applied before, and
    ``time_pad_frac`` is a fraction of the new length.

    Raises:
        ValueError: the length is not a multiple of ``step_ratio``.
    """
    _check(step_ratio, freq_taper_frac, time_pad_frac)
    fast = signal.shape[-1]
    if step_ratio == 1:
        return signal
    if fast % step_ratio:
        raise ValueError(f"signal has {fast} samples, not a multiple of step_ratio {step_ratio}")
    slow = fast // step_ratio
    if 0 in signal.shape:
        return signal[..., :slow]
    padded = slow + int(time_pad_frac * slow)
    signal = signal * _hann(fw, signal) if time_taper else signal
    signal = _extended(fw, signal, (padded - slow) * step_ratio)
    spectrum = fw.xp.fft.rfft(signal)[..., : padded // 2 + 1]
    spectrum = spectrum * _band(fw, signal, padded, freq_taper_frac, 1 / step_ratio)
    return fw.xp.astype(fw.xp.fft.irfft(spectrum, n=padded)[..., :slow], signal.dtype)


@functools.lru_cache(maxsize=256)
def held(
    fw: Framework,
    step_ratio: int,
    freq_taper_frac: float,
    time_pad_frac: float,
    time_taper: bool,
) -> tuple[float, float]:
    """Arrays of the size of the fast signal that the framework holds at most to make that of the
    slow one, and the slow one of that, and for the derivative; both signals are not counted."""

    tapers = freq_taper_frac, time_pad_frac, time_taper

    def most(resample: Callable[..., Array], samples: int) -> float:
        def run(given: dict[str, Array]) -> Array:
            return resample(fw, given["signal"], step_ratio, *tapers)

        size = fw.held(run, {"signal": (_TRACES, samples)})[1]
        return size / (4 * _TRACES * _SAMPLES * step_ratio)

    return most(upsample, _SAMPLES), most(downsample, _SAMPLES * step_ratio)


def _band(fw: Framework, signal: Array, length: int, taper: float, scale: float) -> Array:
    """Factor for each frequency of a signal of ``length`` samples, in the dtype of ``signal``."""
    count = length // 2 + 1
    factor = np.full(count, float(scale))
    tapered = int(taper * count)
    if tapered:
        factor[-tapered:] *= (np.cos(np.arange(1, tapered + 1) / tapered * np.pi) + 1) / 2
    if length % 2 == 0 and count > 1:
        factor[-1] = 0
    return fw.asarray(factor, like=signal)


def _hann(fw: Framework, signal: Array) -> Array:
    """Symmetric Hann window of the length of the last axis: zero at both ends."""
    return fw.asarray(np.hanning(signal.shape[-1]), like=signal)


def _extended(fw: Framework, signal: Array, zeros: int) -> Array:
    return fw.pad_zero(signal, [(0, zeros)]) if zeros else signal


def _check(step_ratio: int, freq_taper_frac: float, time_pad_frac: float) -> None:
    if not isinstance(step_ratio, int) or step_ratio < 1:
        raise ValueError(f"step_ratio must be an int of 1 or more, got {step_ratio!r}")
    for name, value in (("freq_taper_frac", freq_taper_frac), ("time_pad_frac", time_pad_frac)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be from 0 to 1, got {value}")
