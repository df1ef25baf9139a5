"""The oracles of elastic waves against closed forms and textbook values."""

import math

import numpy as np
import pytest

from helpers import full_space, zoeppritz
from helpers.fourier import Clock, misfit, ricker
from helpers.full_space import ElasticSource, Fluid, Solid

FREQUENCY = 20.0
SOLID = Solid(3300.0, 2000.0, 2300.0)
PLACE = np.array([60.0, -35.0, 50.0])
# Each reads a different combination of near, intermediate and far fields.
DOUBLE_COUPLE = np.array([[0, 0, 1.0], [0, 0, 0], [1.0, 0, 0]])
GENERAL = np.array([[1.0, 0.3, -0.5], [0.3, -2.0, 0.7], [-0.5, 0.7, 0.4]])


def pulse(t, derivative=0):
    """A Gaussian in time, or its first derivative."""
    x = math.pi * FREQUENCY * (t - 1.3 / FREQUENCY)
    return np.exp(-(x**2)) * (-2 * math.pi * FREQUENCY * x if derivative else 1)


def near(t, r):
    """The integral of tau pulse(t - tau) over tau from r / vp to r / vs, [..., nt]."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    first, last = r[..., None, None] / SOLID.vp, r[..., None, None] / SOLID.vs
    tau = first + (last - first) * (nodes + 1) / 2
    return (tau * pulse(t[:, None] - tau)) @ weights * (last - first)[..., 0] / 2


def force_in_time(t, x, i, j):
    """Aki & Richards (2002), equation 4.23: displacement along i of a force along j, [..., nt]."""
    a, b, rho = SOLID
    r = np.linalg.norm(x, axis=-1)
    one, two = (x[..., k] / r for k in (i, j))
    same, s = float(i == j), r[..., None]
    both = (one * two)[..., None]
    total = (3 * both - same) / s**3 * near(t, r)
    total = total + both / (a**2 * s) * pulse(t - s / a)
    total = total - (both - same) / (b**2 * s) * pulse(t - s / b)
    return total / (4 * math.pi * rho)


def moment_in_time(t, x, n, tensor):
    """Aki & Richards (2002), equation 4.29, whose five terms are kept apart here."""
    a, b, rho = SOLID
    r = np.linalg.norm(x)
    g, d = x / r, np.eye(3)
    total = 0.0
    for p, q in np.ndindex(3, 3):
        cube = g[n] * g[p] * g[q]
        deltas = g[n] * d[p, q] + g[p] * d[n, q] + g[q] * d[n, p]
        terms = (
            (15 * cube - 3 * deltas) / r**4 * near(t, np.array(r)),
            (6 * cube - deltas) / (a**2 * r**2) * pulse(t - r / a),
            -(6 * cube - deltas - g[q] * d[n, p]) / (b**2 * r**2) * pulse(t - r / b),
            cube / (a**3 * r) * pulse(t - r / a, 1),
            -(cube - d[n, p] * g[q]) / (b**3 * r) * pulse(t - r / b, 1),
        )
        total = total + tensor[p, q] * sum(terms)
    return total / (4 * math.pi * rho)


def displaced(x, source, channel, dt=5e-4, nt=500):
    """From the frequency domain, of a source of which the force or moment is the pulse."""
    clock = Clock(nt, dt, leapfrog=False)
    response = full_space.elastic(SOLID, clock.omega, x[None], source, channel)
    # Velocities of a force, and those of a moment rate, are rates of displacement.
    rate = 1j * clock.omega if source.force is not None else 1.0
    return clock.trace(response / rate * clock.spectrum(pulse(np.arange(nt) * dt)))[0]


T = np.arange(500) * 5e-4


@pytest.mark.parametrize("i", range(3))
def test_forces_in_3d(i):
    for j in range(3):
        found = displaced(PLACE, ElasticSource(force=np.eye(3)[j]), "zyx"[i])
        assert misfit(found, force_in_time(T, PLACE, i, j)) < 1e-5


@pytest.mark.parametrize("tensor", [np.eye(3), DOUBLE_COUPLE, GENERAL])
@pytest.mark.parametrize("i", range(3))
def test_moments_in_3d(i, tensor):
    found = displaced(PLACE, ElasticSource(moment=tensor), "zyx"[i])
    assert misfit(found, moment_in_time(T, PLACE, i, tensor)) < 3e-5


@pytest.mark.parametrize(("i", "j"), [(0, 0), (0, 1), (1, 1)])
def test_2d_is_a_line_in_3d(i, j):
    """Of forces, as far along the line as is heard within the record."""
    x, step = np.array([60.0, 45.0]), 8.0
    along = np.arange(-848, 848.1, step)
    places = np.stack([np.full_like(along, x[0]), along, np.full_like(along, x[1])], axis=-1)
    line = force_in_time(T, places, 2 * i, 2 * j).sum(axis=0) * step
    found = displaced(x, ElasticSource(force=np.eye(2)[j]), "yx"[i])
    assert misfit(found, line) < 1e-4


def test_1d_is_a_plane_of_compression():
    """A force moves both sides by F / (2 rho vp) as a velocity."""
    x = np.array([100.0])
    clock = Clock(T.size, T[1], leapfrog=False)
    force = ElasticSource(force=np.ones(1))
    green = full_space.elastic(SOLID, clock.omega, x[None], force, "x")
    found = clock.trace(green * clock.spectrum(ricker(T, FREQUENCY)))[0]
    exact = ricker(T - x / SOLID.vp, FREQUENCY) / (2 * SOLID.rho * SOLID.vp)
    assert misfit(found, exact) < 1e-5


OMEGA = np.array([100.0])
MEDIA = [Fluid(1500.0, 1000.0), SOLID, Solid(4200.0, 2500.0, 2700.0), None]


def power(medium, kind, amplitude, k):
    """Across the contact, up to omega^3 / 2: rho c^2 nu |displacement|^2, c being the speed."""
    nu = zoeppritz.vertical(zoeppritz.speeds(medium)[kind], k, OMEGA)
    return medium.rho * nu.real * np.abs(amplitude) ** 2


@pytest.mark.parametrize("upper", MEDIA)
@pytest.mark.parametrize("lower", MEDIA[:3])
@pytest.mark.parametrize("kind", ["P", "S"])
def test_contacts_conserve_energy(upper, lower, kind):
    """At angles below and beyond the critical ones, for waves that come up."""
    if kind not in zoeppritz.speeds(lower):
        kind = "P"
    sides = {-1: upper, 1: lower}
    for angle in (5.0, 25.0, 40.0, 65.0):
        k = OMEGA / zoeppritz.speeds(lower)[kind] * math.sin(math.radians(angle))
        leaving = zoeppritz.scattered(upper, lower, (kind, -1), k, OMEGA)
        total = sum(power(sides[s], other, x, k) for (other, s), x in leaving.items())
        coming = power(lower, kind, np.ones(1), k)
        assert coming > 0
        np.testing.assert_allclose(total, coming, rtol=1e-11)


def test_normal_incidence():
    """From the impedances: of potentials, displacement being k times potential."""
    upper, lower = MEDIA[1:3]
    leaving = zoeppritz.scattered(upper, lower, ("P", 1), np.zeros(1), OMEGA)
    one, two = upper.rho * upper.vp, lower.rho * lower.vp
    np.testing.assert_allclose(leaving["P", -1], (two - one) / (one + two), rtol=1e-12)
    through = 2 * one / (one + two) * lower.vp / upper.vp
    np.testing.assert_allclose(leaving["P", 1], through, rtol=1e-12)


@pytest.mark.parametrize("angle", [10.0, 45.0, 80.0])
def test_a_free_surface(angle):
    """Aki & Richards (2002), equation 5.27: P reflected as P, with slowness p."""
    p = math.sin(math.radians(angle)) / SOLID.vp
    down, shear = (math.sqrt(1 / c**2 - p**2) for c in SOLID[:2])
    first, second = (1 / SOLID.vs**2 - 2 * p**2) ** 2, 4 * p**2 * down * shear
    leaving = zoeppritz.scattered(None, SOLID, ("P", -1), p * OMEGA, OMEGA)
    np.testing.assert_allclose(leaving["P", 1], (second - first) / (second + first), rtol=1e-11)
