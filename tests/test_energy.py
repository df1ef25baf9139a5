"""That lossless media in a closed box keep their energy, and that long runs stay bounded."""

import math

import numpy as np
import pytest

from dualwave.equations import ACOUSTIC, ELASTIC
from helpers.calls import FRONT_ENDS, numpy
from helpers.experiments import Source, run
from helpers.fourier import ricker

FREQUENCY, SPACING = 20.0, 5.0
SHAPES = {1: (60,), 2: (30, 34), 3: (16, 14, 15)}


def names(ndim):
    return "zyx"[3 - ndim :]


def rough(ndim, low, high, seed=0):
    return np.random.default_rng(seed).uniform(low, high, SHAPES[ndim])


def lossless(equation, ndim):
    """Models without order, in elastic with a vacuum and a fluid, and what energy is made of."""
    if equation == "acoustic":
        models = {"v": rough(ndim, 1500, 2500), "rho": rough(ndim, 900, 1500, 1)}
        table = ACOUSTIC
    else:
        lamb, mu = rough(ndim, 2e9, 6e9, 2), rough(ndim, 2e9, 6e9)
        buoyancy = 1 / rough(ndim, 1800, 2400, 1)
        mu[:4], mu[9, ...] = 0, 0
        lamb[:2], buoyancy[:2] = 0, 0
        models, table = {"lamb": lamb, "mu": mu, "buoyancy": buoyancy}, ELASTIC
    parts = table.coefficient_map({k: x[None] for k, x in models.items()}, 1.0)
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
    where = (np.array(SHAPES[ndim]) // 2)[None, None]
    signal = ricker(np.arange(nt) * dt, 4 * FREQUENCY, 0.8)[None, None]
    sources = {"source_amplitudes_x": signal, "source_locations_x": where}
    sources |= {f"source_amplitudes_{channel}": signal}
    sources |= {f"source_locations_{channel}": where + 1}
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
