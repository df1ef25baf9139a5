"""Point sources in a homogeneous medium against Green's functions, and the order of convergence.

Distances are in wavelengths of the peak frequency. The grid ends where no reflection can come back
from within the record, so there is no PML. Errors are relative, in the L2 norm over the traces.
"""

import functools
import math

import numpy as np
import pytest

from helpers.calls import FRONT_ENDS, assert_close, numpy
from helpers.green import SPEED, wave

FREQUENCY, WAVELENGTH = 20.0, 100.0
RECORD, HALF = 0.2, 2.5  # seconds; wavelengths from the source to the edge
COURANT = 0.5

RECEIVERS = {1: [[1.0]], 2: [[1.0, 0.0], [0.5, 0.75]], 3: [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5]]}

# Per dimension and order: cells per wavelength, coarse and fine, and the most that the error of
# space may be on the fine grid, a quarter above what is measured.
CASES = {
    (1, 2): (32, 64, 4.4e-3),
    (1, 4): (24, 48, 4.6e-5),
    (1, 6): (16, 32, 5.0e-6),
    (1, 8): (16, 32, 1.6e-7),
    (2, 2): (20, 40, 1.2e-2),
    (2, 4): (20, 40, 1.1e-4),
    (2, 6): (20, 40, 1.5e-6),
    (2, 8): (20, 40, 3.0e-8),
    (3, 2): (12, 16, 8.7e-2),
    (3, 4): (12, 16, 4.6e-3),
    (3, 6): (12, 16, 4.2e-4),
    (3, 8): (12, 16, 5.1e-5),
}
# Dispersion of order 2 in 3-D on a grid of affordable size is worth half a time step.
SHIFTED = [key for key in CASES if key != (3, 2)]


def ricker(t):
    x = (math.pi * FREQUENCY * (t - 1.5 / FREQUENCY)) ** 2
    return (1 - 2 * x) * np.exp(-x)


def time_step(ndim, cells, courant=COURANT):
    return courant * WAVELENGTH / cells / SPEED / math.sqrt(ndim)


@functools.cache
def traces(ndim, order, cells, courant=COURANT, late=0.0, moved=0, front="torch"):
    """Receivers [receiver, nt], `cells` to the wavelength, without sub-stepping.

    late: steps by which the source comes late. moved: cells by which it is off along each axis.
    """
    dt, spacing = time_step(ndim, cells, courant), WAVELENGTH / cells
    nt = round(RECORD / dt)
    middle = round(HALF * cells)
    receivers = middle + np.array(RECEIVERS[ndim]) * cells
    assert np.array_equal(receivers, np.round(receivers))
    signal = ricker((np.arange(nt) - late) * dt)
    arguments = {
        "v": np.full((2 * middle + 1,) * ndim, SPEED),
        "grid_spacing": spacing,
        "dt": dt,
        # The amplitude of a cell is the strength of the point source over its volume.
        "source_amplitudes": signal[None, None] / spacing**ndim,
        "source_locations": np.full((1, 1, ndim), middle + moved),
        "receiver_locations": receivers.astype(int)[None],
        "accuracy": order,
        "pml_width": 0,
        "pml_freq": FREQUENCY,
    }
    return numpy(FRONT_ENDS[front]().call(arguments)[-1])[0]


def expected(ndim, cells, courant=COURANT, leapfrog=True, further=0.0):
    """The same from the Green's function; `further`: metres added to each distance."""
    dt = time_step(ndim, cells, courant)
    signal = ricker(np.arange(round(RECORD / dt)) * dt)
    distance = np.linalg.norm(np.array(RECEIVERS[ndim]) * WAVELENGTH, axis=1) + further
    return wave(ndim, distance, signal, dt, leapfrog)


def error(found, oracle):
    norm = np.linalg.norm(oracle)
    assert norm > 0
    return np.linalg.norm(found - oracle) / norm


@pytest.mark.parametrize(("ndim", "order"), CASES)
def test_space_converges_with_its_order(ndim, order):
    """The error of the leapfrog step is taken into the oracle, exactly; what is left is space."""
    coarse, fine, most = CASES[ndim, order]
    errors = [error(traces(ndim, order, n), expected(ndim, n)) for n in (coarse, fine)]
    assert errors[1] < most
    rate = math.log(errors[0] / errors[1]) / math.log(fine / coarse)
    assert order - 0.6 < rate < order + 0.3, errors


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_time_converges_with_second_order(ndim):
    """Against the wave in continuous time, on a grid so fine that the error is that of time."""
    cells = CASES[ndim, 8][0]
    errors = [
        error(traces(ndim, 8, cells, courant), expected(ndim, cells, courant, leapfrog=False))
        for courant in (0.5, 0.25)
    ]
    assert errors[1] < 4e-3
    assert 1.9 < math.log2(errors[0] / errors[1]) < 2.1, errors


@pytest.mark.parametrize(("ndim", "order"), SHIFTED)
def test_the_tolerance_tells_a_cell_and_half_a_time_step(ndim, order):
    """The same traces against waves that start half a step late or early, or a cell away."""
    _, cells, most = CASES[ndim, order]
    found = traces(ndim, order, cells)
    cell = WAVELENGTH / cells
    half_step = SPEED * time_step(ndim, cells) / 2
    for metres in (cell, -cell, half_step, -half_step):
        assert error(found, expected(ndim, cells, further=metres)) > 1.5 * most


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("fault", [{"late": 0.5}, {"late": 1.0}, {"moved": 1}])
def test_a_misplaced_source_fails(ndim, fault):
    """As the one before, by moving the source of the run itself."""
    cells = CASES[ndim, 4][0]
    oracle = expected(ndim, cells)
    right = error(traces(ndim, 4, cells), oracle)
    assert error(traces(ndim, 4, cells, **fault), oracle) > 5 * right > 0


def test_jax_gives_the_same_numbers(x64):
    cells = CASES[2, 4][0]
    assert_close(traces(2, 4, cells, front="jax"), traces(2, 4, cells), 1e-13)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_the_oracle_is_the_solution_in_time(ndim):
    """Closed forms: v / 2 times the integral of the signal, a line of sources, the signal / r."""
    dt, r = 2.5e-4, 80.0
    t = np.arange(800) * dt
    found = wave(ndim, np.array([r]), ricker(t), dt, leapfrog=False)[0]
    if ndim == 1:
        late = t - r / SPEED - 1.5 / FREQUENCY
        exact = -SPEED / 2 * late * np.exp(-((math.pi * FREQUENCY * late) ** 2))
    elif ndim == 2:
        # From the sources of a line at distances r cosh(x), of which the integral is the sum.
        x = np.linspace(-4, 4, 1601)
        late = t[:, None] - r / SPEED * np.cosh(x)
        exact = -ricker(late).sum(axis=1) * (x[1] - x[0]) / (4 * math.pi)
    else:
        exact = -ricker(t - r / SPEED) / (4 * math.pi * r)
    assert error(found, exact) < 2e-6
