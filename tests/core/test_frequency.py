"""The frequency of the PML by default: Deepwave's, to the last digit that both keep."""

import numpy as np
import pytest

from dualwave.frequency import dominant_frequency
from helpers.calls import wavelet

RNG = np.random.default_rng(4)


def test_of_a_wavelet_it_is_the_wavelets():
    """Whatever the delay, the polarity, the scale, and the zeros at the end."""
    for freq in (5.0, 25.0, 31.0):
        signal = wavelet(600, 0.002, freq)
        many = np.stack([signal, -np.roll(signal, 40), 1e-30 * signal])
        padded = np.pad(many, [(0, 0), (0, 400)])
        for x in (signal, many, padded, many.astype(np.float32), 1e25 * many):
            assert dominant_frequency([x], 0.002) == freq
        assert dominant_frequency([x], -0.002) == freq


def test_channels_count_equally():
    """They have different units: the louder one does not win."""
    low, high = wavelet(800, 0.002, 8.0), wavelet(800, 0.002, 30.0)
    found = {dominant_frequency([scale * low, high], 0.002) for scale in (1e-6, 1.0, 1e6)}
    assert len(found) == 1


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 64), (1, 0, 9)])
def test_without_anything_to_go_by_it_is_a_fifth_of_nyquist(shape):
    for channels in ([], [np.ones(shape)], [np.zeros(shape)]):
        assert dominant_frequency(channels, 0.004) == 25.0


def test_deepwave():
    deepwave = pytest.importorskip("deepwave", exc_type=ImportError)
    torch = pytest.importorskip("torch")
    found = set()
    for trial in range(40):
        nt, dt = int(RNG.integers(2, 300)), 10 ** RNG.uniform(-4, -2)
        signal = wavelet(nt, dt, RNG.uniform(0.01, 0.4) / dt)
        x = RNG.normal(size=(2, 3, 1)) * signal if trial % 3 else RNG.normal(size=(2, 2, nt))
        ours = dominant_frequency([x], dt)
        assert ours == deepwave._common.infer_pml_freq([torch.tensor(x)], dt)
        found.add(ours)
    assert len(found) > 30
