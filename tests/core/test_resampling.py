"""Resampling against Deepwave's, SciPy's and band-limited signals; its derivatives."""

import numpy as np
import pytest
import scipy.signal

from dualwave.framework import NumpyFramework
from dualwave.resampling import downsample, upsample

fw = NumpyFramework()
rng = np.random.default_rng(11)
SETTINGS = [
    (0.0, 0.0, False),
    (0.3, 0.0, False),
    (0.0, 0.25, True),
    (0.2, 0.4, True),
    (1, 1, False),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize(("nt", "ratio"), [(40, 3), (41, 2), (7, 5), (2, 2), (1, 3)])
def test_equal_to_deepwave(settings, nt, ratio):
    torch = pytest.importorskip("torch")
    common = pytest.importorskip("deepwave.common")
    slow, fast = rng.standard_normal((2, 3, nt)), rng.standard_normal((2, 3, nt * ratio))
    torch.set_default_dtype(torch.float64)
    try:
        up = common.upsample(torch.as_tensor(slow), ratio, *settings).numpy()
        down = common.downsample(torch.as_tensor(fast), ratio, *settings).numpy()
    finally:
        torch.set_default_dtype(torch.float32)
    assert nt < 3 or min(np.abs(up).max(), np.abs(down).max()) > 1e-2
    np.testing.assert_allclose(upsample(fw, slow, ratio, *settings), up, atol=1e-14)
    np.testing.assert_allclose(downsample(fw, fast, ratio, *settings), down, atol=1e-14)


def test_equal_to_scipy_for_an_odd_length():
    x = rng.standard_normal(31)
    np.testing.assert_allclose(upsample(fw, x, 4), scipy.signal.resample(x, 124), atol=1e-14)
    y = rng.standard_normal(124)
    np.testing.assert_allclose(downsample(fw, y, 4), scipy.signal.resample(y, 31), atol=1e-14)


def test_band_limited_signals_go_both_ways():
    t = np.arange(64)
    x = sum(np.cos(2 * np.pi * k * t / 64 + k) for k in (0, 3, 20, 31))
    fine = np.arange(256) / 4
    exact = sum(np.cos(2 * np.pi * k * fine / 64 + k) for k in (0, 3, 20, 31))
    np.testing.assert_allclose(upsample(fw, x, 4), exact, atol=1e-12)
    np.testing.assert_allclose(downsample(fw, exact, 4), x, atol=1e-12)
    above = exact + np.cos(2 * np.pi * 40 * fine / 64)
    np.testing.assert_allclose(downsample(fw, above, 4), x, atol=1e-12)
    nyquist = (-1.0) ** t
    assert np.abs(upsample(fw, nyquist, 4)).max() < 1e-14


def test_dtype_and_ratio_one():
    x = rng.standard_normal((2, 10)).astype(np.float32)
    assert upsample(fw, x, 1, 0.5, 0.5, True) is x
    assert downsample(fw, x, 1) is x
    fine = upsample(fw, x, 2, 0.1, 0.1, True)
    assert fine.dtype == np.float32
    assert downsample(fw, fine, 2).dtype == np.float32
    wide = upsample(fw, x.astype(np.float64), 2, 0.1, 0.1, True)
    np.testing.assert_allclose(fine, wide, atol=1e-6)
    assert upsample(fw, np.zeros((0, 10)), 3).shape == (0, 30)


def test_refusals():
    x = np.zeros(10)
    with pytest.raises(ValueError, match="multiple of step_ratio"):
        downsample(fw, x, 3)
    for bad in (0, 2.0):
        with pytest.raises(ValueError, match="step_ratio"):
            upsample(fw, x, bad)
    with pytest.raises(ValueError, match="freq_taper_frac"):
        upsample(fw, x, 2, 1.5)
    with pytest.raises(ValueError, match="time_pad_frac"):
        downsample(fw, x, 2, 0, -0.5)


def test_torch():
    torch = pytest.importorskip("torch")
    from dualwave.torch.framework import TorchFramework

    x = rng.standard_normal((2, 12))
    for function in (upsample, downsample):

        def ours(x, function=function):
            return function(TorchFramework(), x, 3, 0.2, 0.3, True)

        given = torch.as_tensor(x).requires_grad_()
        expected = function(fw, x, 3, 0.2, 0.3, True)
        np.testing.assert_allclose(ours(given).detach(), expected, atol=1e-14)
        assert np.abs(expected).max() > 0.01
        assert torch.autograd.gradcheck(ours, (given,), check_forward_ad=True)
        assert torch.autograd.gradgradcheck(ours, (given,))
    # Its Fourier transform refuses what has no rows.
    assert upsample(TorchFramework(), torch.zeros(2, 0, 12), 3).shape == (2, 0, 36)
    assert downsample(TorchFramework(), torch.zeros(2, 0, 12), 3).shape == (2, 0, 4)


def test_jax():
    jax = pytest.importorskip("jax")
    from jax.test_util import check_grads

    from dualwave.jax.framework import JaxFramework

    with jax.enable_x64(True):
        x = rng.standard_normal((2, 12))
        for function in (upsample, downsample):

            def ours(x, function=function):
                return function(JaxFramework(), x, 3, 0.2, 0.3, True)

            expected = function(fw, x, 3, 0.2, 0.3, True)
            np.testing.assert_allclose(jax.jit(ours)(x), expected, atol=1e-13)
            check_grads(jax.jit(ours), (x,), order=2)
