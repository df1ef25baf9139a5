"""PML profiles against Deepwave's and against the formulas evaluated point by point."""

import math

import numpy as np
import pytest

from dualwave.pml import PmlSpec, profiles


def rows(spec):
    """One array [5, n] for each axis."""
    flat, out = profiles(spec), []
    for cells in spec.n:
        out.append(flat[: 5 * cells].reshape(5, cells))
        flat = flat[5 * cells :]
    assert flat.size == 0
    return out


@pytest.mark.parametrize("accuracy", [2, 4, 6, 8])
@pytest.mark.parametrize("widths", [(20, 20), (5, 13), (0, 7), (6, 0), (0, 0)])
def test_equal_to_deepwave(accuracy, widths):
    torch = pytest.importorskip("torch")
    deepwave = pytest.importorskip("deepwave._regular_grid")
    from deepwave import _staggered_grid

    n, spacing, dt, max_vel, pml_freq = (60, 40), (10.0, 4.0), -0.0013, 2500.0, 17.0
    spec = PmlSpec(n, (*widths, 3, 4), spacing, dt, max_vel, pml_freq, accuracy)
    pad = accuracy // 2
    arguments = {
        "pml_width": list(spec.widths),
        "accuracy": accuracy,
        "fd_pad": [pad] * 4,
        "dt": dt,
        "grid_spacing": list(spacing),
        "max_vel": max_vel,
        "dtype": torch.float64,
        "device": torch.device("cpu"),
        "pml_freq": pml_freq,
        "shape": tuple(cells + 2 * pad for cells in n),
    }
    regular = deepwave.set_pml_profiles(**arguments)
    staggered = _staggered_grid.set_pml_profiles(**arguments)
    for axis, ours in enumerate(rows(spec)):
        theirs = [*regular[3 * axis : 3 * axis + 3], *staggered[4 * axis + 2 : 4 * axis + 4]]
        assert (axis == 0 and sum(widths) == 0) or np.abs(ours).max() > 1e-3
        for row, expected in zip(ours, theirs, strict=True):
            expected = expected.numpy().ravel()[pad:-pad]
            np.testing.assert_allclose(row, expected, rtol=1e-12, atol=1e-15)


def test_formula_and_support():
    spec = PmlSpec((30,), (4, 6), (5.0,), 0.002, 1500.0, 20.0, 8)
    a, b, db, a_half, b_half = rows(spec)[0]
    for values, shift in ((a, 0.0), (a_half, 0.5)):
        # Layers begin after the cells 4 and 23, the last one before and the first one after them.
        inside = [i for i in range(30) if not 4 <= i + shift <= 23]
        assert list(np.flatnonzero(values)) == inside
    p = 3 / 6
    sigma = 3 * 1500 * math.log(1000) / (2 * 6 * 5) * p**2
    alpha = math.pi * 20 * (1 - p)
    assert a[26] == pytest.approx(math.exp(-(sigma + alpha) * 0.002), rel=1e-14)
    assert b[26] == pytest.approx(sigma / (sigma + alpha) * (a[26] - 1), rel=1e-13)
    assert b_half[29] == b[29], "beyond the last cell the depth stays 1"
    assert a[29] == pytest.approx(math.exp(-3 * 1500 * math.log(1000) / 60 * 0.002), rel=1e-14)
    # db reaches accuracy / 2 cells before each layer, and is the derivative of b.
    assert list(np.flatnonzero(db)) == [*range(8), *range(20, 30)]


@pytest.mark.parametrize(("accuracy", "error"), [(2, 2e-3), (4, 1e-5), (6, 1e-7), (8, 1e-9)])
def test_db_is_the_derivative_of_b(accuracy, error):
    width, spacing, dt, max_vel, pml_freq = 80, 5.0, 0.002, 1500.0, 20.0
    spec = PmlSpec((100,), (0, width), (spacing,), dt, max_vel, pml_freq, accuracy)
    db = rows(spec)[0][2][40:90]
    p = (np.arange(40, 90) - 19) / width
    sigma0 = 3 * max_vel * math.log(1000) / (2 * width * spacing)
    sigma, alpha = sigma0 * p**2, math.pi * pml_freq * (1 - p)
    dsigma, dalpha = 2 * sigma0 * p / (width * spacing), -math.pi * pml_freq / (width * spacing)
    total, dtotal = sigma + alpha, dsigma + dalpha
    a = np.exp(-total * dt)
    exact = (dsigma * total - sigma * dtotal) / total**2 * (a - 1) - sigma / total * dtotal * dt * a
    np.testing.assert_allclose(db, exact, atol=error * np.abs(exact).max())


def test_frequency_zero_gives_finite_profiles():
    flat = profiles(PmlSpec((20,), (5, 5), (1.0,), 0.1, 1.0, 0.0, 4))
    assert np.isfinite(flat).all()
    assert np.abs(flat).max() > 0.1
    flat = profiles(PmlSpec((20,), (5, 5), (1.0,), 0.1, 0.0, 0.0, 4))
    assert np.isfinite(flat).all()


@pytest.mark.parametrize(("max_vel", "dt"), [(0.0, 0.1), (1.0, 0.0), (1e5, 1e3)])
def test_in_a_layer_the_transpose_can_divide_by_a_and_b(max_vel, dt):
    a, b, _, a_half, b_half = rows(PmlSpec((20,), (5, 6), (1.0,), dt, max_vel, 5.0, 4))[0]
    assert np.count_nonzero(a) == 11
    for one, other in ((a, b), (a_half, b_half)):
        assert np.array_equal(one > 0, other < 0)


def test_refusals():
    with pytest.raises(ValueError, match="widths takes 4"):
        PmlSpec((5, 5), (1, 1), (1.0, 1.0), 0.1, 1.0, 1.0, 4)
    with pytest.raises(ValueError, match="pml_freq"):
        PmlSpec((5,), (1, 1), (1.0,), 0.1, 1.0, -1.0, 4)
    with pytest.raises(ValueError, match="max_vel must be finite"):
        PmlSpec((5,), (1, 1), (1.0,), 0.1, float("nan"), 1.0, 4)
