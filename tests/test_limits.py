"""What acoustic and elastic become in limits: elastic acoustic, and acoustic scalar."""

import functools
import math

import numpy as np
import pytest

from helpers.calls import FRONT_ENDS, assert_close, numpy
from helpers.experiments import Source, run
from helpers.fourier import ricker

FREQUENCY, SPACING = 20.0, 5.0
SHAPES = {1: (60,), 2: (30, 34), 3: (16, 14, 15)}


def names(ndim):
    return "zyx"[3 - ndim :]


def rough(ndim, low, high, seed=0):
    return np.random.default_rng(seed).uniform(low, high, SHAPES[ndim])


def points(ndim, count=3):
    """Cells away from the edges, no two alike."""
    middle = np.array(SHAPES[ndim]) // 2
    return middle + np.arange(count)[:, None] * (1 + np.arange(ndim))


@pytest.mark.parametrize(
    ("front", "ndim", "order"),
    [*(("torch", ndim, order) for ndim in (1, 2, 3) for order in (2, 4, 8)), ("jax", 1, 4)],
)
def test_a_solid_without_rigidity_is_a_fluid(front, ndim, order, x64):
    """In rough models and with PML, for all sources and receivers of both."""
    v, rho, nt, dt = rough(ndim, 1500, 2500), rough(ndim, 900, 1500, 1), 120, 4e-4
    bulk = rho * v**2
    signal = ricker(np.arange(nt) * dt, 4 * FREQUENCY, 1.0)
    where = points(ndim)
    forces = [Source(a, where[1], (i + 1) * signal) for i, a in enumerate(names(ndim))]
    common = {
        "receivers": dict.fromkeys(("p", *names(ndim)), where + 1),
        "front": front,
        "grid_spacing": SPACING,
        "dt": dt,
        "accuracy": order,
        "pml_width": 6,
        "pml_freq": FREQUENCY,
        "max_vel": 2600.0,
    }
    fluid = run(
        "acoustic",
        {"v": v, "rho": rho},
        [Source("volume_rate", where[0], 1e-3 * signal), *forces],
        **common,
    )
    pressure = bulk[tuple(where[0])] * 1e-3 * signal
    solid = run(
        "elastic",
        {"lamb": bulk, "mu": 0 * bulk, "buoyancy": 1 / rho},
        [Source("pressure_rate", where[0], pressure), *forces],
        **common,
    )
    for channel, oracle in fluid.items():
        assert_close(solid[channel], oracle, 1e-12)


@functools.cache
def constant_density(ndim, order, cells):
    """Pressures of acoustic and of scalar with the same sources, before anything comes back.

    With p_tt = v^2 (lap p + rho s_t) the source of scalar is -rho s_t, and its difference in time
    is where it acts.
    """
    spacing = SPACING * 10 / cells
    n = {1: 48, 2: 40, 3: 32}[ndim] * cells // 10 + 1
    grids = np.meshgrid(*(np.arange(n) / (n - 1),) * ndim, indexing="ij")
    v, rho = 1800 + 200 * np.sin(sum((3 + i) * g for i, g in enumerate(grids))), 1300.0
    dt = 0.4 * spacing / 2000 / math.sqrt(ndim)
    # Little more than from the source to an edge, for waves have forerunners on a grid.
    nt = round((1.1 if order == 2 else 1.4) * (n // 2) * spacing / 2000 / dt)
    signal = ricker(np.arange(nt) * dt, 2 * FREQUENCY, 1.3) / spacing**ndim
    source, receivers = [n // 2] * ndim, np.full((2, ndim), n // 2)
    receivers[0, 0] += cells // 2
    receivers[1] += 2 * cells // 5
    common = {
        "grid_spacing": spacing,
        "dt": dt,
        "accuracy": order,
        "pml_width": 0,
        "pml_freq": 20.0,
    }
    models = {"v": v, "rho": np.full_like(v, rho)}
    found = run(
        "acoustic", models, [Source("volume_rate", source, signal)], {"p": receivers}, **common
    )
    arguments = {
        "v": v,
        "source_amplitudes": -rho * np.diff(signal, prepend=0)[None, None] / dt,
        "source_locations": np.array([[source]]),
        "receiver_locations": receivers[None],
        **common,
    }
    return found["p"], numpy(FRONT_ENDS["torch"]().call(arguments)[-1])[0]


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_constant_density_is_scalar(ndim):
    """To rounding, for at order 2 two staggered differences are the second difference."""
    assert_close(*constant_density(ndim, 2, 10), 1e-11)


@pytest.mark.parametrize(("order", "most"), [(4, 6e-4), (6, 8e-5), (8, 1e-5)])
@pytest.mark.parametrize("ndim", [1, 2])
def test_constant_density_is_scalar_to_the_order(ndim, order, most):
    """Beyond, they differ at the order of the scheme."""
    found = []
    for cells in (10, 20):
        ours, theirs = constant_density(ndim, order, cells)
        found.append(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))
    assert found[1] < most
    assert order - 1.2 < math.log2(found[0] / found[1]) < order + 0.3, found
