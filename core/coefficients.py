"""From the models of a call to the coefficients of its equation, and what that takes of memory."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from .equations import Equation
from .faces import mask_coefficients
from .framework import Array, Framework
from .survey import Region, extract_model

_CELLS = 24
"""Of a grid that stands for all others, along each axis."""


def coefficients(
    fw: Framework,
    equation: Equation,
    region: Region,
    faces: Sequence[str],
    dt: float,
    models: dict[str, Array],
) -> Array:
    """Coefficient grids [M, K, *n] of models [M, *space], or [1, *space]."""
    grids = {name: extract_model(fw, model, region) for name, model in models.items()}
    values = mask_coefficients(fw, equation, dict(equation.coefficient_map(grids, dt)), faces)
    shape = (max(model.shape[0] for model in models.values()), *region.n)
    names = equation.coefficient_names(len(region.n))
    return fw.xp.stack([fw.xp.broadcast_to(values[name], shape) for name in names], axis=1)


@functools.lru_cache(maxsize=256)
def arithmetic(fw: Framework, equation: Equation, ndim: int) -> tuple[float, float]:
    """Grids of one model that the framework holds to come from models to coefficients, and back
    with their derivative: between the two, and at most; the results of both are not counted."""
    region = Region((0,) * ndim, (_CELLS - 2,) * ndim, (1,) * (2 * ndim))
    ones = fw.xp.ones((1, *region.shape), dtype=fw.dtype("float32"))
    models = {name: fw.xp.asarray(ones, copy=True) for name in equation.parameters}
    run = functools.partial(coefficients, fw, equation, region, ("pml",) * (2 * ndim), 1.0)
    between, most = (size / (4 * _CELLS**ndim) for size in fw.held(run, models))
    return between, most
