"""Finite differences on the whole grid, stretched by the C-PML: the eager engine's operators.

Coefficients are those of the Taylor expansion. Outside the grid the field is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .framework import Array, Framework

CENTRAL_FIRST = {
    2: (1 / 2,),
    4: (2 / 3, -1 / 12),
    6: (3 / 4, -3 / 20, 1 / 60),
    8: (4 / 5, -1 / 5, 4 / 105, -1 / 280),
}
"""By order: weights of f(x + k h) - f(x - k h), k = 1, 2, ..., for h f'(x)."""

CENTRAL_SECOND = {
    2: (-2.0, 1.0),
    4: (-5 / 2, 4 / 3, -1 / 12),
    6: (-49 / 18, 3 / 2, -3 / 20, 1 / 90),
    8: (-205 / 72, 8 / 5, -1 / 5, 8 / 315, -1 / 560),
}
"""By order: the weight of f(x), then those of f(x + k h) + f(x - k h), for h^2 f''(x)."""

STAGGERED = {
    2: (1.0,),
    4: (9 / 8, -1 / 24),
    6: (75 / 64, -25 / 384, 3 / 640),
    8: (1225 / 1024, -245 / 3072, 49 / 5120, -5 / 7168),
}
"""By order: weights of f(x + (k - 1/2) h) - f(x - (k - 1/2) h), k = 1, 2, ..., for h f'(x)."""


@dataclass(frozen=True)
class Profile:
    """One axis: PML coefficients shaped to multiply along it, and what its stencils need.

    a and b at whole nodes, db the derivative of b per metre, a_half and b_half at half nodes.
    axis counts from the end (-1 is the fastest). Without ``absorbing`` the rows are not read.
    faces: "pml" (zeros beyond it), "free" or "rigid" (images) at the two ends.
    """

    a: Array
    b: Array
    db: Array
    a_half: Array
    b_half: Array
    axis: int
    spacing: float
    accuracy: int
    absorbing: bool
    faces: tuple[str, ...] = ("pml", "pml")


def differentiate(
    fw: Framework, op: str, field: Array, memory: list[Array], profile: Profile
) -> tuple[Array, list[Array]]:
    """The stretched derivative of ``field`` [S, *n] along the profile's axis.

    Args:
        fw: the framework.
        op: "second", "forward" or "backward".
        field: values at whole nodes, or at half nodes for "backward".
        memory: [psi, zeta] for "second", else [m], each [S, *n]: the old values.
        profile: the axis.

    Returns:
        The derivative [S, *n] and the new memory.
    """
    if op == "second":
        return _second(fw, field, memory, profile)
    plain = forward_difference if op == "forward" else backward_difference
    difference = plain(fw, field, profile)
    if not profile.absorbing:
        return difference, memory
    half = op == "forward"
    a, b = (profile.a_half, profile.b_half) if half else (profile.a, profile.b)
    new = a * memory[0] + b * difference
    return difference + new, [new]


def _second(
    fw: Framework, field: Array, memory: list[Array], profile: Profile
) -> tuple[Array, list[Array]]:
    """Pasalic & McGarry (2010): two auxiliary variables, no splitting; psi is theirs times a."""
    second = second_difference(fw, field, profile)
    if not profile.absorbing:
        return second, memory
    psi, zeta = memory
    a, b = profile.a, profile.b
    # The layers are out of reach of a face with images: those do not matter to first differences.
    first = first_difference(fw, field, profile)
    inner = (1 + b) * second + profile.db * first + first_difference(fw, psi, profile)
    new = [a * (psi + b * first), a * zeta + b * inner]
    return (1 + b) * inner + a * zeta, new


def first_difference(fw: Framework, x: Array, profile: Profile) -> Array:
    """Central first derivative, from whole to whole nodes."""
    weights = CENTRAL_FIRST[profile.accuracy]
    at = _shifts(fw, x, profile, len(weights), "regular")
    terms = (w * (at(k) - at(-k)) for k, w in enumerate(weights, start=1))
    return _total(terms) * (1 / profile.spacing)


def second_difference(fw: Framework, x: Array, profile: Profile) -> Array:
    """Central second derivative, from whole to whole nodes."""
    centre, *weights = CENTRAL_SECOND[profile.accuracy]
    at = _shifts(fw, x, profile, len(weights), "regular")
    terms = (w * (at(k) + at(-k)) for k, w in enumerate(weights, start=1))
    return (centre * x + _total(terms)) * (1 / profile.spacing**2)


def forward_difference(fw: Framework, x: Array, profile: Profile) -> Array:
    """First derivative from node i to node i + 1/2, stored at i.

    The last half node lies outside the grid: an equation's coefficients are zero there.
    """
    weights = STAGGERED[profile.accuracy]
    at = _shifts(fw, x, profile, len(weights), "whole")
    terms = (w * (at(k) - at(1 - k)) for k, w in enumerate(weights, start=1))
    return _total(terms) * (1 / profile.spacing)


def backward_difference(fw: Framework, x: Array, profile: Profile) -> Array:
    """First derivative from the half nodes, stored at i for i + 1/2, to node i."""
    weights = STAGGERED[profile.accuracy]
    at = _shifts(fw, x, profile, len(weights), "half")
    terms = (w * (at(k - 1) - at(-k)) for k, w in enumerate(weights, start=1))
    return _total(terms) * (1 / profile.spacing)


def _shifts(
    fw: Framework, x: Array, profile: Profile, radius: int, nodes: str
) -> Callable[[int], Array]:
    """A function of k that gives x(i + k) at every i, |k| <= radius, images included.

    nodes: where x lies along the axis, see :func:`_image`.
    """
    cells = x.shape[profile.axis]
    low, high = profile.faces
    parts = [x]
    if low != "pml":
        parts.insert(0, _image(fw, x, profile.axis, radius, (low, nodes)))
    if high != "pml":
        # Seen from the other end; the half node stored with the last cell lies beyond it.
        last = cells - (nodes == "half")
        inside = _slice(x, profile.axis, 0, last)
        back = fw.xp.flip(inside, axis=profile.axis)
        image = _image(fw, back, profile.axis, radius, (high, nodes))
        parts[-1:] = [inside, fw.xp.flip(image, axis=profile.axis)]
    padded = fw.xp.concat(parts, axis=profile.axis) if len(parts) > 1 else x
    missing = cells + 2 * radius - padded.shape[profile.axis]
    before = radius if low == "pml" else 0
    # A half node more where the last one was taken off: the stencils do not reach it.
    padded = _pad(fw, padded, profile.axis, (before, missing - before))
    return lambda k: _slice(padded, profile.axis, radius + k, radius + k + cells)


def _image(fw: Framework, x: Array, axis: int, radius: int, where: tuple[str, str]) -> Array:
    """The ``radius`` cells before the first one of x, in the image at a free or a rigid face.

    where: the face; and "regular" for whole nodes of second differences, whose free face is the
    node before the first, or "whole" or "half" for those of staggered ones, whose free face is the
    first whole node. A rigid face is half a cell before the first whole node.
    """
    face, nodes = where
    even = (face == "rigid") != (nodes == "half")
    on_surface = (face, nodes) in (("free", "regular"), ("rigid", "half"))
    start = 1 if (face, nodes) == ("free", "whole") else 0
    inside = _slice(x, axis, start, start + radius - on_surface)
    image = fw.xp.flip(inside if even else -inside, axis=axis)
    # The field is zero on such a surface, which is the node before the first.
    surface = [0 * _slice(x, axis, 0, 1)] * on_surface
    return fw.xp.concat([image, *surface], axis=axis)


def _pad(fw: Framework, x: Array, axis: int, width: tuple[int, int]) -> Array:
    return fw.pad_zero(x, [width] + [(0, 0)] * (-axis - 1))


def _slice(x: Array, axis: int, start: int, stop: int) -> Array:
    return x[(..., slice(start, stop)) + (slice(None),) * (-axis - 1)]


def _total(terms: Iterable[Array]) -> Array:
    """Sum in the given order, without starting from a zero of another dtype."""
    terms = iter(terms)
    total = next(terms)
    for term in terms:
        total = total + term
    return total
