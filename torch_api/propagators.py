"""Propagators as PyTorch functions: one for each equation, and one with its scattered field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..equations import ACOUSTIC, ELASTIC, SCALAR, Equation
from ..form import Form
from ..propagator import Backend, public_function
from .framework import TorchFramework


def _compiled() -> Backend:
    from . import rules  # the eager backend works without the compiled core

    return rules


def propagator(equation: Equation) -> Callable[..., Any]:
    """The public function of an equation: all that is said of :func:`scalar` holds for it."""
    return public_function(TorchFramework(), Form(equation), _compiled)


def born_propagator(equation: Equation) -> Callable[..., Any]:
    """The function of an equation that models its scattered field too, as :func:`scalar_born`."""
    return public_function(TorchFramework(), Form(equation, scattered=True), _compiled)


scalar, scalar_born = propagator(SCALAR), born_propagator(SCALAR)
acoustic, acoustic_born = propagator(ACOUSTIC), born_propagator(ACOUSTIC)
elastic, elastic_born = propagator(ELASTIC), born_propagator(ELASTIC)
