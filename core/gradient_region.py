"""The cells that gradients of the models are wanted in.

Outside them the models are constants, for every derivative; so the compiled core keeps of each step
only what those cells need, where it keeps a history.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import checks
from .framework import Array, Framework
from .survey import Region

Cells = tuple[tuple[int, int], ...]
"""First cell of the model and the one after the last, for each axis."""

REACH = 1
"""Cells from a model's cell to a coefficient that depends on it: averages are of neighbours."""


def parse(value: Any, space: Sequence[int]) -> Cells | None:
    """``grad_region`` as cells of a model of shape ``space``; None where it is all of it."""
    if value is None:
        return None
    accepted = (
        f"None, or {len(space)} pairs (begin, end) of model cells, slowest axis first, with 0 <= "
        f"begin < end <= {list(space)}; None for an axis, a begin or an end is that of the model"
    )
    axes = checks.entries(value)
    if axes is None or len(axes) != len(space):
        checks.fail("grad_region", f"got {checks.shown(value)}", accepted)
    cells = []
    for i, (axis, length) in enumerate(zip(axes, space, strict=True)):
        ends = (None, None) if axis is None else checks.entries(axis)
        if ends is None or len(ends) != 2:
            checks.fail("grad_region", f"has {checks.shown(axis)} for axis {i}", accepted)
        begin, end = (
            default if given is None else checks.integer(f"grad_region[{i}]", given, 0, accepted)
            for given, default in zip(ends, (0, length), strict=True)
        )
        if not begin < end <= length:
            checks.fail("grad_region", f"has ({begin}, {end}) for axis {i}", accepted)
        cells.append((begin, end))
    return tuple(cells)


def window(cells: Cells | None, region: Region) -> tuple[int, ...]:
    """Cells of the grid whose coefficients depend on ``cells`` of the model: begin and end of every
    axis in turn; () for all."""
    if cells is None:
        return ()
    ends: list[int] = []
    axes = zip(cells, region.origin, region.shape, region.widths, region.n, strict=True)
    for (begin, end), origin, shape, (low, _), n in axes:
        # A cell at the edge of the region is continued into the PML.
        first = 0 if begin <= origin else min(begin - origin - REACH, shape - 1) + low
        last = n if end >= origin + shape else max(end - origin + REACH, 1) + low
        ends += [first, max(last, first + 1)]
    return tuple(ends)


def cut(
    fw: Framework, models: dict[str, Array], cells: Cells | None, region: Region
) -> dict[str, Array]:
    """Models on the cells of the region, [M, *shape], as constants outside ``cells``."""
    if cells is None:
        return models
    inside = np.zeros(region.shape, bool)
    ends = zip(cells, region.origin, strict=True)
    box = tuple(slice(max(b - start, 0), max(e - start, 0)) for (b, e), start in ends)
    inside[box] = True
    mask = fw.asarray(inside, dtype="bool", like=next(iter(models.values())))
    return {k: fw.xp.where(mask, x, fw.stop_gradient(x)) for k, x in models.items()}
