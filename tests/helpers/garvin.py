"""Garvin's problem: an explosion along a line below the free surface of a solid half-space.

Garvin (1956), by the method of Cagniard and de Hoop; the form of Sanchez-Sesma, Iturraran-Viveros
& Kausel (2013) at the surface. With slowness p along and q_a, q_b down, and depth h of the source,

    v_x =  1 / (2 pi rho a^2) d/dt s * Im(4 p q_b       / (b^2 R) dp/dt)
    v_z = -1 / (2 pi rho a^2) d/dt s * Im(2 (1/b^2 - 2 p^2) / (b^2 R) dp/dt),   z down,
    R   = (1/b^2 - 2 p^2)^2 + 4 p^2 q_a q_b

on the path p x + q_a h = t. There t = r / a cosh(y), a r p = x cosh(y) + i h sinh(y) and
dp/dt dt = i q_a dy, which takes out the square root at the first arrival.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from helpers.full_space import Solid


def surface_velocity(
    solid: Solid, place: tuple[float, float], rate: Callable, t: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """v_z (down) and v_x at times t on the surface.

    Args:
        place: depth of the source and distance along the surface.
        rate: derivative in time of the moment rate, as a function of time, zero before zero.
    """
    depth, x = place
    a, b, rho = solid
    r = math.hypot(depth, x)
    samples = 2000
    most = math.acosh(max(t[-1] * a / r, 1.0 + 1e-9))
    y = (np.arange(samples) + 0.5) * most / samples
    p = (x * np.cosh(y) + 1j * depth * np.sinh(y)) / (r * a)
    qa = (depth * np.cosh(y) - 1j * x * np.sinh(y)) / (r * a)
    # The root with the positive real part, as on the path's start.
    qb = np.sqrt(1 / b**2 - p**2)
    rayleigh = (1 / b**2 - 2 * p**2) ** 2 + 4 * p**2 * qa * qb
    along = (1j * qa * 4 * p * qb / (b**2 * rayleigh)).imag
    down = -(1j * qa * 2 * (1 / b**2 - 2 * p**2) / (b**2 * rayleigh)).imag
    arriving = rate(t[:, None] - r / a * np.cosh(y))
    scale = most / samples / (2 * math.pi * rho * a**2)
    return scale * arriving @ down, scale * arriving @ along
