"""Propagators as PyTorch functions: one for each equation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..equations import ACOUSTIC, ELASTIC, SCALAR, Equation
from ..propagator import public_function
from .framework import TorchFramework


def _compiled() -> Callable:
    from . import rules  # the eager backend works without the compiled core

    return rules.forward


def propagator(equation: Equation) -> Callable[..., Any]:
    """The public function of an equation: all that is said of :func:`scalar` holds for it."""
    return public_function(TorchFramework(), equation, _compiled)


scalar = propagator(SCALAR)
acoustic = propagator(ACOUSTIC)
elastic = propagator(ELASTIC)
