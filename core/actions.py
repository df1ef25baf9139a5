"""What sources do to fields and receivers read of them: nodes and weights of each channel.

A channel is a few actions, each on one field. The taps of a point (`points.py`), which are cells,
become nodes of the field; a stencil spreads each of them over neighbours, for what is wanted at
whole nodes while the field is at half nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from . import checks
from .equations import Action
from .faces import held
from .framework import Array, Framework
from .interpolation import IGNORED, OUTSIDE
from .points import Taps
from .stencils import CENTRAL_FIRST, STAGGERED
from .survey import cells_to_nodes

if TYPE_CHECKING:
    from .setup import Setup

Nodes = tuple[Array, Array]
"""Nodes int32 [S, N, P] and their weights."""


def stencil_taps(
    action: Action, spacing: Sequence[float], accuracy: int
) -> list[tuple[tuple[int, ...], float]]:
    """Offsets in nodes along each axis, and weights, of an action's stencil.

    "average": from half to whole nodes. "backward": the derivative from half to whole nodes.
    "central": the derivative from whole to whole nodes. Per metre, in the order of ``accuracy``.
    """
    taps = [((0,) * len(spacing), 1.0)]
    for axis, operation in action.stencil:
        row = _ROWS[operation](accuracy)
        unit = 1.0 if operation == "average" else spacing[axis]
        taps = [
            ((*offset[:axis], offset[axis] + shift, *offset[axis + 1 :]), weight * factor / unit)
            for offset, weight in taps
            for shift, factor in row.items()
        ]
    return taps


def _backward(accuracy: int) -> dict[int, float]:
    row: dict[int, float] = {}
    for k, weight in enumerate(STAGGERED[accuracy], start=1):
        row |= {k - 1: weight, -k: -weight}
    return row


def _central(accuracy: int) -> dict[int, float]:
    row: dict[int, float] = {}
    for k, weight in enumerate(CENTRAL_FIRST[accuracy], start=1):
        row |= {k: weight, -k: -weight}
    return row


_ROWS = {
    "average": lambda accuracy: {-1: 0.5, 0: 0.5},
    "backward": _backward,
    "central": _central,
}


def tap_count(entry: Taps, actions: Sequence[Action], accuracy: int, ndim: int) -> int:
    """Nodes that a point of a channel touches."""
    spacing = (1.0,) * ndim
    return entry.cells.shape[2] * sum(len(stencil_taps(a, spacing, accuracy)) for a in actions)


def check_nodes(setup: Setup, entry: Taps, actions: Sequence[Action]) -> None:
    """Raise where a point is at a node that is not in the grid, or a source where nothing moves.

    A field half a cell on along an axis has no node at the last cell of the grid; on a free face
    of a staggered grid the pressure is zero for all times.
    """
    if entry.known is None:
        return
    region, ndim = setup.region, setup.inputs.ndim
    for action in (action for action in actions if not action.stencil):
        for axis, half in enumerate(setup.equation.half(ndim, action.field)):
            last = region.origin[axis] + region.shape[axis] - 1
            if half and region.pml[2 * axis + 1] == 0:
                _refuse(
                    (entry, axis, last),
                    f"the last of the grid, and nodes of {action.field} lie half a cell beyond",
                    f"cells to {last - 1} along that axis, or a PML at that face",
                )
        for axis, side in held(setup.equation, ndim, setup.faces).get(action.field, ()):
            if entry.points.name.startswith("source"):
                end = region.origin[axis] + (region.shape[axis] - 1 if side else 0)
                _refuse(
                    (entry, axis, end),
                    f"on a face where {action.field} is held at zero",
                    "cells inside",
                )


def _refuse(where: tuple[Taps, int, int], what: str, accepted: str) -> None:
    entry, axis, cell = where
    if entry.known is not None and (entry.known[..., axis] == cell).any():
        came = f"a point uses cell {cell} of axis {axis}, {what}"
        checks.fail(entry.points.name, came, accepted)


class SourceNodes(NamedTuple):
    """Nodes that an action of a channel reaches, and what a unit of amplitude adds there in a step
    where the coefficient and the tensor of the action are one. cells: the nodes as cells of a
    grid, whichever field they are of; None where the action has no coefficient."""

    channel: str
    action: Action
    nodes: Nodes
    cells: Array | None


def source_nodes(fw: Framework, setup: Setup, entry: Taps) -> list[SourceNodes]:
    """The nodes of each action of a channel."""
    channel, count = entry.points.channel, prod(setup.region.n)
    parts = []
    for action in setup.equation.sources(setup.inputs.ndim)[channel]:
        nodes, weights = _nodes(fw, setup, entry, action)
        weights = action.scale * (setup.internal_dt if action.rate else 1.0) * weights
        cells = None
        if action.coefficient is not None:
            cells = fw.xp.where(nodes < 0, fw.xp.zeros_like(nodes), nodes % count)
        parts.append(SourceNodes(channel, action, (nodes, weights), cells))
    return parts


def scaled(fw: Framework, setup: Setup, part: SourceNodes, coefficients: dict[str, Array]) -> Nodes:
    """The nodes with weights times the action's coefficient there, and its entry of the tensor.

    Args:
        coefficients: [M, *n] by name. Not stacked: the derivative would be a grid of each.
    """
    (nodes, weights), action = part.nodes, part.action
    tensors = setup.inputs.tensors.get(part.channel)
    if action.tensor is not None and tensors is not None:
        i, j = action.tensor
        half = 0.5 * (tensors[:, :, i, j] + tensors[:, :, j, i])
        weights = weights * half[:, :, None]
    if part.cells is None or action.coefficient is None:
        return nodes, weights
    return nodes, weights * _at(fw, coefficients[action.coefficient], part.cells)


def receiver_nodes(fw: Framework, setup: Setup, entry: Taps) -> Nodes:
    """Nodes of receivers, and their weights."""
    parts = []
    for action in setup.equation.receivers(setup.inputs.ndim)[entry.points.channel]:
        nodes, weights = _nodes(fw, setup, entry, action)
        parts.append((nodes, weights if action.scale == 1 else action.scale * weights))
    return together(fw, parts)


def joined(fw: Framework, channels: Sequence[Nodes], taps: int, setup: Setup) -> Nodes:
    """Nodes and weights of all channels, one after the other, with the same number of taps."""
    if not channels:
        none = zeros(fw, (setup.inputs.shots, 0, taps), setup.inputs.like)
        return fw.xp.astype(none, fw.dtype("int32")), none
    whole = [_with_taps(fw, nodes, weights, taps) for nodes, weights in channels]
    if len(whole) == 1:
        return whole[0]
    all_nodes, all_weights = zip(*whole, strict=True)
    return fw.xp.concat(list(all_nodes), axis=1), fw.xp.concat(list(all_weights), axis=1)


def _with_taps(fw: Framework, nodes: Array, weights: Array, taps: int) -> Nodes:
    """The same with more taps, IGNORED and of no weight."""
    missing = taps - nodes.shape[2]
    if missing == 0:
        return nodes, weights
    # IGNORED is -1: what is filled up with zeros is one above it.
    more = [(0, missing)]
    return fw.pad_zero(nodes - IGNORED, more) + IGNORED, fw.pad_zero(weights, more)


def zeros(fw: Framework, shape: tuple[int, ...], like: Array) -> Array:
    """Zeros of the dtype and on the device of ``like``."""
    place = {"device": like.device} if fw.name == "torch" else {}
    return fw.xp.zeros(shape, dtype=like.dtype, **place)


def _nodes(fw: Framework, setup: Setup, entry: Taps, action: Action) -> Nodes:
    """Nodes and weights of points in the field of an action."""
    ndim, like = setup.inputs.ndim, setup.inputs.like
    number = setup.equation.fields(ndim).index(action.field)
    half = setup.equation.half(ndim, action.field)
    weights = fw.asarray(entry.weights, dtype=fw.dtype_name(like), like=like)
    parts = []
    for offset, factor in stencil_taps(action, setup.spacing, setup.options.accuracy):
        # Known points come as NumPy arrays.
        nodes = cells_to_nodes(entry.points.fw, entry.cells, setup.region, number, half, offset)
        nodes = fw.asarray(nodes, dtype="int32", like=like)
        parts.append((nodes, weights if factor == 1 else factor * weights))
    nodes, weights = together(fw, parts)
    if entry.known is None and setup.backend == "eager":
        # The compiled core refuses a node outside the grid; the eager engine cannot, under tracing.
        outside = nodes == OUTSIDE
        weights = fw.xp.where(outside, fw.xp.full_like(weights, float("nan")), weights)
        nodes = fw.xp.where(outside, fw.xp.zeros_like(nodes), nodes)
    return nodes, weights


def _at(fw: Framework, grid: Array, cells: Array) -> Array:
    """Values of a coefficient [M, *n] at cells [S, N, P]."""
    rows = (grid.shape[0], -1)
    here = fw.gather(fw.xp.reshape(grid, rows), fw.xp.reshape(cells, rows))
    return fw.xp.reshape(here, tuple(cells.shape))


def together(fw: Framework, parts: Sequence[Nodes]) -> Nodes:
    """Taps of several parts, side by side."""
    if len(parts) == 1:
        return parts[0]
    nodes, weights = zip(*parts, strict=True)
    return fw.xp.concat(list(nodes), axis=2), fw.xp.concat(list(weights), axis=2)
