"""Speeds of the Rayleigh and the Scholte wave, measured between two receivers.

The speeds are roots of the secular equations, of which the determinants of the boundary conditions
vanish: Rayleigh (1885), and Scholte (1947) as in Cagniard (1962). Both waves are undispersed, so
the phases of two traces differ by omega x / c at every frequency.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
import pytest
from scipy.optimize import brentq

from helpers.contacts import VACUUM, grid
from helpers.experiments import Source, run
from helpers.fourier import ricker
from helpers.full_space import Fluid, Solid
from helpers.halfspaces import Contact
from helpers.zoeppritz import scattered

FREQUENCY = 20.0
ROCK, SEDIMENT = Solid(3300.0, 2000.0, 2300.0), Solid(2000.0, 1000.0, 2000.0)
WATER = Fluid(1500.0, 1000.0)
RAYLEIGH, SCHOLTE = Contact(None, ROCK), Contact(WATER, SEDIMENT)


def speed(contact):
    """Of the wave that a contact guides: the root of the secular equation below all others."""
    solid, fluid = contact.lower, contact.upper

    def secular(c):
        p, s = math.sqrt(1 - (c / solid.vp) ** 2), math.sqrt(1 - (c / solid.vs) ** 2)
        load = 0.0
        if fluid is not None:
            load = (
                fluid.rho / solid.rho * (c / solid.vs) ** 4 * p / math.sqrt(1 - (c / fluid.v) ** 2)
            )
        return (2 - (c / solid.vs) ** 2) ** 2 - 4 * p * s + load

    slowest = solid.vs if fluid is None else min(solid.vs, fluid.v)
    return brentq(secular, 0.5 * slowest, (1 - 1e-12) * slowest, xtol=1e-9)


class Setting(NamedTuple):
    """cells: to the guided wave's wavelength, of which the receivers are `near` and `far` away."""

    contact: Contact
    order: int
    cells: int
    near: float = 4.0
    far: float = 8.0


@functools.cache
def measured(setting):
    """Speeds at a few frequencies around the peak."""
    contact, order, cells, near, far = setting
    oracle = speed(contact)
    spacing = oracle / FREQUENCY / cells
    dt = 0.55 * spacing / contact.fastest() / math.sqrt(2)
    nt = round((far + 3.5) / FREQUENCY / dt)
    vacuum = contact.upper is None
    first, left = (VACUUM, cells) if vacuum else (2 * cells, cells)
    # Vertical motion on the contact, where the guided wave is by far the largest.
    at = [[first - 1, left + round(distance * cells)] for distance in (0, near, far)]
    found = run(
        "elastic",
        grid(contact, "elastic", (first + 2 * cells, at[-1][1] + cells), first),
        [Source("y", at[0], ricker(np.arange(nt) * dt, FREQUENCY))],
        {"y": at[1:]},
        grid_spacing=spacing,
        dt=dt,
        accuracy=order,
        pml_width=[0 if vacuum else 20, 20, 20, 20],
        pml_freq=FREQUENCY,
    )["y"]
    assert np.abs(found).max() > 0
    t = np.arange(nt) * dt
    result = []
    for frequency in (0.8 * FREQUENCY, FREQUENCY, 1.2 * FREQUENCY):
        omega = 2 * math.pi * frequency
        # A window of three periods, around the time at which the wave is due.
        one, other = (
            np.sum(
                x
                * np.exp(-(((t - d / FREQUENCY - 1.5 / FREQUENCY) * FREQUENCY) ** 2))
                * np.exp(-1j * omega * (t - d / FREQUENCY))
            )
            for x, d in zip(found, (near, far), strict=True)
        )
        late = -np.angle(other / one) / omega
        distance = (at[2][1] - at[1][1]) * spacing
        result.append(distance / (distance / oracle + late))
    return np.array(result)


# Where, order and cells: how far off the speed may be.
CASES = {
    (RAYLEIGH, 2, 40): 2e-3,
    (RAYLEIGH, 4, 40): 1e-3,
    (SCHOLTE, 2, 40): 5e-3,
    (SCHOLTE, 4, 20): 3e-3,
}


def test_known_values():
    """Rayleigh waves of a Poisson solid: c^2 / vs^2 = 2 - 2 / sqrt(3). Others are slower."""
    poisson = Contact(None, Solid(math.sqrt(3.0), 1.0, 2.0))
    assert abs(speed(poisson) ** 2 - (2 - 2 / math.sqrt(3))) < 1e-9
    assert speed(SCHOLTE) < speed(Contact(None, SEDIMENT)) < SEDIMENT.vs


@pytest.mark.parametrize("contact", [RAYLEIGH, SCHOLTE])
def test_the_roots_are_poles_of_the_coefficients(contact):
    """What a contact scatters grows without bound there."""
    omega, c = np.array([100.0]), speed(contact)
    sizes = [
        np.abs(scattered(*contact, ("P", -1), omega / (c * (1 + off)), omega)["P", 1])[0]
        for off in (1e-4, 1e-6)
    ]
    assert sizes[1] > 50 * sizes[0] > 50


@pytest.mark.parametrize("case", CASES)
def test_speed(case):
    contact, *_ = case
    off = measured(Setting(*case)) / speed(contact) - 1
    assert np.abs(off).max() < CASES[case], off
    # Nothing else that travels along the contact is as slow: shear waves, nor Rayleigh waves where
    # it is a Scholte wave that is wanted.
    solid = contact.lower
    next_slowest = solid.vs if contact.upper is None else speed(Contact(None, solid))
    assert next_slowest > (1 + 10 * CASES[case]) * speed(contact)
