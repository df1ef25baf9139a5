"""Model parameters between their nodes, by the averages that keep interfaces where they are.

A half node is stored with the whole node before it. The last one along an axis lies outside the
grid: what is returned there is zero, so that nothing ever moves at it. Axes are counted among the
last axes of the model, [..., *n]; the framework is the model's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add, and_
from typing import Any

from array_api_compat import array_namespace


def reciprocal_mean(x: Any, axis: int, ndim: int) -> Any:
    """1 / mean of x and its next along an axis, for densities above zero."""
    first, second = _pair(x, axis, ndim)
    return _closed(2 / (first + second), axis, ndim)


def reciprocal_mean_of_reciprocals(x: Any, axis: int, ndim: int) -> Any:
    """1 / mean density, from buoyancies, where a buoyancy of zero stands for no mass.

    Between a cell and a vacuum the mean density is half of the cell's (Zeng et al. 2012); between
    two vacuum cells nothing moves.
    """
    xp = array_namespace(x)
    first, second = _pair(x, axis, ndim)
    both = (first != 0) & (second != 0)
    total = xp.where(both, first + second, xp.ones_like(first))
    # A vacuum does not become a light solid little by little: nothing depends on its zero.
    alone = xp.where(first != 0, first, xp.where(second != 0, second, xp.zeros_like(second)))
    return _closed(2 * xp.where(both, first * second / total, alone), axis, ndim)


def harmonic_mean(x: Any, axes: Sequence[int], ndim: int) -> Any:
    """Harmonic mean of x over the four corners of a cell face; zero where one of them is.

    Moczo et al. (2002); that a zero makes zero is what puts a traction-free edge around a vacuum
    and a slipping one between a fluid and a solid.
    """
    xp = array_namespace(x)

    def corners(x: Any) -> list[Any]:
        found = [x]
        for axis in axes:
            found = [half for corner in found for half in _pair(corner, axis, ndim)]
        return found

    # Reciprocals are taken once, before the corners: it is what automatic differentiation keeps.
    there = x != 0
    reciprocals = corners(1 / xp.where(there, x, xp.ones_like(x)))
    solid, total = reduce(and_, corners(there)), reduce(add, reciprocals)
    mean = xp.where(solid, len(reciprocals) / total, xp.zeros_like(total))
    for axis in axes:
        mean = _closed(mean, axis, ndim)
    return mean


def largest_beside(halves: Sequence[Any]) -> Any:
    """At each whole node the largest of the values at the half nodes beside it.

    Args:
        halves: for each axis, slowest first, the values at its half nodes, [..., *n].
    """
    xp, ndim = array_namespace(halves[0]), len(halves)
    largest = xp.zeros_like(halves[0])
    for axis, half in enumerate(halves):
        # The half node before the first is the last one's, where the value is zero.
        before = xp.roll(half, 1, axis=half.ndim - ndim + axis)
        largest = xp.maximum(largest, xp.maximum(half, before))
    return largest


def _pair(x: Any, axis: int, ndim: int) -> tuple[Any, Any]:
    """x without its last and without its first node along an axis."""
    return _part(x, axis, ndim, slice(0, -1)), _part(x, axis, ndim, slice(1, None))


def _closed(x: Any, axis: int, ndim: int) -> Any:
    """x with a zero node after its last along an axis."""
    xp, place = array_namespace(x), x.ndim - ndim + axis
    shape = list(x.shape)
    shape[place] = 1
    end = xp.zeros_like(xp.broadcast_to(xp.sum(x, axis=place, keepdims=True), tuple(shape)))
    return xp.concat([x, end], axis=place)


def _part(x: Any, axis: int, ndim: int, part: slice) -> Any:
    return x[(..., part) + (slice(None),) * (ndim - axis - 1)]
