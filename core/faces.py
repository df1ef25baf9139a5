"""Faces of the grid: absorbing, free or rigid, and the nodes at which a field is held at zero.

Beyond a "free" face (the pressure is zero on it) or a "rigid" one (nothing moves across it) lies
the image of the grid, so that differences there have the order that they have inside. A rigid face
is half a cell outside the first or last whole node. A free face is that node itself on a staggered
grid, and the node beyond it on the regular grid of second differences, as in Deepwave.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import checks
from .equations import Equation
from .framework import Array, Framework

FACES = ("pml", "free", "rigid")
"""By the number that the compiled core knows them by."""


def parse(boundary: Any, equation: Equation, ndim: int) -> tuple[str, ...]:
    """``boundary`` as one of :data:`FACES` for each face."""
    names = checks.entries(boundary)
    if names is None:
        names = [boundary] * (2 * ndim)
    listed = ", ".join(repr(name) for name in equation.faces)
    accepted = f"None, one of {listed}, or {2 * ndim} of them: beginning and end of each axis"
    if len(names) != 2 * ndim:
        checks.fail("boundary", f"has {len(names)} entries", accepted)
    for name in names:
        if name is not None and name not in equation.faces:
            mend = ""
            if name in FACES:
                mend = "Cells whose parameters are all zero are a vacuum, with a free surface."
            checks.fail("boundary", f"got {name!r} for {equation.name}", accepted, mend)
    return tuple(name or "pml" for name in names)


def widths(value: Any, faces: Sequence[str], ndim: int) -> tuple[int, ...]:
    """Width of the PML at each face: that of ``pml_width``, and none at a free or rigid one."""
    found = checks.per_face("pml_width", value, ndim)
    if checks.entries(value) is None:
        found = tuple(w if face == "pml" else 0 for w, face in zip(found, faces, strict=True))
    for k, (width, face) in enumerate(zip(found, faces, strict=True)):
        if width and face != "pml":
            checks.fail(f"pml_width[{k}]", f"is {width}, but that face is {face!r}", "0 there")
    return found


def check_size(n: Sequence[int], pml: Sequence[int], faces: Sequence[str], accuracy: int) -> None:
    """Raise where a grid has too few cells for the images at its faces."""
    for k, face in enumerate(faces):
        other = pml[k ^ 1]
        least = accuracy if other else accuracy // 2 + 1
        if face != "pml" and n[k // 2] - other < least:
            came = f"is {face!r} for face {k}, and axis {k // 2} has {n[k // 2] - other} cells"
            checks.fail("boundary", came, f"{least} cells or more along it")


@functools.lru_cache(maxsize=256)
def held(
    equation: Equation, ndim: int, faces: tuple[str, ...]
) -> Mapping[str, tuple[tuple[int, int], ...]]:
    """Nodes at which a field is zero for all times: field -> (axis, 0 or -1).

    The pressure on a free face of a staggered grid, and what lies half a cell beyond the last cell
    at a face with images.
    """
    found: dict[str, list[tuple[int, int]]] = {}
    for stage in equation.stages(ndim):
        for piece in stage.pieces:
            for side in (0, 1):
                face = faces[2 * piece.axis + side]
                on_surface = piece.op == "forward" and face == "free"
                beyond = piece.op == "backward" and face != "pml" and side == 1
                if on_surface or beyond:
                    found.setdefault(piece.field, []).append((piece.axis, -side))
    return {field: tuple(dict.fromkeys(where)) for field, where in found.items()}


def masked(fw: Framework, x: Array, where: Sequence[tuple[int, int]], ndim: int) -> Array:
    """x [..., *n] with zeros at the first or last nodes of some axes."""
    for axis, index in where:
        keep = np.ones(x.shape[x.ndim - ndim + axis])
        keep[index] = 0
        shape = (-1,) + (1,) * (ndim - axis - 1)
        x = x * fw.asarray(keep.reshape(shape), dtype=fw.dtype_name(x), like=x)
    return x


def mask_coefficients(
    fw: Framework, equation: Equation, grids: dict[str, Array], faces: tuple[str, ...]
) -> dict[str, Array]:
    """Coefficients by name, zero where what they add to is held at zero."""
    ndim = len(faces) // 2
    nodes = held(equation, ndim, faces)
    terms = [term for stage in equation.stages(ndim) for term in stage.terms]
    for term in terms:
        if term.target in nodes and term.coefficient is not None:
            name = term.coefficient
            grids = {**grids, name: masked(fw, grids[name], nodes[term.target], ndim)}
    return grids


def held_at_first(
    equation: Equation, ndim: int, faces: tuple[str, ...]
) -> dict[str, tuple[tuple[int, int], ...]]:
    """Nodes at which an initial field is taken as zero: those of :func:`held`, and those beyond.

    Nothing ever changes the last half nodes, so a value there would act as a steady source.
    """
    nodes = held(equation, ndim, faces)
    found = {}
    for name in equation.fields(ndim):
        beyond = [(axis, -1) for axis, half in enumerate(equation.half(ndim, name)) if half]
        found[name] = tuple(dict.fromkeys((*nodes.get(name, ()), *beyond)))
    return found


def mask_fields(
    fw: Framework,
    fields: dict[str, Array],
    nodes: Mapping[str, Sequence[tuple[int, int]]],
    ndim: int,
) -> dict[str, Array]:
    """Fields by name, with zeros at their ``nodes``, as :func:`held` gives them."""
    return {name: masked(fw, x, nodes.get(name, ()), ndim) for name, x in fields.items()}
