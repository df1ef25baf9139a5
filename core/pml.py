"""Profiles of the convolutional perfectly matched layers (C-PML) on each face of the grid.

The recursion is that of Komatitsch & Martin (2007) without coordinate stretching (kappa = 1): a
memory variable m of a derivative d follows ``m = a m + b d``. With the depth p of a point in the
layer as a fraction of that face's own width, 0 at the inner edge and 1 from the last cell on,

    sigma = -3 max_vel ln(R) / (2 width spacing) p^2,    R = 0.001,    alpha = pi pml_freq (1 - p),
    a = exp(-(sigma + alpha) dt),    b = sigma / (sigma + alpha) (a - 1),

and a = b = 0 outside the layers. These are the profiles of Deepwave 0.1.0.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from .stencils import CENTRAL_FIRST

REFLECTION = 1e-3
"""Amplitude that a layer in continuous space would reflect at normal incidence."""

_LEAST_A, _LEAST_B = 1e-12, 1e-16
"""Sizes of a and b in a layer: the compiled core's transpose divides by them."""

ROWS = ("a", "b", "db", "a_half", "b_half")
"""Rows of each axis in :func:`profiles`."""


@dataclass(frozen=True)
class PmlSpec:
    """What the profiles depend on.

    Attributes:
        n: cells of the padded grid along each axis, layers included, slowest axis first.
        widths: cells of each layer, (low, high) of every axis in turn: 2 * ndim numbers, 0 or more.
        spacing: metres per cell along each axis.
        dt: internal time step in seconds; its sign does not matter.
        max_vel: speed in m/s for which the layers reach their nominal reflection.
        pml_freq: dominant frequency in Hz; 0 gives the plain, unshifted PML.
        accuracy: order of the stencils, for the derivative of b.
    """

    n: tuple[int, ...]
    widths: tuple[int, ...]
    spacing: tuple[float, ...]
    dt: float
    max_vel: float
    pml_freq: float
    accuracy: int

    def __post_init__(self) -> None:
        if (len(self.widths), len(self.spacing)) != (2 * len(self.n), len(self.n)):
            raise ValueError(
                f"n has {len(self.n)} axes, so widths takes {2 * len(self.n)} and spacing "
                f"{len(self.n)} entries, not {len(self.widths)} and {len(self.spacing)}"
            )
        for name in ("dt", "max_vel", "pml_freq"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be finite, got {getattr(self, name)}")
        if self.max_vel < 0 or self.pml_freq < 0:
            raise ValueError(
                f"max_vel and pml_freq must be 0 or more, got {self.max_vel} and {self.pml_freq}"
            )


@functools.lru_cache(maxsize=64)
def profiles(spec: PmlSpec) -> np.ndarray:
    """All profiles as one float64 array [5 * sum(n)]: per axis the :data:`ROWS`, n numbers each.

    a and b are at whole nodes, a_half and b_half half a cell further on. db is the first
    derivative of b per metre, by the central stencil of the order; it is not zero in the
    accuracy / 2 cells before a layer. Every field is zero beyond the grid, but b is continued there
    at full depth, so that db has no jump at the outer edge.
    """
    rows = np.concatenate([row for axis in range(len(spec.n)) for row in _axis(spec, axis)])
    rows.flags.writeable = False  # shared by all calls of this grid
    return rows


def _axis(spec: PmlSpec, axis: int) -> tuple[np.ndarray, ...]:
    radius = len(CENTRAL_FIRST[spec.accuracy])
    cells = np.arange(-radius, spec.n[axis] + radius, dtype=np.float64)
    a, b = _coefficients(spec, axis, cells)
    inside = slice(radius, -radius)
    half = _coefficients(spec, axis, cells[inside] + 0.5)
    db = np.zeros(spec.n[axis])
    for k, weight in enumerate(CENTRAL_FIRST[spec.accuracy], start=1):
        db += weight * (np.roll(b, -k) - np.roll(b, k))[inside]
    return (a[inside], b[inside], db / spec.spacing[axis], *half)


def _coefficients(spec: PmlSpec, axis: int, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """a and b at the positions ``x``, in cells."""
    low, high = spec.widths[2 * axis : 2 * axis + 2]
    depth, sigma = np.zeros_like(x), np.zeros_like(x)
    for width, distance in ((low, low - x), (high, x - (spec.n[axis] - 1 - high))):
        if width > 0:
            p = np.clip(distance / width, 0, 1)
            metres = width * spec.spacing[axis]
            sigma += -3 * spec.max_vel * math.log(REFLECTION) / (2 * metres) * p**2
            depth = np.maximum(depth, p)
    total = sigma + math.pi * spec.pml_freq * (1 - depth)
    ratio = np.divide(sigma, total, out=np.zeros_like(x), where=total > 0)
    a = np.where(depth > 0, np.maximum(np.exp(-total * abs(spec.dt)), _LEAST_A), 0.0)
    # expm1 keeps the digits of a - 1 where the damping over one step is small.
    b = ratio * np.expm1(-total * abs(spec.dt))
    return a, np.where(depth > 0, np.minimum(b, -_LEAST_B), b)
