"""The scalar wave equation with constant density, ``u_tt = v^2 (lap u - f)``.

Second-order leapfrog: ``u(t+dt) = v^2 dt^2 lap u(t) + 2 u(t) - u(t-dt)``, written over ``u(t-dt)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .table import Action, Equation, Piece, Stage, Term


def coefficient_map(parameters: Mapping[str, Any], dt: float) -> dict[str, Any]:
    """Speed v in m/s to c = v^2 dt^2 in square metres."""
    return {"c": parameters["v"] ** 2 * (dt * dt)}


def speed(parameters: Mapping[str, Any]) -> Any:
    """Wave speed in m/s. A negative v gives the same waves, since only its square is used."""
    return abs(parameters["v"])


def fields(ndim: int) -> tuple[str, ...]:
    """The field at the current and at the previous time step."""
    return ("u", "u_prev")


def stages(ndim: int) -> tuple[Stage, ...]:
    """One stage: the Laplacian, with its C-PML, and the two older fields."""
    laplacian = tuple(Piece("lap", "u", "second", axis) for axis in range(ndim))
    carry = (Piece("carry", "u", scale=2.0), Piece("carry", "u_prev", scale=-1.0))
    return (
        Stage(
            pieces=laplacian + carry,
            terms=(Term("u_prev", "lap", "c"), Term("u_prev", "carry")),
            swap=(("u", "u_prev"),),
        ),
    )


SCALAR = Equation(
    name="scalar",
    parameters=("v",),
    coefficients=("c",),
    coefficient_map=coefficient_map,
    speed=speed,
    fields=fields,
    stages=stages,
    sources=lambda ndim: {"": (Action("u", "c", -1.0),)},
    receivers=lambda ndim: {"": (Action("u"),)},
    wavefields={"wavefield_0": "u", "wavefield_m1": "u_prev"},
)
