"""From the models of a call to the coefficients of its equation, and what that takes of memory."""

from __future__ import annotations

import functools

from .equations import Equation
from .faces import mask_coefficients
from .framework import Array, Framework
from .gradient_region import cut
from .survey import Region

_CELLS = 24
"""Of a grid that stands for all others, along each axis."""


def coefficients(
    fw: Framework,
    equation: Equation,
    region: Region,
    faces: tuple[str, ...],
    dt: float,
    models: dict[str, Array],
) -> dict[str, Array]:
    """Coefficients by name, [M, *n], of models on the cells of the region, [M or 1, *shape]."""
    grids = {name: fw.pad_edge(model, region.widths) for name, model in models.items()}
    values = mask_coefficients(fw, equation, dict(equation.coefficient_map(grids, dt)), faces)
    shape = (max(model.shape[0] for model in models.values()), *region.n)
    found = {name: values[name] for name in equation.coefficient_names(len(region.n))}
    return {
        name: x if tuple(x.shape) == shape else fw.xp.broadcast_to(x, shape)
        for name, x in found.items()
    }


def stacked(fw: Framework, grids: dict[str, Array]) -> Array:
    """Coefficients [M, K, *n], as the core takes them."""
    found = list(grids.values())
    return found[0][:, None] if len(found) == 1 else fw.xp.stack(found, axis=1)


@functools.lru_cache(maxsize=256)
def arithmetic(
    fw: Framework, equation: Equation, faces: tuple[str, ...], is_cut: bool
) -> tuple[float, float]:
    """Grids of one model that the framework holds to come from models to coefficients, and back
    with their derivative: between the two, and at most; the results of both are not counted.

    Args:
        is_cut: whether gradients of some cells alone are wanted.
    """
    ndim = len(faces) // 2
    region = Region((0,) * ndim, (_CELLS - 2,) * ndim, (1,) * (2 * ndim))
    cells = ((1, _CELLS - 3),) * ndim if is_cut else None

    def run(models: dict[str, Array]) -> Array:
        inside = cut(fw, models, cells, region)
        return stacked(fw, coefficients(fw, equation, region, faces, 1.0, inside))

    shapes = dict.fromkeys(equation.parameters, (1, *region.shape))
    between, most = (size / (4 * _CELLS**ndim) for size in fw.held(run, shapes))
    return between, most
