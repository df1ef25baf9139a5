"""The acoustic wave equation with variable density, as a system of first order.

With pressure p, particle velocity v_i and the bulk modulus K = rho v^2:

    rho dv_i/dt = -dp/dx_i + f_i,        dp/dt = K (s - sum of dv_i/dx_i)

on a staggered grid (Virieux 1984): pressure at whole nodes and times t, velocity along an axis
half a cell on along it and half a time step earlier. The density at a half node is the mean of its
two neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .averages import largest_beside, reciprocal_mean
from .table import AXES, Action, Condition, Equation, Piece, Stage, Term


def axes(ndim: int) -> tuple[str, ...]:
    """Names of the axes, slowest first."""
    return AXES[3 - ndim :]


def coefficient_map(parameters: Mapping[str, Any], dt: float) -> dict[str, Any]:
    """Speed v in m/s and density rho in kg/m^3 to K dt and, at half nodes, dt / rho."""
    v, rho = parameters["v"], parameters["rho"]
    ndim = v.ndim - 1
    coefficients = {"K": v**2 * rho * dt}
    for axis, name in enumerate(axes(ndim)):
        coefficients[f"B{name}"] = reciprocal_mean(rho, axis, ndim) * dt
    return coefficients


def fields(ndim: int) -> tuple[str, ...]:
    """Pressure, and the particle velocity along each axis."""
    return ("p", *(f"v{a}" for a in axes(ndim)))


def stages(ndim: int) -> tuple[Stage, ...]:
    """Newton's law from t - dt/2 to t + dt/2, then Hooke's from t to t + dt."""
    motion = Stage(
        pieces=tuple(Piece(f"slope_{a}", "p", "forward", i) for i, a in enumerate(axes(ndim))),
        terms=tuple(Term(f"v{a}", f"slope_{a}", f"B{a}", -1.0) for a in axes(ndim)),
        accumulate=True,
    )
    compression = Stage(
        pieces=tuple(Piece("dilation", f"v{a}", "backward", i) for i, a in enumerate(axes(ndim))),
        terms=(Term("p", "dilation", "K", -1.0),),
        accumulate=True,
    )
    return motion, compression


def sources(ndim: int) -> dict[str, tuple[Action, ...]]:
    """Volume injected per volume and second, and force per volume."""
    forces = {a: (Action(f"v{a}", f"B{a}"),) for a in axes(ndim)}
    return {"volume_rate": (Action("p", "K"),), **forces}


def receivers(ndim: int) -> dict[str, tuple[Action, ...]]:
    """Pressure and particle velocity."""
    return {"p": (Action("p"),), **{a: (Action(f"v{a}"),) for a in axes(ndim)}}


def grid_speed(parameters: Mapping[str, Any], ndim: int) -> Any:
    """Root of the bulk modulus over the smallest mean density beside each node."""
    v, rho = parameters["v"], parameters["rho"]
    halves = [reciprocal_mean(rho + 0 * v, axis, ndim) for axis in range(ndim)]
    return (rho * v**2 * largest_beside(halves)) ** 0.5


ACOUSTIC = Equation(
    name="acoustic",
    parameters=("v", "rho"),
    coefficients=("K", "Bz", "By", "Bx"),
    coefficient_map=coefficient_map,
    speed=lambda parameters: abs(parameters["v"]),
    fields=fields,
    stages=stages,
    sources=sources,
    receivers=receivers,
    wavefields={"pressure_0": "p", "vz_0": "vz", "vy_0": "vy", "vx_0": "vx"},
    aliases={"p": "volume_rate"},
    grid_speed=grid_speed,
    conditions=(
        Condition("rho", lambda parameters, ndim: parameters["rho"] > 0, "densities above 0"),
    ),
)
