"""The equations that the tables of the tests run over: a new one is one more name in the list.

A model that none of them has yet needs its range and its unit as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from equations.damped import DAMPED

from dualwave import equations
from dualwave.equations import Equation

equations.register(DAMPED)
NAMES = ("scalar", "damped", "acoustic", "elastic")
EQUATIONS: dict[str, Equation] = {name: equations.get(name) for name in NAMES}

RANGES = {
    "v": (1500.0, 2500.0),
    "d": (20.0, 200.0),
    "rho": (4e-4, 8e-4),
    "lamb": (1000.0, 2000.0),
    "mu": (300.0, 800.0),
    "buoyancy": (1000.0, 1800.0),
}
"""Values of the models. No speed is above 2550 m/s. The unit of mass is such that impedances are
near one: pressures and velocities, and their gradients, are then of one size, and none hides in the
tolerance of another."""
UNITS = {"v": 1e3, "d": 400.0, "rho": 5e-4, "lamb": 600.0, "mu": 600.0, "buoyancy": 1500.0}
"""What models are divided by to be about one, with speeds about two."""


def random_models(
    equation: str, shape: Sequence[int], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Rough models of an equation, uniform in their ranges."""
    names = EQUATIONS[equation].parameters
    return {name: rng.uniform(*RANGES[name], tuple(shape)) for name in names}


def rows(table: Iterable[tuple], quick: Callable[..., bool]) -> list[Any]:
    """Parameters of a test, one for each row of a table; those that are not ``quick`` are slow."""
    return [
        pytest.param(
            *row, id="-".join(map(str, row)), marks=[] if quick(*row) else pytest.mark.slow
        )
        for row in table
    ]
