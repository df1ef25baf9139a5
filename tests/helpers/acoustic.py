"""A staggered table for the tests: the variable-density acoustic equations of first order.

Pressure p at whole nodes, the particle velocity along each axis half a cell on along it.
"""

import numpy as np

from dualwave.equations.table import AXES, Equation, Piece, Stage, Term


def acoustic_equation(ndim: int) -> Equation:
    """The table in ``ndim`` dimensions; its coefficient map is for NumPy models."""
    axes = AXES[3 - ndim :]

    def coefficient_map(parameters, dt):
        v, rho = parameters["v"], parameters["rho"]
        coefficients = {"k": dt * rho * v**2}
        for axis, name in enumerate(axes, start=1):
            after = np.roll(rho, -1, axis)  # the last half node is outside: its value is not used
            coefficients[f"b{name}"] = dt * 2 / (rho + after)
        return coefficients

    velocities = Stage(
        pieces=tuple(Piece(f"g{a}", "p", "forward", i) for i, a in enumerate(axes)),
        terms=tuple(Term(f"v{a}", f"g{a}", f"b{a}", -1.0) for a in axes),
        accumulate=True,
    )
    pressure = Stage(
        pieces=tuple(Piece("div", f"v{a}", "backward", i) for i, a in enumerate(axes)),
        terms=(Term("p", "div", "k", -1.0),),
        accumulate=True,
    )
    return Equation(
        name=f"toy_acoustic_{ndim}d",
        parameters=("v", "rho"),
        coefficients=("k", *(f"b{a}" for a in axes)),
        coefficient_map=coefficient_map,
        speed=lambda parameters: abs(parameters["v"]),
        fields=lambda _: ("p", *(f"v{a}" for a in axes)),
        stages=lambda _: (velocities, pressure),
        sources={"": ("p", "k", 1.0), **{a: (f"v{a}", f"b{a}", 1.0) for a in axes}},
        receivers={"": "p", **{a: f"v{a}" for a in axes}},
        wavefields={"pressure_0": "p", **{f"v{a}_0": f"v{a}" for a in axes}},
        ndims=(ndim,),
    )
