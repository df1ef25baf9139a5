"""The isotropic elastic wave equation, as a system of first order.

With particle velocity v_i, stress sigma_ij, Lame parameters lambda and mu and buoyancy b = 1 / rho:

    dv_i/dt = b (sum over j of dsigma_ij/dx_j + f_i)
    dsigma_ij/dt = lambda delta_ij sum over k of dv_k/dx_k + mu (dv_i/dx_j + dv_j/dx_i)

on a staggered grid (Virieux 1986): normal stresses at whole nodes and times t, velocity along an
axis half a cell on along it and half a time step earlier, shear stresses half a cell on along both
of their axes. Between nodes the density is the mean of two cells and mu the harmonic mean of four,
zero where one is (Moczo et al. 2002). Cells whose three parameters are zero are a vacuum, whose
edge is a free surface half a cell above the first solid node (Zeng et al. 2012); mu = 0 is a fluid.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from .acoustic import axes
from .averages import harmonic_mean, largest_beside, reciprocal_mean_of_reciprocals
from .table import Action, Condition, Equation, Piece, Stage, Term


def stress(a: str, b: str) -> str:
    """Name of a stress: the faster of two axes comes first, as in Deepwave."""
    return "sigma" + "".join(sorted((a, b)))


def coefficient_map(parameters: Mapping[str, Any], dt: float) -> dict[str, Any]:
    """lamb and mu in Pa and buoyancy in m^3/kg to their averages, times dt."""
    lamb, mu, buoyancy = (parameters[name] for name in ("lamb", "mu", "buoyancy"))
    ndim = lamb.ndim - 1
    coefficients = {"lamb_2mu": (lamb + 2 * mu) * dt, "lamb": lamb * dt}
    for (i, a), (j, b) in combinations(enumerate(axes(ndim)), 2):
        coefficients[f"mu_{a}{b}"] = harmonic_mean(mu, (i, j), ndim) * dt
    for i, a in enumerate(axes(ndim)):
        coefficients[f"B{a}"] = reciprocal_mean_of_reciprocals(buoyancy, i, ndim) * dt
    return coefficients


def fields(ndim: int) -> tuple[str, ...]:
    """Velocities, then stresses row by row of the upper triangle."""
    names = axes(ndim)
    stresses = (stress(a, b) for i, a in enumerate(names) for b in names[i:])
    return (*(f"v{a}" for a in names), *stresses)


def stages(ndim: int) -> tuple[Stage, ...]:
    """Newton's law from t - dt/2 to t + dt/2, then Hooke's from t to t + dt."""
    names = tuple(enumerate(axes(ndim)))
    pairs = tuple(combinations(names, 2))
    motion = Stage(
        pieces=tuple(
            Piece(f"force_{a}", stress(a, b), "forward" if a == b else "backward", j)
            for _, a in names
            for j, b in names
        ),
        terms=tuple(Term(f"v{a}", f"force_{a}", f"B{a}") for _, a in names),
        accumulate=True,
    )
    stretching = tuple(Piece(f"e_{a}", f"v{a}", "backward", i) for i, a in names)
    shearing = tuple(
        piece
        for (i, a), (j, b) in pairs
        for piece in (
            Piece(f"e_{a}{b}", f"v{a}", "forward", j),
            Piece(f"e_{a}{b}", f"v{b}", "forward", i),
        )
    )
    normal = tuple(
        Term(stress(a, a), f"e_{b}", "lamb_2mu" if a == b else "lamb")
        for _, a in names
        for _, b in names
    )
    shear = tuple(Term(stress(a, b), f"e_{a}{b}", f"mu_{a}{b}") for (_, a), (_, b) in pairs)
    deformation = Stage(pieces=stretching + shearing, terms=normal + shear, accumulate=True)
    return motion, deformation


def sources(ndim: int) -> dict[str, tuple[Action, ...]]:
    """Rate of pressure, force per volume, and rate of a moment tensor per volume."""
    names = tuple(enumerate(axes(ndim)))
    pressure = tuple(Action(stress(a, a), scale=-1.0, rate=True) for _, a in names)
    normal = tuple(Action(stress(a, a), scale=-1.0, rate=True, tensor=(i, i)) for i, a in names)
    shear = tuple(
        Action(
            stress(a, b),
            scale=-1.0,
            rate=True,
            stencil=((i, "average"), (j, "average")),
            tensor=(i, j),
        )
        for (i, a), (j, b) in combinations(names, 2)
    )
    forces = {a: (Action(f"v{a}", f"B{a}"),) for _, a in names}
    return {"pressure_rate": pressure, **forces, "moment": normal + shear}


def receivers(ndim: int) -> dict[str, tuple[Action, ...]]:
    """Rates of strain; pressure, the negative mean of the normal stresses; particle velocity.

    Those of Deepwave come last, so that scripts find them where they count from the end.
    """
    names = tuple(enumerate(axes(ndim)))
    pressure = tuple(Action(stress(a, a), scale=-1.0 / ndim) for _, a in names)
    velocity = {a: (Action(f"v{a}"),) for _, a in names}
    normal = {
        f"strain_rate_{a}{a}": (Action(f"v{a}", stencil=((i, "backward"),)),) for i, a in names
    }
    shear = {
        f"strain_rate_{b}{a}": tuple(
            Action(f"v{one}", scale=0.5, stencil=((k, "average"), (m, "central")))
            for (k, one), (m, _) in (((i, a), (j, b)), ((j, b), (i, a)))
        )
        for (i, a), (j, b) in combinations(names, 2)
    }
    return {**normal, **shear, "p": pressure, **velocity}


def speed(parameters: Mapping[str, Any]) -> Any:
    """Speed of compressional waves in m/s."""
    return ((parameters["lamb"] + 2 * parameters["mu"]) * parameters["buoyancy"]) ** 0.5


def grid_speed(parameters: Mapping[str, Any], ndim: int) -> Any:
    """Root of the P-wave modulus over the smallest mean density beside each node."""
    modulus, buoyancy = parameters["lamb"] + 2 * parameters["mu"], parameters["buoyancy"]
    halves = [
        reciprocal_mean_of_reciprocals(buoyancy + 0 * modulus, axis, ndim) for axis in range(ndim)
    ]
    return (modulus * largest_beside(halves)) ** 0.5


def slowest(parameters: Mapping[str, Any]) -> Any:
    """Speed of shear waves in m/s, and in a fluid that of compressional ones."""
    lamb, mu = parameters["lamb"], parameters["mu"]
    return ((mu + (mu == 0) * lamb) * parameters["buoyancy"]) ** 0.5


def _not_negative(name: str) -> Condition:
    return Condition(name, lambda parameters, ndim: parameters[name] >= 0, "values of 0 or more")


ELASTIC = Equation(
    name="elastic",
    parameters=("lamb", "mu", "buoyancy"),
    coefficients=("lamb_2mu", "lamb", "mu_zy", "mu_zx", "mu_yx", "Bz", "By", "Bx"),
    coefficient_map=coefficient_map,
    speed=speed,
    fields=fields,
    stages=stages,
    sources=sources,
    receivers=receivers,
    wavefields={f"{name}_0": name for name in fields(3)},
    aliases={"p": "pressure_rate"},
    conditions=(
        _not_negative("mu"),
        _not_negative("buoyancy"),
        Condition(
            "lamb",
            lambda p, ndim: p["lamb"] + 2 * p["mu"] / ndim >= 0,
            "a bulk modulus lamb + 2 mu / ndim of 0 or more",
            "With less the medium holds no energy and the run grows without bound.",
        ),
    ),
    slowest=slowest,
    grid_speed=grid_speed,
    faces=("pml",),
)
