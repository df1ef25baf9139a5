"""Small calls of which nothing is differentiated, with NumPy in place of the framework.

Around a march of a small grid a framework's operations take several times as long as the march; on
arrays that lie in the processor's memory NumPy's take less. What is computed is the same: the
propagator is written once for all frameworks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from . import native
from .form import places
from .framework import Framework
from .layout import Description
from .maps import Constants, Primal
from .output import AuxiliaryState
from .setup import Setup

_MOST_ENTRIES = 1 << 16
"""Of all arrays together; beyond, a framework's threads are worth more than NumPy's short calls."""
_OTHERS = (
    "initial_state",
    "forward_callback",
    "backward_callback",
    "python_backend",
    "memory_limit",
)
"""Arguments that have arrays inside, or are about the framework's own."""

Arguments = tuple[tuple, dict[str, Any]]


class Compiled:
    """The compiled backend of NumPy, without derivatives."""

    forward = staticmethod(native.forward)

    @staticmethod
    def tangent(description: Description, p: Primal, d: Primal, constants: Constants) -> Any:
        """Not here."""
        raise NotImplementedError("NumPy has no derivatives")


def at_hand(fw: Framework, args: tuple, keywords: Mapping[str, Any]) -> Arguments | None:
    """The arguments with NumPy's arrays; None where the framework is needed, or worth its time."""
    if keywords.get("backend", "auto") == "eager" or not fw.is_outermost():
        return None
    if any(keywords.get(name) is not None for name in _OTHERS):
        return None
    entries = 0
    found: list[Any] = []
    for name, x in (*(("", x) for x in args), *keywords.items()):
        if fw.is_array(x):
            x = fw.at_hand(x)
            if x is None or (entries := entries + x.size) > _MOST_ENTRIES:
                return None
        elif isinstance(x, np.ndarray) and not places(name):
            return None  # which the framework may refuse
        found.append(x)
    return tuple(found[: len(args)]), dict(zip(keywords, found[len(args) :], strict=True))


def is_exact(setup: Setup) -> bool:
    """Whether NumPy gives the bits of the framework: not of Fourier transforms, for resampling."""
    return setup.step_ratio == 1


def handed_back(fw: Framework, output: Any) -> Any:
    """A result with arrays of the framework, which share its memory where that may be."""
    found = []
    for x in output:
        if isinstance(x, AuxiliaryState):
            entries = {name: fw.from_numpy(part) for name, part in x.items()}
            found.append(AuxiliaryState(entries, x.settings))
        else:
            found.append(fw.from_numpy(x))
    return type(output)(*found)
