"""Propagators as PyTorch functions: one for each equation, and one with its scattered field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..equations import ACOUSTIC, ELASTIC, SCALAR, Equation
from ..form import Form
from ..propagator import Backend, public_function
from . import rules
from .framework import TorchFramework
from .tracing import propagator_node


def _compiled() -> Backend:
    return rules


def _made(form: Form) -> Callable[..., Any]:
    return propagator_node(form, public_function(TorchFramework(), form, _compiled))


def propagator(equation: Equation) -> Callable[..., Any]:
    """The public function of an equation: all that is said of :func:`scalar` holds for it."""
    return _made(Form(equation))


def born_propagator(equation: Equation) -> Callable[..., Any]:
    """The function of an equation that models its scattered field too, as :func:`scalar_born`."""
    return _made(Form(equation, scattered=True))


scalar, scalar_born = propagator(SCALAR), born_propagator(SCALAR)
acoustic, acoustic_born = propagator(ACOUSTIC), born_propagator(ACOUSTIC)
elastic, elastic_born = propagator(ELASTIC), born_propagator(ELASTIC)
