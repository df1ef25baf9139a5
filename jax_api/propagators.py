"""Propagators as JAX functions: one for each equation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import checks
from ..equations import ACOUSTIC, ELASTIC, SCALAR, Equation
from ..propagator import public_function
from .framework import JaxFramework


def _compiled(ad: str = "primitives") -> Callable:
    checks.choice("ad", ad, ("primitives", "custom_vjp"))
    # Imported here: the eager backend works without the compiled core.
    from . import custom_vjp, primitives

    return {"primitives": primitives, "custom_vjp": custom_vjp}[ad].forward


def propagator(equation: Equation) -> Callable[..., Any]:
    """The public function of an equation: all that is said of :func:`scalar` holds for it."""
    return public_function(JaxFramework(), equation, _compiled)


scalar = propagator(SCALAR)
acoustic = propagator(ACOUSTIC)
elastic = propagator(ELASTIC)
