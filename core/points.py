"""Sources and receivers as given, checked and turned into model cells with weights.

Locations come in as int or float arrays [shot, point, axis]; a point is left out by a mask, or by
``IGNORE_LOCATION`` in every coordinate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import checks
from .call import Options, Receivers, Sources, suffix
from .checks import IGNORE_LOCATION
from .framework import Array, Framework
from .interpolation import ON_CELL, location_weights


@dataclass(frozen=True)
class Points:
    """The sources or receivers of one channel.

    name: the argument, for messages. locations: as given, [shot, point, axis], masked points being
    IGNORE_LOCATION. values: the same as NumPy, None where unknown.
    """

    name: str
    channel: str
    locations: Array
    values: np.ndarray | None

    @property
    def count(self) -> int:
        """Points per shot."""
        return self.locations.shape[1]

    @property
    def active(self) -> np.ndarray | None:
        """Which points are not left out, [..., shot, point]; None where unknown."""
        return None if self.values is None else (self.values != IGNORE_LOCATION).all(axis=-1)


@dataclass(frozen=True)
class Taps:
    """Points spread over model cells: [shot, point, tap, axis] and weights [shot, point, tap].

    known: the cells as NumPy, None where their values are unknown.
    """

    points: Points
    cells: Array
    weights: Array
    known: np.ndarray | None


def source_points(
    fw: Framework, given: Mapping[str, Sources], like: Array, like_name: str
) -> list[Points]:
    """Checked sources of each channel that has any."""
    found = []
    for channel, entry in given.items():
        places = f"source_locations{suffix(channel)}"
        partner = f"source_amplitudes{suffix(channel)}"
        if (entry.amplitudes is None) != (entry.locations is None):
            missing, there = (places, partner) if entry.locations is None else (partner, places)
            checks.fail(missing, f"is missing, but {there} is given", "both or neither")
        found.append(_points(fw, places, channel, entry, (like, like_name)))
    return [points for points in found if points is not None]


def receiver_points(
    fw: Framework, given: Mapping[str, Receivers], like: Array, like_name: str
) -> list[Points]:
    """Checked receivers of each channel that has any."""
    found = (
        _points(fw, f"receiver_locations{suffix(channel)}", channel, entry, (like, like_name))
        for channel, entry in given.items()
    )
    return [points for points in found if points is not None]


def taps(fw: Framework, points: Points, space: tuple[int, ...], options: Options) -> Taps:
    """Cells and weights of points in a model of ``space`` cells; raise where one lies outside."""
    _check_inside(points, space)
    mode = options.location_interpolation
    if mode == "none" and points.values is None and "float" in fw.dtype_name(points.locations):
        checks.fail(
            points.name,
            "has unknown float values, with location_interpolation='none'",
            "an int array",
            "A function that is traced does not see values.",
        )
    cells, weights = location_weights(
        fw,
        points.locations,
        space,
        mode,
        options.location_interpolation_halfwidth,
        points.name,
    )
    return Taps(points, cells, weights, fw.concrete(cells))


def check_distinct(entry: Taps) -> None:
    """Raise where two sources of a shot that are not interpolated share a cell."""
    points = entry.points
    if entry.known is None or entry.known.shape[-2] != 1 or points.count < 2:
        return
    cells = entry.known[..., 0, :]
    ignored = (cells < 0).all(axis=-1)
    # Points left out get a number of their own below zero.
    cells = np.where(ignored[..., None], -1 - np.arange(points.count)[:, None], cells)
    for index in np.ndindex(cells.shape[:-2]):
        found, counts = np.unique(cells[index], axis=0, return_counts=True)
        if (counts > 1).any():
            cell = found[counts > 1][0]
            pair = np.flatnonzero((cells[index] == cell).all(axis=-1))[:2].tolist()
            checks.fail(
                points.name,
                f"sources {pair[0]} and {pair[1]} of shot {index[-1]} share cell {cell.tolist()}",
                "each cell once per shot",
                "Add their amplitudes and make them one source.",
            )


def _points(
    fw: Framework, name: str, channel: str, given: Any, like: tuple[Array, str]
) -> Points | None:
    argument = name.replace("locations", "mask")
    if given.locations is None:
        if given.mask is not None:
            checks.fail(argument, f"is given, but {name} is not", "a mask together with locations")
        return None
    locations = _as_locations(fw, name, given.locations, like)
    if given.mask is not None:
        locations = _masked(fw, argument, locations, given.mask)
    values = fw.concrete(locations)
    if values is not None:
        _check_values(name, values)
    return Points(name, channel, locations, values)


def _as_locations(fw: Framework, name: str, x: Any, like: tuple[Array, str]) -> Array:
    """Locations as an int32 array, or as a float array of the model's precision or higher."""
    accepted = "an int or float array [shot, point, axis], in cells"
    if not fw.is_array(x):
        try:
            x = np.asarray(x)
        except Exception as error:
            raise TypeError(f"{name}: {error}. Accepted: {accepted}.") from error
        if x.dtype.kind not in "iuf":
            checks.fail(name, f"got {checks.shown(x)}", accepted, kind=TypeError)
    kind = fw.dtype_name(x)
    if not kind.startswith(("int", "uint", "float")):
        checks.fail(name, f"has dtype {kind}", accepted, kind=TypeError)
    if len(x.shape) != 3:
        checks.fail(name, f"has shape {list(x.shape)}", accepted)
    dtype = "int32"
    if kind.startswith("float"):
        # At least the model's precision; a float64 NumPy array is more than JAX may have.
        exact = kind == "float64" and fw.is_array(x)
        dtype = "float64" if exact else fw.dtype_name(like[0])
    else:
        _within_int32(name, fw.concrete(x))
    if not fw.is_array(x):
        x = fw.asarray(x, dtype=dtype, like=like[0])
    checks.device(name, x, *like)
    return fw.xp.astype(x, fw.dtype(dtype))


def _within_int32(name: str, values: np.ndarray | None) -> None:
    low, high = IGNORE_LOCATION, -IGNORE_LOCATION - 1
    if values is not None and values.size and (values.max() > high or values.min() < low):
        checks.fail(name, "has a coordinate beyond the range of int32", "cells of the model")


def _masked(fw: Framework, argument: str, locations: Array, mask: Any) -> Array:
    if not fw.is_array(mask):
        mask = np.asarray(mask)
    if fw.dtype_name(mask) != "bool":
        checks.fail(argument, f"has dtype {fw.dtype_name(mask)}", "a bool array", kind=TypeError)
    checks.shape(argument, mask, tuple(locations.shape[:2]))
    mask = fw.asarray(mask, dtype="bool", like=locations)
    values = fw.concrete(locations)
    if values is not None and (values == IGNORE_LOCATION).any():
        checks.fail(argument, "is given, and the locations have IGNORE_LOCATION", "one of the two")
    ignored = fw.xp.full_like(locations, IGNORE_LOCATION)
    return fw.xp.where(mask[:, :, None], locations, ignored)


def _check_values(name: str, values: np.ndarray) -> None:
    """Raise on NaN, infinity, and points that are ignored in some coordinates only."""
    if not np.isfinite(values).all():
        checks.fail(name, "has a coordinate that is NaN or infinite", "finite numbers of cells")
    ignored = values == IGNORE_LOCATION
    partial = ignored.any(axis=-1) & ~ignored.all(axis=-1)
    if partial.any():
        index = tuple(np.argwhere(partial)[0])
        checks.fail(
            name,
            f"point {index[-1]} of shot {index[-2]} is {values[index].tolist()}",
            "IGNORE_LOCATION in every coordinate of a point or in none",
        )


def _check_inside(points: Points, space: tuple[int, ...]) -> None:
    """Raise where a known point lies outside the model."""
    if points.values is None:
        return
    top = np.asarray(space) - 1
    outside = (points.values < -ON_CELL) | (points.values > top + ON_CELL)
    outside &= points.active[..., None]
    if outside.any():
        index = tuple(np.argwhere(outside)[0][:-1])
        checks.fail(
            points.name,
            f"point {index[-1]} of shot {index[-2]} is at {points.values[index].tolist()}, "
            f"outside the model of {list(space)} cells",
            f"0 to {top.tolist()}, or IGNORE_LOCATION in every coordinate",
            "Locations count cells: divide positions in metres by grid_spacing.",
        )
