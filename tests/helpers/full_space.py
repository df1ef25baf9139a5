"""Waves of point sources in a homogeneous fluid or solid, in the frequency domain.

All follow from the outgoing solution g of (laplacian + k^2) g = -delta, which in d dimensions is
(Morse & Feshbach 1953, chapter 7), with nu = d / 2 - 1 and for exp(i omega t),

    g = -i / 4 (k / (2 pi r))^nu H^(2)_nu(k r).

The displacement along i of a force along j is (Aki & Richards 2002, chapter 4; in 2-D Sanchez-Sesma
& Campillo 1991)

    G_ij = (k_s^2 delta_ij g_s + d_i d_j (g_s - g_p)) / (rho omega^2).

Positions are [receiver, axis] in metres from the source, results [receiver, frequency]. Nothing is
said of the source's own place.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import hankel2


class Fluid(NamedTuple):
    """Speed and density."""

    v: float
    rho: float


class Solid(NamedTuple):
    """Speeds of compressional and shear waves, and density."""

    vp: float
    vs: float
    rho: float

    def bulk_modulus(self, ndim: int) -> float:
        """lambda + 2 mu / ndim: of the pressure, which is the mean of ndim stresses."""
        return self.rho * (self.vp**2 - 2 * self.vs**2 * (1 - 1 / ndim))


def partial(k: np.ndarray, x: np.ndarray, along: tuple[int, ...], n: int = 0) -> np.ndarray:
    """Derivatives along some axes of (1/r d/dr)^n g, since d_i f(r) = x_i (1/r d/dr) f(r)."""
    if not along:
        ndim, r = x.shape[-1], np.linalg.norm(x, axis=-1)[:, None]
        order = ndim / 2 - 1 + n
        scale = -0.25j * (2 * math.pi) ** (1 - ndim / 2) * (-1) ** n
        return scale * (k / r) ** order * hankel2(order, k * r)
    first, rest = along[0], along[1:]
    total = x[:, first, None] * partial(k, x, rest, n + 1)
    for place, axis in enumerate(rest):
        if axis == first:
            total = total + partial(k, x, rest[:place] + rest[place + 1 :], n + 1)
    return total


def displacement(
    solid: Solid, omega: np.ndarray, x: np.ndarray, axes: tuple[int, int], along: tuple = ()
) -> np.ndarray:
    """G_ij, (i, j) = axes, or its derivatives along further axes."""
    i, j = axes
    kp, ks = omega / solid.vp, omega / solid.vs
    total = partial(ks, x, (i, j, *along)) - partial(kp, x, (i, j, *along))
    if i == j:
        total = total + ks**2 * partial(ks, x, along)
    return total / (solid.rho * omega**2)


class ElasticSource(NamedTuple):
    """A force vector, or a moment tensor as a rate: f_j = -d_k M_jk, integrated over time."""

    force: np.ndarray | None = None
    moment: np.ndarray | None = None

    def parts(self, omega: np.ndarray) -> list[tuple[int, tuple[int, ...], np.ndarray]]:
        """As forces: axis, the axes along which their field is differentiated, and a factor."""
        if self.force is not None:
            return [(j, (), self.force[j] + 0 * omega) for j in np.flatnonzero(self.force)]
        pairs = zip(*np.nonzero(self.moment), strict=True)
        return [(j, (k,), -self.moment[j, k] / (1j * omega)) for j, k in pairs]


def elastic(
    solid: Solid, omega: np.ndarray, x: np.ndarray, source: ElasticSource, channel: str
) -> np.ndarray:
    """What receivers of a channel record of a source of unit spectrum."""
    ndim = x.shape[-1]

    def moved(i: int, along: tuple[int, ...]) -> np.ndarray:
        return sum(
            factor * displacement(solid, omega, x, (i, j), (*own, *along))
            for j, own, factor in source.parts(omega)
        )

    if channel == "p":
        return -solid.bulk_modulus(ndim) * sum(moved(i, (i,)) for i in range(ndim))
    names = "zyx"[3 - ndim :]
    if channel.startswith("strain_rate"):
        i, j = (names.index(a) for a in channel[-2:])
        return 0.5j * omega * (moved(i, (j,)) + moved(j, (i,)))
    return 1j * omega * moved(names.index(channel), ())


def acoustic(
    fluid: Fluid, omega: np.ndarray, x: np.ndarray, source: str, channel: str
) -> np.ndarray:
    """As `elastic`, in a fluid; source: "volume_rate", or the axis of a force."""
    names = "zyx"[3 - x.shape[-1] :]
    k, iwrho = omega / fluid.v, 1j * omega * fluid.rho
    own = () if source == "volume_rate" else (names.index(source),)
    factor = iwrho if source == "volume_rate" else -1.0
    if channel == "p":
        return factor * partial(k, x, own)
    return -factor / iwrho * partial(k, x, (*own, names.index(channel)))
