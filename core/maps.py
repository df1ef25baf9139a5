"""The five maps of an equation: their operands, and the slots in which the compiled core has them.

Values of level 0 are primal, those of levels 1 and 2 belong to the two directions of a derivative,
and level 3 to the mixed part. A call to the core passes the slots that are present and wanted as
two bit masks, and the arrays themselves in slot order.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .layout import Description


class Primal(NamedTuple):
    """The differentiable operands (or a direction in their space, or a gradient; None: absent).

    coefficients [M, K, *n]; amplitudes [S, Ns, nt]; source_weights [S, Ns, Ps];
    receiver_weights [S, Nr, Pr]; state [S, E], packed as `layout` says, None where it is zero. A
    direction may have another number of models.
    """

    coefficients: Any = None
    amplitudes: Any = None
    source_weights: Any = None
    receiver_weights: Any = None
    state: Any = None


def by_slot(p: Primal, level: int) -> dict[str, Any]:
    """What there is of operands, or of a direction, by their slots at a level."""
    return {f"{name}{level}": x for name, x in p._asdict().items() if x is not None}


class Constants(NamedTuple):
    """Operands that no derivative is taken of.

    source_nodes int32 [S, Ns, Ps] and receiver_nodes int32 [S, Nr, Pr]: field * C + cell, -1 where
    there is none. model_index int32 [5, S]: per shot the model of the coefficients, of those of
    direction 1, 2 and 12, and the row of the gradient into which the shot is added.
    profiles [5 * sum(n)]: per axis the rows a, b, db, a_half, b_half.
    """

    source_nodes: Any
    receiver_nodes: Any
    model_index: Any
    profiles: Any


class Cotangents(NamedTuple):
    """Cotangents of the results: receivers [S, Nr, nt] and final state [S, E]; None: zero."""

    receivers: Any = None
    state: Any = None


MAPS = ("forward", "tangent", "second_tangent", "adjoint", "tangent_adjoint")
"""Names of the maps; the position is the number that the compiled core knows the map by."""

OPERANDS = Primal._fields
CONSTANTS = Constants._fields
INPUT_SLOTS = (
    *(f"{name}{level}" for level in range(4) for name in OPERANDS),
    *(f"{name}_bar{level}" for level in range(2) for name in Cotangents._fields),
    "residual",
    *CONSTANTS,
)
OUTPUT_SLOTS = (
    *(f"{name}{level}" for level in range(4) for name in ("receivers", "state")),
    *(f"{name}_gradient{level}" for level in range(2) for name in OPERANDS),
    "residual",
)

_INPUT_BITS, _OUTPUT_BITS = (
    {name: 1 << bit for bit, name in enumerate(slots)} for slots in (INPUT_SLOTS, OUTPUT_SLOTS)
)
_LEVELS = {"forward": 1, "tangent": 2, "second_tangent": 4, "adjoint": 1, "tangent_adjoint": 2}
_REVERSE = ("adjoint", "tangent_adjoint")


def input_mask(names: Iterable[str]) -> int:
    """Bit mask of input slots."""
    return _mask(names, _INPUT_BITS)


def output_mask(names: Iterable[str]) -> int:
    """Bit mask of output slots."""
    return _mask(names, _OUTPUT_BITS)


@functools.cache
def input_names(mask: int) -> tuple[str, ...]:
    """Input slots of a mask, in slot order."""
    return tuple(name for bit, name in enumerate(INPUT_SLOTS) if mask >> bit & 1)


@functools.cache
def output_names(mask: int) -> tuple[str, ...]:
    """Output slots of a mask, in slot order."""
    return tuple(name for bit, name in enumerate(OUTPUT_SLOTS) if mask >> bit & 1)


@functools.cache
def accepted_inputs(map_name: str) -> tuple[str, ...]:
    """Input slots that a map may take, in slot order."""
    levels = _LEVELS[map_name]
    names = {f"{name}{level}" for level in range(levels) for name in OPERANDS} | set(CONSTANTS)
    if map_name in _REVERSE:
        names |= {f"{name}_bar{lev}" for lev in range(levels) for name in Cotangents._fields}
    if map_name == "adjoint":
        names.add("residual")
    return tuple(name for name in INPUT_SLOTS if name in names)


def required_inputs() -> tuple[str, ...]:
    """Input slots that every map must be given: the primal operands and the constants. The state
    may be left out where it is zero."""
    return (*(f"{name}0" for name in OPERANDS if name != "state"), *CONSTANTS)


def possible_outputs(map_name: str) -> tuple[str, ...]:
    """Output slots that a map can fill, in slot order."""
    levels = _LEVELS[map_name]
    names = {f"{name}{level}" for level in range(levels) for name in ("receivers", "state")}
    if map_name in _REVERSE:
        names |= {f"{name}_gradient{level}" for level in range(levels) for name in OPERANDS}
    if map_name in ("forward", "tangent"):
        names.add("residual")
    return tuple(name for name in OUTPUT_SLOTS if name in names)


@dataclass(frozen=True)
class Operand:
    """One array of a call: its slot, its shape (None: any length) and its dtype."""

    slot: str
    shape: tuple[int | None, ...]
    dtype: str

    def fits(self, shape: Sequence[int]) -> bool:
        """Whether an array of this shape may be given."""
        return shape == self.shape or (
            len(shape) == len(self.shape)
            and all(want in (None, got) for got, want in zip(shape, self.shape, strict=True))
        )


@dataclass(frozen=True)
class Signature:
    """The arrays that one call of a map takes and fills, each in slot order."""

    inputs: tuple[Operand, ...]
    outputs: tuple[Operand, ...]


@functools.lru_cache(maxsize=1024)
def signature(description: Description, map_name: str, present: int, wanted: int) -> Signature:
    """Shapes and dtypes of a call; ValueError when the map has no such slot or lacks a needed one.

    The residual is opaque: its last two lengths are for the compiled core to say.
    """
    if map_name not in MAPS:
        raise ValueError(f"map {map_name!r} is unknown; there are {', '.join(MAPS)}")
    given, asked = input_names(present), output_names(wanted)
    missing = [name for name in required_inputs() if name not in given]
    strange = [name for name in given if name not in accepted_inputs(map_name)]
    unknown = [name for name in asked if name not in possible_outputs(map_name)]
    for fault, slots in (("lacks", missing), ("does not take", strange), ("has no", unknown)):
        if slots:
            raise ValueError(f"the map {map_name} {fault} {', '.join(slots)}")
    return Signature(
        inputs=tuple(_operand(description, name, gradient=False) for name in given),
        outputs=tuple(_operand(description, name, gradient=True) for name in asked),
    )


def _mask(names: Iterable[str], bits: Mapping[str, int]) -> int:
    mask = 0
    for name in names:
        if name not in bits:
            raise ValueError(f"{name!r} is not a slot; there are {', '.join(bits)}")
        mask |= bits[name]
    return mask


def _operand(description: Description, slot: str, gradient: bool) -> Operand:
    d = description
    kind = slot.rstrip("0123").removesuffix("_bar").removesuffix("_gradient")
    shapes: dict[str, tuple[int | None, ...]] = {
        "coefficients": (d.gradients if gradient else None, d.coefficients, *d.n),
        "amplitudes": (d.shots, d.sources, d.nt),
        "source_weights": (d.shots, d.sources, d.source_taps),
        "receiver_weights": (d.shots, d.receivers, d.receiver_taps),
        "state": (d.shots, d.state_size),
        "receivers": (d.shots, d.receivers, d.nt),
        "residual": (d.shots, None, None),
        "source_nodes": (d.shots, d.sources, d.source_taps),
        "receiver_nodes": (d.shots, d.receivers, d.receiver_taps),
        "model_index": (5, d.shots),
        "profiles": (5 * sum(d.n),),
    }
    whole = kind in ("source_nodes", "receiver_nodes", "model_index")
    return Operand(slot, shapes[kind], "int32" if whole else d.dtype)
