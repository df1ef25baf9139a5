"""Propagators as JAX functions: one for each equation, and one with its scattered field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import checks
from ..equations import ACOUSTIC, ELASTIC, SCALAR, Equation
from ..form import Form
from ..propagator import Backend, public_function
from .framework import JaxFramework


def _compiled(ad: str = "primitives") -> Backend:
    checks.choice("ad", ad, ("primitives", "custom_vjp"))
    # Imported here: the eager backend works without the compiled core.
    from . import custom_vjp, primitives

    return {"primitives": primitives, "custom_vjp": custom_vjp}[ad]


def _compiled_tangent() -> Backend:
    from . import primitives

    return primitives


def propagator(equation: Equation) -> Callable[..., Any]:
    """The public function of an equation: all that is said of :func:`scalar` holds for it."""
    return public_function(JaxFramework(), Form(equation), _compiled)


def born_propagator(equation: Equation) -> Callable[..., Any]:
    """The function of an equation that models its scattered field too, as :func:`scalar_born`."""
    return public_function(JaxFramework(), Form(equation, scattered=True), _compiled_tangent)


scalar, scalar_born = propagator(SCALAR), born_propagator(SCALAR)
acoustic, acoustic_born = propagator(ACOUSTIC), born_propagator(ACOUSTIC)
elastic, elastic_born = propagator(ELASTIC), born_propagator(ELASTIC)
