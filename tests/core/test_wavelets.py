"""Wavelets against their spectra and against Deepwave's."""

import math

import numpy as np
import pytest

from dualwave.wavelets import gaussian_pulse, ormsby, ricker, tone_burst

NT, DT = 2000, 0.001


def spectrum(x):
    """A function that gives the amplitude at a frequency, relative to the largest."""
    amplitude = np.abs(np.fft.rfft(x, 16 * NT))
    frequency = np.fft.rfftfreq(16 * NT, DT)
    return lambda f: np.interp(f, frequency, amplitude / amplitude.max())


def test_ricker():
    x = ricker(25.0, NT, DT, 0.8, "float64")
    assert x[800] == x.max() == 1
    assert abs(x.sum()) < 1e-10, "no mean"
    at = spectrum(x)
    for f in (5.0, 12.5, 25.0, 50.0):
        r = (f / 25) ** 2
        assert at(f) == pytest.approx(r * math.exp(1 - r), abs=1e-4)


def test_gaussian_pulse():
    at = spectrum(gaussian_pulse(40.0, 0.5, NT, DT, dtype="float64"))
    assert at(40.0) == pytest.approx(1, abs=1e-4)
    assert at(30.0) == pytest.approx(0.5, abs=1e-3)
    assert at(50.0) == pytest.approx(0.5, abs=1e-3)


def test_tone_burst():
    x = tone_burst(40.0, 5, NT, DT, 1.0, "float64")
    used = np.flatnonzero(np.abs(x) > 1e-12)
    assert abs(used[0] - 938) <= 2
    assert abs(used[-1] - 1062) <= 2, "5 cycles of 25 ms"
    assert x.max() > 0.9
    # The largest is near the middle cycle's quarter points.
    assert abs(np.abs(x).argmax() - 1000) in (5, 6, 7)


def test_ormsby():
    x = ormsby((5.0, 10.0, 40.0, 60.0), 4001, DT, 2.0, "float64")
    assert x[2000] == pytest.approx(1)
    assert x.max() == x[2000]
    # The peak is the area of the spectrum, (60 + 40 - 10 - 5) / 2 for each sign of the frequency.
    amplitude = np.abs(np.fft.rfft(x)) * DT * 85
    frequency = np.fft.rfftfreq(4001, DT)
    exact = np.interp(frequency, [5, 10, 40, 60], [0, 1, 1, 0])
    np.testing.assert_allclose(amplitude, exact, atol=2e-2)


@pytest.mark.parametrize("peak_time", [None, 0.3])
@pytest.mark.parametrize("nt", [500, 501])
def test_equal_to_deepwave(peak_time, nt):
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("deepwave.wavelets")
    common = {"nt": nt, "dt": 0.002, "peak_time": peak_time}
    ours = {**common, "dtype": "float64"}
    common["dtype"] = torch.float64
    pairs = [
        (ricker(20.0, **ours), theirs.ricker(20.0, **common)),
        (gaussian_pulse(20.0, 0.4, **ours), theirs.gaussian_pulse(20.0, 0.4, **common)),
        (tone_burst(20.0, 6, **ours), theirs.tone_burst(20.0, 6, **common)),
    ]
    trapezoid = ormsby((3.0, 6.0, 30.0, 50.0), **ours)
    pairs.append(
        (trapezoid / np.abs(trapezoid).max(), theirs.ormsby(3.0, 6.0, 30.0, 50.0, **common))
    )
    for mine, other in pairs:
        assert np.abs(mine).max() > 0.9
        np.testing.assert_allclose(mine, other.numpy(), atol=1e-12)


def test_dtype_and_refusals():
    assert ricker(25.0, 100, 0.004).dtype == np.float32
    with pytest.raises(ValueError, match="nt"):
        ricker(25.0, 0, 0.004)
    with pytest.raises(ValueError, match="dt"):
        ricker(25.0, 10, 0.0)
    with pytest.raises(ValueError, match="freq"):
        ricker(-1.0, 10, 0.1)
    with pytest.raises(ValueError, match="peak_time"):
        ricker(1.0, 10, 0.1, math.nan)
    with pytest.raises(ValueError, match="rising"):
        ormsby((1.0, 3.0, 2.0, 4.0), 10, 0.1)
    with pytest.raises(ValueError, match="n_cycles"):
        tone_burst(1.0, 0, 10, 0.1)
