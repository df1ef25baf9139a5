"""Sources and receivers between the cells: Kaiser-windowed sinc interpolation (Hicks 2002).

A point at cell i + f (i whole, 0 <= f < 1) along an axis is spread over the 2 h cells from
i - h + 1 to i + h, h being the halfwidth. The cell at distance x from the point weighs

    sinc(x) I0(beta sqrt(1 - (x / h)^2)) / I0(beta),        sinc(x) = sin(pi x) / (pi x),

and in several dimensions the product over the axes. The values of beta, one for each h, are those
that Hicks gives for wavelengths of three cells or more. The weights are smooth in f and continuous
from cell to cell, where their derivative has a small jump (the cell that leaves and the one that
enters weigh nothing there but have a slope).

What Deepwave 0.1.0 does, found by running it, and what is the same here:

* "auto" looks at one location array as a whole. Integers, and floats that are all within 1e-5 of a
  cell, are taken as cells. If one coordinate is further off, all points of the array are
  interpolated. "hicks" interpolates always, "none" raises for a point off its cell.
* Along an axis where an interpolated point is within 1e-5 of a cell it has that one cell, weight 1.
  This snapping is left out where positions are differentiated, and then all 2 h cells are there.
* A window must lie inside the model; windows that would reach into the PML are refused.
* A point whose coordinates all equal IGNORE_LOCATION has no cells.
* Weights refer to the field: a source is scaled by the coefficient at each of its cells.
* Cells that windows share are added up: interpolated points may coincide, integer ones may not.

What differs on purpose:

* beta passes through PyTorch's default dtype in Deepwave, so that with the usual float32 its
  float64 weights are off by 1e-8. They agree to rounding under torch.set_default_dtype(float64).
* Deepwave caches weights by f rounded down to 1e-5, so that points closer than that in f get the
  weights of whichever came first. Here each point has its own.
* In float32 Deepwave rounds the whole coordinate before it takes f; here f is taken first.
* Version 0.0.27 truncated the sum of position and distance, so that one point in 200 had a cell
  twice and missed its neighbour. Here the cells are integers plus an integer, as in 0.1.0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

import numpy as np

from .checks import IGNORE_LOCATION
from .framework import Array, Framework

MODES = ("auto", "hicks", "none")

BETA = (0.0, 1.84, 3.04, 4.14, 5.26, 6.40, 7.51, 8.56, 9.56, 10.64)
"""Kaiser window parameter for the halfwidths 1 .. 10, from Hicks (2002)."""

ON_CELL = 1e-5
"""A known position this close to a cell, in cells, is on it."""

IGNORED, OUTSIDE = -1, -2
"""All coordinates of a cell that is not to be used, and of one that the model does not have."""


def location_weights(
    fw: Framework,
    locations: Array,
    shape: Sequence[int],
    mode: str = "auto",
    halfwidth: int = 4,
    name: str = "locations",
) -> tuple[Array, Array]:
    """Cells and weights of sources or receivers.

    Args:
        fw: the framework of ``locations``.
        locations: [shot, point, ndim] in cells of the model, integer or float.
        shape: cells of the model along each axis.
        mode: "auto", "hicks" or "none"; see above.
        halfwidth: 1 to 10 cells.
        name: what to call ``locations`` in errors.

    Returns:
        Cells, int32 [shot, point, tap, ndim], :data:`IGNORED` in all coordinates where a tap is
        not to be used, and weights [shot, point, tap], 0 there. Weights have the dtype of float
        locations (give them at least the model's precision), else float32. The number of taps is
        (2 * halfwidth)^ndim, less where all points are known to be on a cell along some axis.
        The weights can be differentiated with respect to float locations.

    Raises:
        ValueError: a window leaves the model, or a point is off its cell with mode "none". Where
            values are unknown, cells that the model does not have are marked :data:`OUTSIDE`.
    """
    if mode not in MODES:
        raise ValueError(f"location_interpolation must be one of {MODES}, got {mode!r}")
    if not isinstance(halfwidth, int) or not 1 <= halfwidth <= len(BETA):
        raise ValueError(
            f"location_interpolation_halfwidth must be an int from 1 to {len(BETA)}, "
            f"got {halfwidth!r}"
        )
    if "int" in fw.dtype_name(locations):
        cells, weights = _whole(fw, locations)
    else:
        off = _off_cell(fw, locations, mode, name)
        if mode == "none" or (off is not None and not off.any()):
            cells, weights = _whole(fw, fw.xp.round(locations))
        else:
            cells, weights = _windows(fw, locations, off, halfwidth)
    return _checked(fw, cells, shape, locations, name), weights


def _off_cell(fw: Framework, locations: Array, mode: str, name: str) -> np.ndarray | None:
    """Which coordinates [shot, point, ndim] are off their cell; None where it must not matter."""
    values = fw.concrete(locations)
    if values is None:
        return None
    off = (np.abs(values - np.round(values)) > ON_CELL) & (values != IGNORE_LOCATION)
    if mode == "none" and off.any():
        where = tuple(int(i) for i in np.argwhere(off)[0][:-1])
        raise ValueError(
            f"{name}: point {list(where)} (shot, point) is at {values[where].tolist()}, which is "
            'not a cell. Accepted with location_interpolation="none": whole numbers. Use "auto" '
            "to interpolate, or round the locations."
        )
    # A branch on the values would cut off derivatives and mapped axes.
    return None if fw.is_traced(locations) else off


def _whole(fw: Framework, locations: Array) -> tuple[Array, Array]:
    """One cell of weight 1 for each point."""
    xp = fw.xp
    ignored = xp.all(locations == IGNORE_LOCATION, axis=-1)
    cells = xp.astype(locations, fw.dtype("int32"))
    cells = xp.where(ignored[..., None], xp.full_like(cells, IGNORED), cells)
    dtype = fw.dtype("float32") if "int" in fw.dtype_name(locations) else locations.dtype
    return cells[:, :, None, :], xp.astype(~ignored, dtype)[..., None]


def _windows(
    fw: Framework, locations: Array, off: np.ndarray | None, halfwidth: int
) -> tuple[Array, Array]:
    """The taps of every point, the last axis of space varying fastest."""
    xp = fw.xp
    ignored = xp.all(locations == IGNORE_LOCATION, axis=-1)
    at = xp.where(ignored[..., None], xp.zeros_like(locations), locations)
    if off is not None:
        at = xp.where(
            fw.asarray(off, like=None if fw.name == "numpy" else ignored), at, xp.round(at)
        )
    floor = fw.stop_gradient(xp.floor(at))
    base, f = xp.astype(floor, fw.dtype("int32")), at - floor
    per_axis = []
    for axis in range(locations.shape[-1]):
        single = off is not None and not off[..., axis].any()
        steps = [0] if single else range(1 - halfwidth, halfwidth + 1)
        steps = fw.asarray(np.array(steps, dtype=np.int32), like=base)
        cells = base[..., axis, None] + steps
        weights = _axis_weights(fw, f[..., axis], steps, halfwidth)
        unused = ignored[..., None] | xp.zeros_like(cells, dtype=ignored.dtype)
        if off is not None:
            unused = unused | ((f[..., axis, None] == 0) & (steps != 0))
        per_axis.append((cells, weights, unused))
    return _outer(fw, per_axis)


def _outer(fw: Framework, per_axis: list[tuple[Array, Array, Array]]) -> tuple[Array, Array]:
    """Combine the axes: cells [shot, point, tap, ndim], weights [shot, point, tap]."""
    xp, ndim = fw.xp, len(per_axis)
    lead = tuple(per_axis[0][0].shape[:2])
    taps = tuple(cells.shape[2] for cells, _, _ in per_axis)

    def spread(x: Array, axis: int) -> Array:
        x = xp.reshape(x, (*lead, *(taps[i] if i == axis else 1 for i in range(ndim))))
        return xp.reshape(xp.broadcast_to(x, (*lead, *taps)), (*lead, math.prod(taps)))

    parts = [[spread(x, axis) for x in entry] for axis, entry in enumerate(per_axis)]
    cells, weights, masks = zip(*parts, strict=True)
    unused = reduce(lambda one, other: one | other, masks)
    weight = reduce(lambda one, other: one * other, weights)
    cell = xp.stack(cells, axis=-1)
    return (
        xp.where(unused[..., None], xp.full_like(cell, IGNORED), cell),
        xp.where(unused, xp.zeros_like(weight), weight),
    )


def _axis_weights(fw: Framework, f: Array, steps: Array, halfwidth: int) -> Array:
    """Weights [..., tap] of the cells ``steps`` from the one below a point at 0 <= f < 1."""
    xp = fw.xp
    f = f[..., None]
    whole = xp.astype(steps, f.dtype)
    x = whole - f
    # sin(pi x) from the nearer of the two cells: exact zeros for a point on a cell, and no
    # cancellation next to one.
    sine = xp.where(f <= 0.5, xp.sin(math.pi * f), xp.sin(math.pi * (1 - f)))
    sine = xp.where(steps % 2 == 0, -sine, sine)
    near = xp.abs(x) < 1e-3
    y = (math.pi * x) ** 2
    # Both branches are evaluated and differentiated, so the one not taken must be finite.
    safe = xp.where(near, xp.ones_like(x), x)
    sinc = xp.where(near, 1 - y / 6 * (1 - y / 20), sine / (math.pi * safe))
    return sinc * _kaiser(1 - (x / halfwidth) ** 2, BETA[halfwidth - 1])


def _kaiser(u: Array, beta: float) -> Array:
    """I0(beta sqrt(u)) / I0(beta) for 0 <= u <= 1 by its power series in u.

    All terms are positive, so nothing cancels; and there is no square root, whose derivative at
    u = 0, the edge of the window, would be infinite.
    """
    terms = [1.0]
    while terms[-1] > 1e-18 * sum(terms):
        terms.append(terms[-1] * (beta / (2 * len(terms))) ** 2)

    def series(u: Array) -> Array:
        value = 0 * u + terms[-1]
        for term in reversed(terms[:-1]):
            value = value * u + term
        return value

    # The same operations in the same precision, so that u = 1 gives exactly 1.
    return series(u) / series(0 * u[..., :1] + 1)


def _checked(
    fw: Framework, cells: Array, shape: Sequence[int], locations: Array, name: str
) -> Array:
    """``cells`` with those that the model does not have marked; an error where they are known."""
    xp = fw.xp
    limit = fw.asarray(np.array(shape, dtype=np.int32), like=cells)
    outside = xp.any((cells < 0) | (cells >= limit), axis=-1) & ~xp.all(cells == IGNORED, axis=-1)
    known = fw.concrete(outside)
    if known is not None and not known.any():
        return cells
    values = fw.concrete(locations)
    if known is not None and values is not None:
        where = tuple(int(i) for i in np.argwhere(known)[0][:-1])
        point = values[where].tolist() if values.ndim == known.ndim else "unknown"
        more = (
            ", with all the cells it is interpolated over: an integer location has one, and a "
            "smaller location_interpolation_halfwidth takes fewer"
        )
        more = more if cells.shape[2] > 1 else ""
        raise ValueError(
            f"{name}: point {list(where)} (shot, point) is at {point}, outside a model of "
            f"{list(shape)} cells. Accepted: 0 to {[size - 1 for size in shape]}{more}."
        )
    return xp.where(outside[..., None], xp.full_like(cells, OUTSIDE), cells)
