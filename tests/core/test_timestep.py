"""The CFL rule against Deepwave's, and its limits against the scheme itself."""

import math
import warnings

import numpy as np
import pytest

from dualwave.stencils import CENTRAL_SECOND
from dualwave.timestep import (
    cells_per_wavelength,
    cfl_condition,
    cfl_condition_n,
    critical_courant_number,
)

rng = np.random.default_rng(7)
ORDERS = [2, 4, 6, 8]


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_equal_to_deepwave(ndim):
    common = pytest.importorskip("deepwave._common")
    ratios = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(200):
            spacing = rng.uniform(1, 20, ndim).tolist()
            dt, max_vel = rng.uniform(-0.01, 0.01), rng.uniform(500, 5000)
            courant = rng.choice([None, 0.6, 0.75])
            ours = cfl_condition(spacing, dt, max_vel, courant)
            assert ours == common.cfl_condition_n(spacing, dt, max_vel, courant_number=courant)
            ratios.add(ours[1])
    assert len(ratios) > 5


def test_at_the_limit_exactly_and_without_movement():
    assert cfl_condition(5.0, 0.6 * 5 / 1500, 1500.0) == (0.002, 1)
    assert cfl_condition((3.0, 4.0), 1.4399999, 1.0)[1] == 1
    assert cfl_condition((3.0, 4.0), 1.4400001, 1.0)[1] == 2
    assert cfl_condition(5.0, 0.01, 0.0) == (0.01, 1)
    assert cfl_condition_n is cfl_condition


def _largest_eigenvalue(accuracy, ndim):
    """Of -h^2 times the Laplacian, on the wavenumbers of a periodic grid."""
    centre, *weights = CENTRAL_SECOND[accuracy]
    k = np.linspace(0, np.pi, 101)
    symbol = -centre - 2 * sum(w * np.cos(m * k) for m, w in enumerate(weights, 1))
    return ndim * symbol.max()


@pytest.mark.parametrize("accuracy", ORDERS)
def test_critical_courant_number(accuracy):
    critical = critical_courant_number(accuracy)
    for ndim in (1, 2, 3):
        # With h = v = 1 the Courant number is dt sqrt(ndim), and dt^2 lambda = 4 is the limit.
        limit = math.sqrt(4 / _largest_eigenvalue(accuracy, ndim)) * math.sqrt(ndim)
        assert critical == pytest.approx(limit, rel=1e-12)
    discretisation = pytest.importorskip("deepwave._common")
    for staggered in (False, True):
        theirs = discretisation._critical_courant_number(accuracy, staggered)
        assert critical_courant_number(accuracy, staggered) == pytest.approx(theirs, rel=1e-10)


@pytest.mark.parametrize("accuracy", ORDERS)
@pytest.mark.parametrize("ndim", [1, 2])
def test_the_limit_is_that_of_the_scheme(accuracy, ndim):
    """Leapfrog on a periodic grid from noise: bounded just below the limit, not just above it."""
    centre, *weights = CENTRAL_SECOND[accuracy]
    shape = (16,) * ndim
    noise = np.random.default_rng(0).standard_normal(shape)

    def largest(courant):
        old, new = np.zeros(shape), noise
        for _ in range(1500):
            step = ndim * centre * new
            for axis in range(ndim):
                for k, w in enumerate(weights, 1):
                    step = step + w * (np.roll(new, k, axis) + np.roll(new, -k, axis))
            old, new = new, courant**2 / ndim * step + 2 * new - old
        return np.abs(new).max()

    critical = critical_courant_number(accuracy)
    assert 1e-3 < largest(0.999 * critical) < 1e3
    assert largest(1.001 * critical) > 1e6


def test_courant_number_is_checked():
    for accuracy in ORDERS:
        limit = critical_courant_number(accuracy)
        assert cfl_condition(1.0, limit, 1.0, limit, accuracy)[1] == 1
        with pytest.raises(ValueError, match=f"courant_number.*accuracy={accuracy}"):
            cfl_condition(1.0, 0.1, 1.0, limit * 1.001, accuracy)
    for bad in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="courant_number"):
            cfl_condition(1.0, 0.1, 1.0, bad)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (((), 0.1, 1.0), "grid_spacing"),
        (((1.0, 0.0), 0.1, 1.0), "grid_spacing"),
        ((1.0, math.nan, 1.0), "dt"),
        ((1.0, 0.1, math.inf), "max_vel"),
        ((1.0, 0.1, -1.0), "max_vel"),
        ((1e-320, 1e300, 1e300), "units"),
    ],
)
def test_refusals(arguments, name):
    with pytest.raises(ValueError, match=name):
        cfl_condition(*arguments)


def test_many_steps_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cfl_condition(1.0, 0.6 * 6.9, 1.0)[1] == 7
    with pytest.warns(UserWarning, match="8 inner steps"):
        cfl_condition(1.0, 0.6 * 7.5, 1.0)


def test_cells_per_wavelength():
    assert cells_per_wavelength(1500.0, 25.0, (5.0, 10.0)) == 6
    assert cells_per_wavelength(1500.0, 25.0, 5.0) == 12
    assert cells_per_wavelength(1500.0, 0.0, 5.0) == math.inf
