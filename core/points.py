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
from .call import Options, Receivers, Sources
from .checks import IGNORE_LOCATION
from .form import suffix
from .framework import Array, Framework, NumpyFramework
from .interpolation import ON_CELL, location_weights


@dataclass(frozen=True)
class Points:
    """The sources or receivers of one channel.

    name: the argument, for messages. level: 1 for what records the scattered field. locations:
    [shot, point, axis], those left out being
    IGNORE_LOCATION. fw: the framework of ``locations``: NumPy where the values are known and not
    differentiated or mapped, since under ``jit`` all that JAX computes is unknown.
    """

    name: str
    channel: str
    locations: Array
    fw: Framework
    level: int = 0

    @property
    def count(self) -> int:
        """Points per shot."""
        return self.locations.shape[1]

    @property
    def values(self) -> np.ndarray | None:
        """Locations as NumPy, None where unknown; an axis more in front for each mapped level."""
        return self.fw.concrete(self.locations)

    @property
    def active(self) -> np.ndarray | None:
        """Which points are not left out, [..., shot, point]; None where unknown."""
        values = self.values
        return None if values is None else (values != IGNORE_LOCATION).all(axis=-1)


@dataclass(frozen=True)
class Taps:
    """Points spread over model cells: [shot, point, tap, axis] and weights [shot, point, tap].

    Both are arrays of ``points.fw``. known: the cells as NumPy, None where they are unknown.
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
    """Checked receivers of each channel and level that has any."""
    found = (
        _points(fw, name, entry.channel, entry, (like, like_name)) for name, entry in given.items()
    )
    return [points for points in found if points is not None]


def taps(points: Points, space: tuple[int, ...], options: Options) -> Taps:
    """Cells and weights of points in a model of ``space`` cells; raise where one lies outside."""
    values, fw, mode = points.values, points.fw, options.location_interpolation
    if values is not None:
        _check_values(points.name, values, space)
    elif mode == "none" and "float" in fw.dtype_name(points.locations):
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
    ignored = np.all(cells < 0, axis=-1, keepdims=True)
    # Points left out get a number of their own below zero.
    cells = np.where(ignored, -1 - np.arange(points.count)[:, None], cells)
    for index in np.ndindex(cells.shape[:-2]):
        found, counts = np.unique(cells[index], axis=0, return_counts=True)
        if (counts > 1).any():
            cell = found[counts > 1][0]
            pair = np.flatnonzero(np.equal(cells[index], cell).all(axis=-1))[:2].tolist()
            checks.fail(
                points.name,
                f"sources {pair[0]} and {pair[1]} of shot {index[-1]} share cell {cell.tolist()}",
                "each cell once per shot",
                "Add their amplitudes and make them one source.",
            )


def _points(
    fw: Framework, name: str, channel: str, given: Any, like: tuple[Array, str]
) -> Points | None:
    if given.locations is None:
        kinds = {"mask": given.mask, "tensors": getattr(given, "tensors", None)}
        for kind, x in kinds.items():
            if x is not None:
                stray = name.replace("locations", kind)
                checks.fail(
                    stray, f"is given, but {name} is not", f"{kind} together with locations"
                )
        return None
    locations, kind = _checked_locations(fw, name, given.locations, like)
    mask = given.mask if given.mask is None or fw.is_array(given.mask) else np.asarray(given.mask)
    if mask is not None:
        _check_mask(fw, name.replace("locations", "mask"), mask, locations)
    arrays: list[Any] = [locations] if mask is None else [locations, mask]
    known = [fw.concrete(x) for x in arrays if not fw.is_traced(x)]
    if len(known) == len(arrays) and all(x is not None for x in known):
        fw, arrays = NumpyFramework(), list(known)
    else:
        arrays = [fw.asarray(x, dtype=str(fw.dtype_name(x)), like=like[0]) for x in arrays]
    locations = fw.xp.astype(arrays[0], fw.dtype(kind))
    if mask is not None:
        ignored = fw.xp.full_like(locations, IGNORE_LOCATION)
        locations = fw.xp.where(arrays[1][:, :, None], locations, ignored)
    return Points(name, channel, locations, fw, getattr(given, "level", 0))


def _checked_locations(
    fw: Framework, name: str, x: Any, like: tuple[Array, str]
) -> tuple[Array, str]:
    """Locations as an array of the framework or of NumPy, and the dtype to work in."""
    accepted = "an int or float array [shot, point, axis], in cells"
    if not fw.is_array(x):
        try:
            x = np.asarray(x)
        except Exception as error:
            raise TypeError(f"{name}: {error}. Accepted: {accepted}.") from error
    kind = fw.dtype_name(x)
    if not kind.startswith(("int", "uint", "float")):
        checks.fail(name, f"has dtype {kind}", accepted, kind=TypeError)
    if len(x.shape) != 3:
        checks.fail(name, f"has shape {list(x.shape)}", accepted)
    if fw.is_array(x):
        checks.device(name, x, *like)
    if kind.startswith("float"):
        return x, "float64" if kind == "float64" else fw.dtype_name(like[0])
    values, low, high = fw.concrete(x), IGNORE_LOCATION, -IGNORE_LOCATION - 1
    if values is not None and values.size and (values.max() > high or values.min() < low):
        checks.fail(name, "has a coordinate beyond the range of int32", "cells of the model")
    return x, "int32"


def _check_mask(fw: Framework, argument: str, mask: Any, locations: Array) -> None:
    if fw.dtype_name(mask) != "bool":
        checks.fail(argument, f"has dtype {fw.dtype_name(mask)}", "a bool array", kind=TypeError)
    checks.shape(argument, mask, tuple(locations.shape[:2]))
    values = fw.concrete(locations)
    if values is not None and (values == IGNORE_LOCATION).any():
        checks.fail(argument, "is given, and the locations have IGNORE_LOCATION", "one of the two")


def _check_values(name: str, values: np.ndarray, space: tuple[int, ...]) -> None:
    """Raise where a point is NaN, ignored in some coordinates only, or outside the model."""
    if not np.isfinite(values).all():
        checks.fail(name, "has a coordinate that is NaN or infinite", "finite numbers of cells")
    ignored = values == IGNORE_LOCATION
    partial = ignored.any(axis=-1) & ~ignored.all(axis=-1)
    top = np.asarray(space) - 1
    outside = ((values < -ON_CELL) | (values > top + ON_CELL)) & ~ignored
    for bad in (partial, outside.any(axis=-1)):
        if bad.any():
            index = tuple(np.argwhere(bad)[0])
            checks.fail(
                name,
                f"point {index[-1]} of shot {index[-2]} is at {values[index].tolist()} in a model "
                f"of {list(space)} cells",
                f"0 to {top.tolist()}, or IGNORE_LOCATION in every coordinate",
                "Locations count cells: divide positions in metres by grid_spacing.",
            )
