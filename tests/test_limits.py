"""What acoustic and elastic become in limits, that they keep energy, and that they stay bounded."""

import functools
import math

import numpy as np
import pytest

from dualwave.equations import ACOUSTIC, ELASTIC
from helpers.calls import FRONT_ENDS, assert_close, numpy
from helpers.experiments import Source, run
from helpers.fourier import ricker

FREQUENCY, SPACING = 20.0, 5.0
SHAPES = {1: (60,), 2: (30, 34), 3: (16, 14, 15)}


def names(ndim):
    return "zyx"[3 - ndim :]


def smooth(ndim, low, high, seed=0, cells=0):
    """A model with a bump; cells: added to each side, of the same bump."""
    grids = np.meshgrid(*(np.arange(-cells, n + cells) / n for n in SHAPES[ndim]), indexing="ij")
    phase = sum((3 + seed + i) * g for i, g in enumerate(grids))
    return low + (high - low) * (0.5 + 0.5 * np.sin(phase))


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


def lossless(equation, ndim):
    """Models without order, in elastic with a vacuum and a fluid, and what energy is made of."""
    if equation == "acoustic":
        models = {"v": rough(ndim, 1500, 2500), "rho": rough(ndim, 900, 1500, 1)}
        parts = ACOUSTIC.coefficient_map({k: x[None] for k, x in models.items()}, 1.0)
        return models, {k: x[0] for k, x in parts.items()}
    mu, rho = rough(ndim, 2e9, 6e9), rough(ndim, 1800, 2400, 1)
    lamb = rough(ndim, 2e9, 6e9, 2)
    mu[:4], mu[9, ...] = 0, 0
    buoyancy = 1 / rho
    lamb[:2], buoyancy[:2] = 0, 0
    models = {"lamb": lamb, "mu": mu, "buoyancy": buoyancy}
    parts = ELASTIC.coefficient_map({k: x[None] for k, x in models.items()}, 1.0)
    return models, {k: x[0] for k, x in parts.items()}


def strain_energy(parts, ndim, one, other):
    """sigma : compliance : sigma' / 2, of two states, where there is any stiffness."""
    axes = names(ndim)
    if "K" in parts:
        return 0.5 * np.sum(one["pressure_0"] * other["pressure_0"] / parts["K"])
    lamb, two_mu = parts["lamb"], parts["lamb_2mu"] - parts["lamb"]
    normal = [(one[f"sigma{a}{a}_0"], other[f"sigma{a}{a}_0"]) for a in axes]
    # In a fluid the normal stresses are one, and so is the modulus.
    bulk = lamb + two_mu / ndim
    mean, mean_other = (sum(pair[i] for pair in normal) / ndim for i in (0, 1))
    total = np.where(bulk > 0, mean * mean_other / np.where(bulk > 0, bulk, 1), 0)
    for first, second in normal:
        deviator = (first - mean) * (second - mean_other)
        total = total + np.where(two_mu > 0, deviator / np.where(two_mu > 0, two_mu, 1), 0)
    for i, a in enumerate(axes):
        for b in axes[i + 1 :]:
            mu, name = parts[f"mu_{a}{b}"], "sigma" + "".join(sorted((a, b))) + "_0"
            total = total + np.where(mu > 0, one[name] * other[name] / np.where(mu > 0, mu, 1), 0)
    return 0.5 * float(np.sum(total))


def kinetic_energy(parts, ndim, state):
    total = 0.0
    for a in names(ndim):
        b = parts[f"B{a}"]
        total += 0.5 * np.sum(state[f"v{a}_0"] ** 2 / np.where(b > 0, b, np.inf))
    return total


@pytest.mark.parametrize("equation", ["acoustic", "elastic"])
@pytest.mark.parametrize(("ndim", "order"), [(1, 4), (2, 2), (2, 4), (2, 8), (3, 4)])
def test_energy_is_conserved(equation, ndim, order):
    """v(t + dt/2)^2 / (2 B) + sigma(t) C sigma(t + dt) / 2 in a closed box, once nothing drives.

    The differences of velocity and of stress are the negative transposes of each other, up to the
    edges, so leapfrog keeps this product of stresses at successive steps, to rounding.
    """
    models, parts = lossless(equation, ndim)
    dt, nt = 0.35 * SPACING / 3300 / math.sqrt(ndim), 150
    front = FRONT_ENDS["torch"]()
    channel = {"acoustic": "volume_rate", "elastic": "pressure_rate"}[equation]
    arguments = {
        **models,
        "grid_spacing": SPACING,
        "dt": dt,
        "accuracy": order,
        "pml_width": 0,
        "pml_freq": FREQUENCY,
        "max_vel": 3600.0,
    }
    where = points(ndim)
    signal = ricker(np.arange(nt) * dt, 4 * FREQUENCY, 0.8)[None, None]
    sources = {"source_amplitudes_x": signal, "source_locations_x": where[None, :1]}
    sources |= {f"source_amplitudes_{channel}": signal}
    sources |= {f"source_locations_{channel}": where[None, 1:2]}
    out = front.call(arguments | sources, equation)
    states, energies = [], []
    for steps in (0, 1, 400, 1, 2000, 1):
        if steps:
            out = front.call({**arguments, "initial_state": out.final_state, "nt": steps}, equation)
        states.append({k: numpy(x)[0] for k, x in out._asdict().items() if k.endswith("_0")})
        if steps == 1:
            kinetic = kinetic_energy(parts, ndim, states[-1])
            potential = strain_energy(parts, ndim, *states[-2:])
            assert kinetic > 0
            energies.append(kinetic + potential)
    assert energies[0] > 0
    assert np.ptp(energies) < 1e-11 * energies[0], energies
    # And not so without the half step: the square at one time swings.
    plain = [strain_energy(parts, ndim, s, s) + kinetic_energy(parts, ndim, s) for s in states]
    assert np.ptp(plain) > 1e-4 * energies[0]


@pytest.mark.parametrize("steps", [5000, pytest.param(50_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("order", [2, 4, 8])
def test_stays_bounded(order, steps):
    """Elastic with a vacuum, water and layers of rock that go on in the PML, and after the source
    nothing but decay. Water makes the ratio of the speeds, and so the obliquity in the PML, large.
    """
    shape = (28, 30)
    vp, vs, rho = np.full(shape, 3300.0), np.full(shape, 1900.0), np.full(shape, 2300.0)
    vp[3:10], vs[3:10], rho[3:10] = 1500.0, 0.0, 1000.0
    vp[18:, 15:], vs[18:, 15:] = 5000.0, 2600.0
    buoyancy = 1 / rho
    rho[:3], buoyancy[:3] = 0.0, 0.0
    nt, dt = 400, 0.5 * SPACING / 5000 / math.sqrt(2)
    models = {"lamb": rho * (vp**2 - 2 * vs**2), "mu": rho * vs**2, "buoyancy": buoyancy}
    found = run(
        "elastic",
        models,
        [Source("y", [12, 14], ricker(np.arange(nt) * dt, 2 * FREQUENCY, 0.9))],
        {"p": [[6, 10], [20, 18]], "y": [[6, 10], [20, 18]]},
        nt=steps,
        grid_spacing=SPACING,
        dt=dt,
        accuracy=order,
        pml_width=[0, 8, 8, 8],
        pml_freq=2 * FREQUENCY,
    )
    for trace in found.values():
        largest = np.abs(trace[:, :800]).max(axis=1)
        assert (largest > 0).all()
        assert (np.abs(trace[:, -500:]).max(axis=1) < 1e-2 * largest).all()
        assert (np.abs(trace).max(axis=1) <= 1.5 * largest).all()
