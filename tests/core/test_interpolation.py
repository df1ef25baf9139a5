"""Interpolation weights against their formula, Deepwave's Hicks class, and signals in between."""

import numpy as np
import pytest
from scipy.special import i0

from dualwave.checks import IGNORE_LOCATION
from dualwave.framework import NumpyFramework
from dualwave.interpolation import BETA, IGNORED, OUTSIDE, location_weights

fw = NumpyFramework()
rng = np.random.default_rng(3)


def scattered(cells, weights, shape):
    """What one point per row of [..., P] puts on a grid."""
    out = np.zeros((*weights.shape[:2], *shape))
    for shot, point, tap in np.ndindex(weights.shape):
        if (cells[shot, point, tap] != IGNORED).all():
            out[(shot, point, *cells[shot, point, tap])] += weights[shot, point, tap]
    return out


@pytest.mark.parametrize("halfwidth", range(1, 11))
def test_formula(halfwidth):
    at = 20 + rng.random((1, 50, 1))
    at[0, :3, 0] = [20 + 2e-5, 21 - 2e-5, 20.5]
    cells, weights = location_weights(fw, at, (45,), "hicks", halfwidth)
    assert cells.shape == (1, 50, 2 * halfwidth, 1)
    assert cells.dtype == np.int32
    assert cells.min() == 20 - halfwidth + 1
    assert cells.max() == 20 + halfwidth
    x, beta = cells[..., 0] - at, BETA[halfwidth - 1]
    expected = np.sinc(x) * i0(beta * np.sqrt(1 - (x / halfwidth) ** 2)) / i0(beta)
    np.testing.assert_allclose(weights, expected, rtol=1e-10, atol=2e-15)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("halfwidth", [2, 4])
def test_equal_to_deepwave(ndim, halfwidth):
    torch = pytest.importorskip("torch")
    deepwave = pytest.importorskip("deepwave")
    shape = (12, 13, 14)[:ndim]
    at = rng.uniform(halfwidth, 11 - halfwidth, (2, 5, ndim))
    at[0, 1] = np.round(at[0, 1])  # on a cell in all axes, and just so
    at[0, 2, 0] = np.round(at[0, 2, 0]) + 4e-6
    at[0, 3, -1] = np.round(at[0, 3, -1]) - 3e-5
    at[1, 2] = IGNORE_LOCATION
    ours = scattered(*location_weights(fw, at, shape, "auto", halfwidth), shape)
    torch.set_default_dtype(torch.float64)
    try:
        for shot, point in np.ndindex(2, 5):
            # One at a time, since Deepwave shares weights between neighbours.
            one = torch.as_tensor(at[shot : shot + 1, point : point + 1])
            hicks = deepwave.Hicks(one, halfwidth, dtype=torch.float64)
            spread = hicks.source(torch.ones(1, 1, 1))[0, :, 0].numpy()
            theirs = np.zeros(shape)
            if not bool(hicks.ignore_mask.any()):
                np.add.at(theirs, tuple(hicks.get_locations()[0].numpy().T), spread)
                assert theirs.max() > 0.05
            np.testing.assert_allclose(ours[shot, point], theirs, atol=1e-14)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(("halfwidth", "error"), [(2, 0.1), (4, 1.2e-2), (6, 2e-3), (8, 3e-4)])
def test_waves_of_three_cells_and_longer_are_read_between_cells(halfwidth, error):
    at = rng.uniform(10, 30, (1, 60, 1))
    cells, weights = location_weights(fw, at, (41,), "hicks", halfwidth)
    for k in (0.3, 1.0, 2 * np.pi / 3):
        read = (np.exp(1j * k * cells[..., 0]) * weights).sum(-1)
        assert np.abs(read - np.exp(1j * k * at[..., 0])).max() < error


def test_no_tap_is_double_or_missing():
    """Deepwave 0.0.27 rounded cells down, which went wrong once in 200, at 29.025 for instance."""
    at = np.append(rng.uniform(5, 90, 4000), 29.025).reshape(1, -1, 1)
    for dtype in (np.float32, np.float64):
        cells, weights = location_weights(fw, at.astype(dtype), (100,), "hicks", 4)
        assert (np.diff(cells[..., 0], axis=-1) == 1).all()
        assert (cells[..., 3, 0] == np.floor(at.astype(dtype))[..., 0]).all()
        assert weights.dtype == dtype


def test_whole_locations_have_one_cell():
    at = rng.integers(0, 9, (2, 3, 2))
    at[0, 1] = IGNORE_LOCATION
    for given in (at, at.astype(np.int32), at.astype(np.float64), at + 9e-6):
        for mode in ("auto", "hicks", "none"):
            if mode == "none" and given.dtype.kind == "f":
                given = np.round(given)
            cells, weights = location_weights(fw, given, (9, 9), mode)
            assert cells.shape == (2, 3, 1, 2)
            assert weights.shape == (2, 3, 1)
            assert (cells[0, 1] == IGNORED).all()
            assert weights[0, 1] == 0
            keep = np.arange(6).reshape(2, 3) != 1
            np.testing.assert_array_equal(cells[keep][:, 0], at[keep])
            assert (weights[keep] == 1).all()


def test_axes_on_cells_have_fewer_taps():
    at = np.array([[[0.0, 5.25], [1.0, 6.0]]])
    cells, weights = location_weights(fw, at, (3, 12), "auto", 3)
    assert cells.shape == (1, 2, 6, 2)
    assert (cells[0, 0, :, 0] == 0).all()
    for dtype in (np.float32, np.float64):
        assert location_weights(fw, at.astype(dtype), (3, 12), "auto", 3)[1].max() == 1
    grid = scattered(cells, weights, (3, 12))
    assert grid[0, 1, 1, 6] == 1
    assert np.count_nonzero(grid[0, 1]) == 1
    assert np.count_nonzero(grid[0, 0]) == 6


def test_refusals():
    def bad(at, *more, shape=(10, 10)):
        location_weights(fw, np.array([[at]]), shape, *more)

    with pytest.raises(ValueError, match=r"point \[0, 0\].*\[2.5, 5.0\].*outside.*halfwidth"):
        bad([2.5, 5.0])
    bad([3.0, 5.5])
    bad([2.5, 5.0], "auto", 3)
    with pytest.raises(ValueError, match="outside a model"):
        bad([6.5, 5.0])
    bad([5.5, 5.0])
    with pytest.raises(ValueError, match="outside a model"):
        bad([10, 5])
    with pytest.raises(ValueError, match=r'not a cell.*"none"'):
        bad([5.5, 5.0], "none")
    with pytest.raises(ValueError, match="location_interpolation must"):
        bad([5.5, 5.0], "linear")
    for halfwidth in (0, 11, 2.0):
        with pytest.raises(ValueError, match="halfwidth"):
            bad([5.5, 5.0], "auto", halfwidth)


def test_torch_derivatives():
    torch = pytest.importorskip("torch")
    from dualwave.torch.framework import TorchFramework

    at = torch.tensor([[[5.3, 6.0], [5.0 + 1e-7, 6.51], [6.9995, 5.0004]]], dtype=torch.float64)

    def weights(at):
        return location_weights(TorchFramework(), at, (15, 15), "auto", 4)[1]

    expected = location_weights(fw, at.numpy(), (15, 15), "hicks", 4)
    cells, plain = location_weights(TorchFramework(), at, (15, 15))
    np.testing.assert_array_equal(cells, expected[0])
    np.testing.assert_allclose(plain, expected[1], atol=1e-15)
    at.requires_grad_()
    assert weights(at).shape == (1, 3, 64)
    # Differences must not step over a cell's edge, where the slope jumps.
    inner = at.detach() + torch.tensor([1e-4, 0.01])
    inner.requires_grad_()
    assert torch.autograd.gradcheck(weights, (inner,), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(weights, (inner,))
    whole = torch.tensor([[[6.0, 7.0]]], dtype=torch.float64, requires_grad=True)
    value = weights(whole)
    assert torch.count_nonzero(value) == 1
    assert value.max() == 1
    slope = torch.func.jvp(weights, (whole.detach(),), (torch.ones_like(whole),))[1]
    hessian = torch.func.hessian(lambda at: (weights(at) ** 2).sum())(whole.detach())
    assert torch.isfinite(slope).all()
    assert torch.isfinite(hessian).all()
    # The slope of sinc(k - f) at f = 0 is -cos(pi k) / k, times the window there.
    k = np.array([-3, -2, -1, 1, 2, 3])
    window = i0(4.14 * np.sqrt(1 - (k / 4) ** 2)) / i0(4.14)
    slope = slope.reshape(8, 8)[[0, 1, 2, 4, 5, 6], 3]
    np.testing.assert_allclose(slope, -np.cos(np.pi * k) / k * window, atol=1e-14)


def test_jax_traced():
    jax = pytest.importorskip("jax")
    from jax.test_util import check_grads

    from dualwave.jax.framework import JaxFramework

    with jax.enable_x64(True):
        at = jax.numpy.asarray([[[5.3, 6.2], [5.1, 6.51]]])

        def both(at):
            return location_weights(JaxFramework(), at, (15, 15))

        expected = location_weights(fw, np.asarray(at), (15, 15))
        ours = jax.jit(both)(at)
        np.testing.assert_array_equal(ours[0], expected[0])
        np.testing.assert_allclose(ours[1], expected[1], atol=1e-15)

        @jax.jit
        def line(at):
            return location_weights(JaxFramework(), at, (15,))[1]

        check_grads(line, (at[:, :1, :1],), order=1)
        check_grads(jax.jit(jax.jacrev(line)), (at[:, :1, :1],), order=1, modes=["fwd"])
        # Unknown values: one on a cell still has its full window, one outside is marked.
        cells, weights = jax.jit(both)(at.at[0, 0].set(np.array([2.0, 6.0])))
        assert weights.shape == (1, 2, 64)
        assert (cells[0, 0] == OUTSIDE).all(-1).any()
        cells, weights = jax.jit(both)(at.at[0, 0].set(np.array([IGNORE_LOCATION] * 2)))
        assert (cells[0, 0] == IGNORED).all()
        assert (weights[0, 0] == 0).all()
        cells, _ = jax.jit(both)(jax.numpy.asarray([[[14, 14], [15, 3], [IGNORE_LOCATION] * 2]]))
        np.testing.assert_array_equal(cells[0, :, 0], [[14, 14], [OUTSIDE] * 2, [IGNORED] * 2])
