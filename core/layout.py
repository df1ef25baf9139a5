"""What a run looks like in memory: its description, and how one state is packed.

The packed state of a shot is a row of E numbers: the equation's fields in order, each [*n] row by
row, then the PML memory variables, which exist only in the slabs: shape n with its own axis
replaced by the two widths, the cells of the low slab before those of the high one.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from . import equations
from .equations.table import AXES, Equation, Piece
from .faces import FACES

PACKINGS = ("", "float32", "bfloat16", "float16", "int8")
"""Formats of a kept history, in the order of the compiled core."""

PLACES = ("", "cpu", "disk", "workspace")
"""Where a kept history is, "": with the other arrays, from the forward run on; elsewhere it is made
inside the call that goes back. In the order of the compiled core."""

Entries = tuple[tuple[str, tuple[int, ...]], ...]
"""Names and shapes."""


@dataclass(frozen=True)
class Description:
    """All static facts of one run; hashable, so that it may be a compile-time constant.

    equation: name in the registry. accuracy: order 2, 4, 6 or 8 of the spatial stencils.
    n: grid shape with the PML, without a stencil halo; spacing: metres per cell, per axis.
    pml: widths in cells, (low, high) of every axis in turn: 2 * ndim numbers.
    nt: internal time steps. shots, sources and receivers per shot, and the nodes ("taps") that one
    source and one receiver touch. gradients: number of models G in a coefficient gradient.
    checkpoint_interval: steps between kept states, 0 for the native default. history_steps: those
    whose quantities a gradient keeps at once, 0 for all of an interval; inner_states: kept inside
    an interval on the way back. full_history: the quantities of all steps are kept, and no state;
    packing: in which format, one of ``PACKINGS``, the fields' own if ""; place: one of ``PLACES``;
    folder: of its file.
    sampling: of every so many steps one counts in the gradient of coefficients, for all.
    dtype: "float32" or "float64". faces: "pml", "free" or "rigid" of every face, as ``pml``; ()
    is "pml" for all. window: cells whose coefficients have a gradient, begin and end of every axis
    in turn; () is all. Gradients of others are zero, and directions of theirs must be. boundary:
    of a full history what the rest can be rebuilt from. lean: no workspace is kept for the next
    call.
    """

    equation: str
    ndim: int
    accuracy: int
    n: tuple[int, ...]
    spacing: tuple[float, ...]
    pml: tuple[int, ...]
    nt: int
    shots: int
    sources: int = 0
    receivers: int = 0
    source_taps: int = 1
    receiver_taps: int = 1
    gradients: int = 1
    checkpoint_interval: int = 0
    history_steps: int = 0
    inner_states: int = 0
    sampling: int = 1
    full_history: bool = False
    packing: str = ""
    place: str = ""
    folder: str = ""
    dtype: str = "float32"
    faces: tuple[str, ...] = ()
    window: tuple[int, ...] = ()
    boundary: bool = False
    lean: bool = False

    def __post_init__(self) -> None:
        lengths = (len(self.n), len(self.spacing), len(self.pml))
        if lengths != (self.ndim, self.ndim, 2 * self.ndim):
            raise ValueError(
                f"n, spacing and pml have {lengths} entries; "
                f"{self.ndim}-D takes {(self.ndim, self.ndim, 2 * self.ndim)}"
            )
        if not self.faces:
            object.__setattr__(self, "faces", ("pml",) * (2 * self.ndim))
        if self.accuracy not in (2, 4, 6, 8):
            raise ValueError(f"accuracy is {self.accuracy}; use 2, 4, 6 or 8")
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype is {self.dtype!r}; use 'float32' or 'float64'")
        for axis, cells in enumerate(self.n):
            low, high = self.widths(axis)
            if low < 0 or high < 0 or low + high >= cells:
                raise ValueError(
                    f"pml widths {low}, {high} do not fit in the {cells} cells of axis {axis}; "
                    "they may not be negative and must leave one cell between them"
                )

    @property
    def cells(self) -> int:
        """Cells C of the padded grid."""
        return prod(self.n)

    @property
    def state_size(self) -> int:
        """Numbers E in the packed state of one shot."""
        return sum(prod(shape) for _, shape in self.state_entries())

    @property
    def coefficients(self) -> int:
        """Coefficient grids K per model."""
        return len(equations.get(self.equation).coefficient_names(self.ndim))

    def widths(self, axis: int) -> tuple[int, int]:
        """PML widths of the low and the high face of an axis, in cells."""
        return self.pml[2 * axis], self.pml[2 * axis + 1]

    def state_entries(self) -> Entries:
        """Names and shapes of what the packed state holds, in order."""
        return state_entries(equations.get(self.equation), self.ndim, self.n, self.pml)

    def ints(self, equation_id: int) -> list[int]:
        """The list of integers that the compiled core takes; missing leading axes are 1 cell."""
        missing = 3 - self.ndim
        return [
            equation_id,
            self.ndim,
            self.accuracy,
            self.nt,
            self.shots,
            self.sources,
            self.receivers,
            self.source_taps,
            self.receiver_taps,
            self.checkpoint_interval,
            self.gradients,
            32 if self.dtype == "float32" else 64,
            *(1,) * missing,
            *self.n,
            *(0, 0) * missing,
            *self.pml,
            *(0, 0) * missing,
            *(FACES.index(face) for face in self.faces),
            self.history_steps,
            self.inner_states,
            self.sampling,
            int(self.full_history),
            PACKINGS.index(self.packing),
            PLACES.index(self.place),
            *(0,) * missing,
            *(self.window[::2] or (0,) * self.ndim),
            *(1,) * missing,
            *(self.window[1::2] or self.n),
            int(self.boundary),
            int(self.lean),
            *os.fsencode(self.folder),
        ]

    def spacings(self) -> list[float]:
        """Spacing of three axes, 1 for missing leading ones."""
        return [1.0] * (3 - self.ndim) + [float(step) for step in self.spacing]


@dataclass(frozen=True)
class Memory:
    """One PML memory variable: its name, the stage and piece that own it, and its kind."""

    name: str
    stage: int
    piece: int
    kind: str
    axis: int
    half: bool


@functools.lru_cache(maxsize=1024)
def memories(equation: Equation, ndim: int) -> tuple[Memory, ...]:
    """The memory variables in their order in the state.

    They are named after their kind and axis, ``psi_x``; where two pieces would share such a name
    all of that kind carry their quantity and field as well, ``m_grad_x_p_x``.
    """
    found: list[tuple[int, int, Piece, str]] = [
        (stage_index, piece_index, piece, kind)
        for stage_index, stage in enumerate(equation.stages(ndim))
        for piece_index, piece in enumerate(stage.pieces)
        for kind in piece.memory
    ]
    axes = AXES[3 - ndim :]
    short = [f"{kind}_{axes[piece.axis]}" for _, _, piece, kind in found]
    clashing = {
        kind for (_, _, _, kind), name in zip(found, short, strict=True) if short.count(name) > 1
    }
    return tuple(
        Memory(
            name=f"{kind}_{piece.quantity}_{piece.field}_{axes[piece.axis]}"
            if kind in clashing
            else name,
            stage=stage_index,
            piece=piece_index,
            kind=kind,
            axis=piece.axis,
            half=piece.op == "forward",
        )
        for (stage_index, piece_index, piece, kind), name in zip(found, short, strict=True)
    )


@functools.lru_cache(maxsize=1024)
def state_entries(
    equation: Equation, ndim: int, n: tuple[int, ...], pml: tuple[int, ...]
) -> Entries:
    """Names and shapes of the fields and then of the memory variables of one shot."""
    entries = [(name, tuple(n)) for name in equation.fields(ndim)]
    for memory in memories(equation, ndim):
        shape = list(n)
        shape[memory.axis] = pml[2 * memory.axis] + pml[2 * memory.axis + 1]
        entries.append((memory.name, tuple(shape)))
    return tuple(entries)


def slabs(cells: int, low: int, high: int, half: bool) -> tuple[slice, slice]:
    """Cells along an axis that hold memory.

    The PML of the high face starts after the last cell of the region, so that the half node just
    past that cell is in it, while the half node past the last cell of all is never updated: at
    half nodes the high slab lies one index lower.
    """
    end = cells - 1 if half else cells
    return slice(0, low), slice(end - high, end)


def pack(fw: Any, entries: Entries, arrays: Mapping[str, Any]) -> Any:
    """Arrays by name, each [S, *shape], to the packed state [S, E]."""
    xp = fw.xp
    rows = [
        xp.reshape(arrays[name], (arrays[name].shape[0], prod(shape))) for name, shape in entries
    ]
    return xp.concat(rows, axis=1)


def unpack(split: Callable[..., list], entries: Entries, state: Any) -> dict[str, Any]:
    """The packed state [S, E] to arrays by name, each [S, *shape]; ``split`` is a framework's."""
    parts = split(state, [prod(shape) for _, shape in entries], axis=1)
    return {
        name: part.reshape((state.shape[0], *shape))
        for (name, shape), part in zip(entries, parts, strict=True)
    }
