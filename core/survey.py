"""The part of the model that a call marches, and everything moved from the model into its grid.

There is one region for all shots of a call. The grid of a run is the region with its PML around
it; models are continued into the PML by their edge values, fields by zeros.

The region is chosen as Deepwave does: from the sources and receivers and ``survey_pad``, or, when
``survey_pad`` is None and there are initial fields, from the shape of those and ``origin``.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from . import checks
from .framework import Array, Framework
from .interpolation import IGNORED, OUTSIDE


@dataclass(frozen=True)
class Region:
    """A box of model cells and its PML.

    Attributes:
        origin: its first model cell along each axis, slowest first.
        shape: its number of cells along each axis, PML not included.
        pml: widths of the layers around it, (low, high) of every axis in turn: 2 * ndim numbers.
    """

    origin: tuple[int, ...]
    shape: tuple[int, ...]
    pml: tuple[int, ...]

    @functools.cached_property
    def n(self) -> tuple[int, ...]:
        """Cells of the grid, PML included."""
        pairs = zip(self.shape, self.widths, strict=True)
        return tuple(cells + low + high for cells, (low, high) in pairs)

    @functools.cached_property
    def widths(self) -> tuple[tuple[int, int], ...]:
        """(low, high) for each axis."""
        return tuple(zip(self.pml[::2], self.pml[1::2], strict=True))

    def contains(self, cells: np.ndarray) -> np.ndarray:
        """Whether model cells [..., ndim] are in the region, or are to be ignored: [...]."""
        low = np.asarray(self.origin)
        inside = (cells >= low) & (cells < low + np.asarray(self.shape))
        return inside.all(axis=-1) | (cells == IGNORED).all(axis=-1)

    def within(self, space: Sequence[int]) -> bool:
        """Whether the region lies in a model of this shape."""
        ends = (start + cells for start, cells in zip(self.origin, self.shape, strict=True))
        return all(start >= 0 for start in self.origin) and all(
            end <= cells for end, cells in zip(ends, space, strict=True)
        )


def region_around(
    space: Sequence[int],
    pml: Sequence[int],
    cells: Sequence[np.ndarray | None],
    survey_pad: int | Sequence[int | None] | None,
) -> Region:
    """The smallest region with ``survey_pad`` cells around all sources and receivers.

    Args:
        space: cells of the model along each axis.
        pml: widths, (low, high) of every axis in turn.
        cells: for each source and receiver array its model cells [..., ndim], the taps of
            interpolated points included; None where they are unknown. Rows of IGNORED are skipped.
        survey_pad: cells for each face, one for all or 2 * ndim; None reaches to the model's edge.

    Raises:
        ValueError: cells are unknown and the region depends on them.
    """
    ndim = len(space)
    if survey_pad is None or isinstance(survey_pad, int):
        survey_pad = (survey_pad,) * (2 * ndim)
    low, high = [0] * ndim, list(space)
    if any(pad is not None for pad in survey_pad):
        known = [entry.reshape(-1, ndim) for entry in cells if entry is not None]
        if len(known) < len(cells):
            raise ValueError(
                "survey_pad: the region depends on locations whose values are unknown while a "
                "function is traced. Accepted then: None. Cut the model before the call, or close "
                "over the locations instead of passing them."
            )
        every = np.concatenate([np.zeros((0, ndim), dtype=np.int64), *known])
        used = every[(every >= 0).all(axis=-1)]
        for axis in range(ndim if len(used) else 0):
            before, after = survey_pad[2 * axis : 2 * axis + 2]
            if before is not None:
                low[axis] = max(int(used[:, axis].min()) - before, 0)
            if after is not None:
                high[axis] = min(int(used[:, axis].max()) + after + 1, space[axis])
    shape = tuple(end - start for start, end in zip(low, high, strict=True))
    return Region(tuple(low), shape, tuple(pml))


def region_of_field(
    space: Sequence[int],
    pml: Sequence[int],
    field: Sequence[int],
    origin: Sequence[int] | None,
    cells: Sequence[np.ndarray | None] = (),
) -> Region:
    """The region that an initial field belongs to.

    The field may span the region with its PML, as the final field of a call does, or the region
    alone. The first reading is taken where both are possible, with a warning, since the shape
    cannot say; another warning says that the origin had to be taken as zero.

    Args:
        space, pml, cells: as in :func:`region_around`.
        field: shape of the initial field without the shot axis.
        origin: first model cell of the region; None is zero.

    Raises:
        ValueError: with neither reading is the region in the model with all sources and receivers.
    """
    start = (0,) * len(space) if origin is None else tuple(origin)
    pairs = zip(pml[::2], pml[1::2], strict=True)
    inner = tuple(cells - low - high for cells, (low, high) in zip(field, pairs, strict=True))
    whole, alone = Region(start, inner, tuple(pml)), Region(start, tuple(field), tuple(pml))
    fits = [region for region in (whole, alone) if _fits(region, space, cells)]
    if not fits:
        raise ValueError(
            f"initial wavefields of shape {list(field)} and origin {list(start)} give no region of "
            f"a model of {list(space)} cells that holds all sources and receivers. Accepted: the "
            f"cells of a region from origin on, with the PML widths {list(pml)} or without them."
        )
    if len(fits) == 2 and whole != alone:
        checks.warn(
            f"initial wavefields of shape {list(field)} may span {list(inner)} cells of the model "
            f"and their PML, or {list(field)} cells without it; the first is assumed. Pass "
            "wavefields that include the PML to be clear."
        )
    if origin is None:
        checks.warn(
            f"origin was not given, so initial wavefields of shape {list(field)} are taken to "
            f"begin at cell {list(start)} of the model; pass origin={list(start)} if they do."
        )
    return fits[0]


def _fits(region: Region, space: Sequence[int], cells: Sequence[np.ndarray | None]) -> bool:
    if min(region.shape) < 1 or not region.within(space):
        return False
    return all(entry is None or bool(region.contains(entry).all()) for entry in cells)


def in_region(model: Array, region: Region) -> Array:
    """The cells of a model [..., *space] that are in the region, [..., *shape]."""
    if tuple(model.shape[-len(region.shape) :]) == region.shape:
        return model
    return model[(..., *_slices(region))]


def extend_field(fw: Framework, field: Array, region: Region, name: str = "wavefield") -> Array:
    """An initial field [shot, *n]; one that spans the region alone is continued by zeros."""
    shape = tuple(field.shape[1:])
    if shape == region.n:
        return field
    if shape == region.shape:
        return fw.pad_zero(field, region.widths)
    raise ValueError(
        f"{name}: has shape {list(shape)} per shot. Accepted: {list(region.n)} (the region and its "
        f"PML, as a call returns it) or {list(region.shape)} (the region, continued by zeros)."
    )


def cells_to_nodes(
    fw: Framework,
    cells: Array,
    region: Region,
    field: int = 0,
    half: Sequence[bool] = (),
    offset: Sequence[int] = (),
) -> Array:
    """Nodes of the packed fields, int32 [...], from model cells [..., ndim].

    Args:
        field: number of the field that the nodes are in.
        half: along which axes these lie half a cell on; there the last one is not in the grid.
        offset: nodes to go from the cell, along each axis. One that this takes out of the grid,
            where fields are zero, is IGNORED.

    Returns:
        ``field * prod(n)`` plus the row-major index in the grid; -1 (IGNORED) where the cell is not
        to be used; -2 (OUTSIDE), which the compiled core refuses, where the region does not have
        it: never a node of another row.
    """
    xp, count = fw.xp, prod(region.n)
    if (field + 1) * count > 2**31 - 1:
        raise ValueError(
            f"a grid of {list(region.n)} cells has more than 2^31 nodes; cut the model with "
            "survey_pad, or pass fewer cells"
        )
    cells = xp.astype(cells, fw.dtype("int32"))
    node = xp.full_like(cells[..., 0], field * count)
    outside = xp.zeros_like(node, dtype=fw.dtype("bool"))
    ignored = xp.all(cells == IGNORED, axis=-1)
    for axis, (low, high) in enumerate(region.widths):
        local = cells[..., axis] - region.origin[axis]
        last_is_half = bool(half) and half[axis]
        if not any(offset):
            end = region.shape[axis] - (last_is_half and high == 0)
            outside = outside | (local < 0) | (local >= end)
        else:
            outside = outside | (local < 0) | (local >= region.shape[axis])
            local = local + offset[axis]
            ignored = ignored | (local + low < 0) | (local + low >= region.n[axis] - last_is_half)
        node = node + (local + low) * prod(region.n[axis + 1 :])
    node = xp.where(outside, xp.full_like(node, OUTSIDE), node)
    return xp.where(ignored, xp.full_like(node, IGNORED), node)


def _slices(region: Region) -> tuple[slice, ...]:
    return tuple(
        slice(start, start + cells)
        for start, cells in zip(region.origin, region.shape, strict=True)
    )
