"""The damped wave in the eager engine, against solutions known in closed form."""

import math
from dataclasses import replace

import numpy as np
import pytest
from equations.damped import DAMPED

from dualwave.engine import forward
from dualwave.equations import get
from dualwave.framework import NumpyFramework
from helpers.runs import Setup, make_run

SPEED, DAMPING, LENGTH, TIME = 2000.0, 30.0, 300.0, 0.12


def march(setup, u, u_prev):
    """Final u [*n] from the two fields, without sources."""
    run = make_run(setup)
    state = np.concatenate([u.ravel(), u_prev.ravel()])[None]
    silent = np.zeros_like(run.p.amplitudes)
    p = run.p._replace(amplitudes=silent, state=state)
    _, final = forward(NumpyFramework(), DAMPED, run.description, p, run.constants)
    return final[0, : u.size].reshape(u.shape)


def damped_setup(cells, nt, dt):
    ndim = len(cells)
    return Setup(
        DAMPED,
        cells,
        tuple(LENGTH / (c + 1) for c in cells),
        (0, 0) * ndim,
        dt,
        {"v": np.full((1, *cells), SPEED), "d": np.full((1, *cells), DAMPING)},
        accuracy=2,
        nt=nt,
        shots=1,
        sources=1,
        receivers=1,
    )


def mode_error(ndim, cells):
    """Largest error of the lowest mode between rigid ends at TIME, relative to its start."""
    nt = 8 * (cells + 1)
    dt = TIME / nt
    node = np.arange(1, cells + 1) / (cells + 1)
    shape = np.sin(math.pi * node)
    for _ in range(ndim - 1):
        shape = np.multiply.outer(shape, np.sin(math.pi * node))
    frequency = math.sqrt(ndim * (SPEED * math.pi / LENGTH) ** 2 - DAMPING**2 / 4)

    def exact(t):
        return math.exp(-DAMPING * t / 2) * math.cos(frequency * t) * shape

    assert abs(exact(TIME)).max() > 0.02
    u = march(damped_setup((cells,) * ndim, nt, dt), exact(0.0), exact(-dt))
    return abs(u - exact(TIME)).max()


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_standing_wave_converges_with_second_order(ndim):
    """Closed form: exp(-d t / 2) cos(w t) sin(k x) with w^2 = v^2 k^2 - d^2 / 4."""
    coarse, fine = mode_error(ndim, 7), mode_error(ndim, 15)
    assert 0 < fine < 0.01
    assert 3.6 < coarse / fine < 4.6


def test_uniform_motion_decays_exponentially():
    """Far from the ends u_tt = -d u_t, so u = u0 + (1 - exp(-d t)) u0_t / d."""
    errors = []
    for nt in (20, 40):
        dt = 0.02 / nt
        setup = damped_setup((121,), nt, dt)
        start = np.full(121, 1.0)
        before = 1.0 + 50.0 * (1 - math.exp(DAMPING * dt)) / DAMPING * start
        u = march(setup, start, before)
        exact = 1.0 + 50.0 * (1 - math.exp(-DAMPING * 0.02)) / DAMPING
        errors.append(abs(u[60] - exact))
    assert 0 < errors[1] < 1e-4
    assert 3.5 < errors[0] / errors[1] < 4.5


def test_without_damping_it_is_the_scalar_equation():
    cells = (9, 12)
    v = np.random.default_rng(3).uniform(1500, 2500, (2, *cells))
    setup = damped_setup(cells, 60, 0.002)
    setup = replace(setup, parameters={"v": v, "d": 0 * v}, pml=(3, 2, 4, 0), shots=2, accuracy=4)
    damped, scalar = make_run(setup), make_run(replace(setup, equation=get("scalar")))
    np.testing.assert_array_equal(damped.p.amplitudes, scalar.p.amplitudes)
    fw = NumpyFramework()
    ours, state = forward(fw, DAMPED, damped.description, damped.p, damped.constants)
    theirs, other = forward(fw, get("scalar"), scalar.description, scalar.p, scalar.constants)
    assert abs(theirs).max() > 0
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12 * abs(theirs).max())
    np.testing.assert_allclose(state, other, rtol=0, atol=1e-12 * abs(other).max())
