"""Reflection and transmission at a plane contact: normal incidence in 1-D, any angle in 2-D.

In 2-D a line source half a wavelength away sends plane and evanescent waves of all angles, critical
ones among them, and their coefficients are those of Zoeppritz: waves reflected, transmitted,
converted, refracted along the contact and guided by it are all in the traces. The contact lies
halfway between two rows. Errors are relative, in the L2 norm over the traces of a channel.
"""

import functools
import math
from dataclasses import replace

import numpy as np
import pytest

from helpers import full_space
from helpers.contacts import Experiment, errors, grid
from helpers.experiments import Source, delay, lead, run, shift
from helpers.fourier import Clock, misfit, ricker
from helpers.full_space import Fluid, Solid
from helpers.halfspaces import Contact

WATER, OIL, MUD = Fluid(1500.0, 1000.0), Fluid(2000.0, 1000.0), Fluid(3300.0, 2300.0)
SOFT, ROCK = Solid(2600.0, 1500.0, 2000.0), Solid(3300.0, 2000.0, 2300.0)
HARD = Solid(4200.0, 2500.0, 2700.0)

# Contact in 1-D and the most that order 2 and order 4 may be off.
PLANE = {
    "speed and density": ("acoustic", Contact(OIL, MUD), 5e-3, 3e-4),
    "density": ("acoustic", Contact(OIL, Fluid(2000.0, 2300.0)), 7e-3, 1.3e-3),
    "solids": ("elastic", Contact(ROCK, HARD), 2e-3, 2e-4),
    "fluid and solid": ("elastic", Contact(WATER, SOFT), 1.1e-2, 8e-4),
}
FREQUENCY, WAVELENGTH = 20.0, 100.0


def compressional(medium):
    """As a fluid, which is what a medium is in 1-D."""
    return Fluid(medium.v if isinstance(medium, Fluid) else medium.vp, medium.rho)


@functools.cache
def plane(name, order, late=0.0, moved=0):
    """Errors of "p" and "x" in 1-D, above and below, with a force a wavelength above.

    The wave has an impedance Z = rho v: pressure is reflected by R = (Z2 - Z1) / (Z2 + Z1) and
    transmitted by 1 + R, velocity by -R and (1 + R) Z1 / Z2.
    """
    equation, contact, *_ = PLANE[name]
    upper, lower = (compressional(medium) for medium in contact)
    each = 80 if order == 2 else 40
    spacing = WAVELENGTH / each
    dt = (0.75 if order == 2 else 0.7) * spacing / max(upper.v, lower.v)
    nt, first, source = round(0.24 / dt), 9 * each, 8 * each
    signal = ricker((np.arange(nt) - late) * dt, FREQUENCY) / spacing
    cells = np.array([[source + each // 2], [first + each]])
    found = run(
        equation,
        grid(contact, equation, (18 * each,), first),
        [Source("x", [source + moved], signal)],
        {"p": cells, "x": cells},
        grid_spacing=spacing,
        dt=dt,
        accuracy=order,
        pml_width=0,
        pml_freq=FREQUENCY,
        courant_number=0.76,
    )
    assert all((x[:, 0] == 0).all() for x in found.values())  # no sub-stepping
    clock = Clock(nt, dt)
    spectrum = clock.spectrum(ricker(np.arange(nt) * dt, FREQUENCY), delay("x"))
    one, two = upper.rho * upper.v, lower.rho * lower.v
    coefficient = (two - one) / (two + one)
    result = {}
    for channel, there in found.items():
        at = (cells[:, 0] + shift(channel, 1)[0] - first + 0.5) * spacing
        start = (source + 1 - first) * spacing  # negative, and half a cell on

        def wave(distance, channel=channel):
            place = np.array([[distance]])
            return full_space.acoustic(upper, clock.omega, place, "x", channel)

        sign = 1 if channel == "p" else -1
        reflected = sign * coefficient * wave(-at[0] - start)
        through = (1 + coefficient) * (1 if channel == "p" else one / two)
        transmitted = through * wave(-start + at[1] * upper.v / lower.v)
        spectra = np.concatenate([wave(at[0] - start) + reflected, transmitted])
        result[channel] = misfit(there, clock.trace(spectra * spectrum, lead(channel)))
    return result


@pytest.mark.parametrize("name", PLANE)
@pytest.mark.parametrize("order", [2, 4])
def test_normal_incidence(name, order):
    most = PLANE[name][2 if order == 2 else 3]
    assert max(plane(name, order).values()) < most, plane(name, order)
    for fault in ({"late": 0.5}, {"late": -0.5}, {"moved": 1}):
        assert min(plane(name, order, **fault).values()) > 1.5 * most


EXPLOSION, FORCE = ("explosion", -0.6), ("x", 0.6)
EVERYWHERE = tuple((c, z, x) for c in ("p", "y", "x") for z in (-0.5, 0.4) for x in (0.4, 1.6))

# Contact, source and order: the most that a channel may be off with 40 cells to 100 m.
OBLIQUE = {
    ("acoustic", Contact(OIL, MUD), EXPLOSION, 4): 1e-3,
    ("acoustic", Contact(OIL, Fluid(2000.0, 2300.0)), EXPLOSION, 4): 2.5e-3,
    ("acoustic", Contact(OIL, MUD), FORCE, 4): 1e-3,
    ("elastic", Contact(ROCK, HARD), EXPLOSION, 4): 1e-3,
    ("elastic", Contact(ROCK, HARD), FORCE, 4): 1e-3,
    ("elastic", Contact(OIL, ROCK), EXPLOSION, 2): 1.8e-2,
    ("elastic", Contact(OIL, ROCK), EXPLOSION, 4): 7e-3,
    ("elastic", Contact(WATER, SOFT), EXPLOSION, 4): 9e-3,
    ("elastic", Contact(WATER, SOFT), ("explosion", 0.6), 4): 9e-3,
    ("elastic", Contact(WATER, SOFT), FORCE, 4): 2e-2,
}


def oblique(equation, contact, source, order):
    # Near the limit of stability, which a contrast lowers, half a step is long.
    courant = 0.8 if order == 2 else 0.7
    return Experiment(
        equation, contact, source, EVERYWHERE, order=order, periods=4.5, courant=courant
    )


@pytest.mark.parametrize("key", OBLIQUE)
def test_oblique_incidence(key):
    found = errors(oblique(*key))
    assert max(found.values()) < OBLIQUE[key], found


@pytest.mark.parametrize("fault", [{"late": 0.5}, {"late": -0.5}, {"moved": (1, 0)}])
@pytest.mark.parametrize("key", OBLIQUE)
def test_the_tolerance_tells_a_cell_and_half_a_time_step(key, fault):
    found = errors(oblique(*key), **fault)
    assert min(found.values()) > 1.2 * OBLIQUE[key], found


@pytest.mark.parametrize(
    ("contact", "order", "rate"),
    [
        (Contact(ROCK, HARD), 2, 2),
        (Contact(OIL, ROCK), 2, 2),
        (Contact(OIL, ROCK), 8, 1),
    ],
)
def test_convergence(contact, order, rate):
    """Order 2 keeps its order; beyond, slip at a fluid's edge is of first order."""
    e = replace(oblique("elastic", contact, EXPLOSION, order), courant=0.6)
    coarse, fine = errors(replace(e, cells=20)), errors(e)
    for channel in coarse:
        found = math.log2(coarse[channel] / fine[channel])
        assert rate - 0.4 < found < rate + 0.4, found
