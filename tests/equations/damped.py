"""A throw-away equation that shows what a new one takes: the damped wave equation.

``u_tt + d u_t = v^2 (lap u - f)``, with the damping d in 1/s. Central differences in time give
``u(t+dt) = A lap u + u + C (u - u(t-dt))`` with ``A = v^2 dt^2 / (1 + d dt / 2)`` and
``C = (1 - d dt / 2) / (1 + d dt / 2)``.
"""

from __future__ import annotations

from dualwave.equations.table import Action, Equation, Piece, Stage, Term


def coefficient_map(parameters, dt):
    """v in m/s and d in 1/s to A in square metres and C."""
    half = parameters["d"] * (dt / 2)
    return {"A": parameters["v"] ** 2 * (dt * dt) / (1 + half), "C": (1 - half) / (1 + half)}


def stages(ndim):
    """One stage, written over the older field."""
    laplacian = tuple(Piece("lap", "u", "second", axis) for axis in range(ndim))
    others = (
        Piece("rate", "u"),
        Piece("rate", "u_prev", scale=-1.0),
        Piece("carry", "u"),
    )
    terms = (Term("u_prev", "lap", "A"), Term("u_prev", "rate", "C"), Term("u_prev", "carry"))
    return (Stage(laplacian + others, terms, swap=(("u", "u_prev"),)),)


DAMPED = Equation(
    name="damped",
    parameters=("v", "d"),
    coefficients=("A", "C"),
    coefficient_map=coefficient_map,
    speed=lambda parameters: abs(parameters["v"]),
    fields=lambda ndim: ("u", "u_prev"),
    stages=stages,
    sources=lambda ndim: {"": (Action("u", "A", -1.0),)},
    receivers=lambda ndim: {"": (Action("u"),)},
    wavefields={"wavefield_0": "u", "wavefield_m1": "u_prev"},
)
