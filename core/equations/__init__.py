"""The equations, by name. A new one is a table in a file of its own and a line in `_BUILT_IN`."""

from __future__ import annotations

from .acoustic import ACOUSTIC
from .elastic import ELASTIC
from .scalar import SCALAR
from .table import Action, Condition, Equation, Piece, Stage, Term

__all__ = [
    "ACOUSTIC",
    "ELASTIC",
    "SCALAR",
    "Action",
    "Condition",
    "Equation",
    "Piece",
    "Stage",
    "Term",
    "get",
    "names",
    "register",
]

_BUILT_IN = (SCALAR, ACOUSTIC, ELASTIC)
_registry: dict[str, Equation] = {equation.name: equation for equation in _BUILT_IN}


def get(name: str) -> Equation:
    """The equation called ``name``; ValueError names those that exist."""
    try:
        return _registry[name]
    except KeyError:
        raise ValueError(f"equation {name!r} is unknown; there are {', '.join(names())}") from None


def register(equation: Equation) -> Equation:
    """Add an equation. The same object may come again, another of the same name may not."""
    if _registry.setdefault(equation.name, equation) is not equation:
        raise ValueError(f"equation {equation.name!r} exists already; give this one another name")
    return equation


def names() -> tuple[str, ...]:
    """Names of the registered equations, in the order in which they were registered."""
    return tuple(_registry)
