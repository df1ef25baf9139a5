"""The calls that the rules of differentiation make, and how operands move between their slots.

The models of a direction may be shared between shots in another way than those of the operands
(under ``vmap`` they are). A derived call therefore also says which rows of ``model_index`` its
directions go by, and by which row, and into how many models, it reduces gradients.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .layout import Description
from .maps import CONSTANTS, OPERANDS, Cotangents, output_mask, output_names

Slots = Mapping[str, Any]
"""Arrays by slot name; a slot that is absent is zero."""

RESULTS = Cotangents._fields

_GRADIENT_ROW = 4
_CARRY_RESIDUAL = ("tangent", "adjoint", "tangent_adjoint")
_DRIVEN_BY = {
    "tangent": ("1",),
    "second_tangent": ("2", "3"),
    "adjoint": ("_bar0",),
    "tangent_adjoint": ("1",),
}
"""What the slots end in of which a map needs one, or all that the rules want of it is zero."""


@dataclass(frozen=True)
class Call:
    """One call of a map: its name, the run, the operands by input slot, the output slots wanted.

    ``residual`` may be among the inputs of a tangent or a tangent_adjoint: these maps do not use
    it, but the adjoint that transposes the one, or that is a part of the other, does.
    """

    map: str
    description: Description
    inputs: Slots
    wanted: tuple[str, ...]


@dataclass(frozen=True)
class Term:
    """A call, and for each of its outputs the slot of the differentiated call that it adds to.

    values: further outputs that the call could be asked for, and the slots of the differentiated
    call of which they are the values themselves.
    """

    call: Call
    results: Mapping[str, str]
    values: Mapping[str, str] = field(default_factory=dict)

    def wanting(self, slots: Iterable[str]) -> Term:
        """The same with a call of which these outputs are wanted."""
        return replace(self, call=replace(self.call, wanted=output_names(output_mask(slots))))


@dataclass(frozen=True)
class Direction:
    """A direction, by operand name, and the row of ``model_index`` that its coefficients go by."""

    values: Slots
    row: int


def term(
    call: Call,
    map_name: str,
    directions: Collection[Direction] = (),
    cotangents: Collection[Slots] = (),
    results: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
) -> Term:
    """The call of a map at the same operands as ``call``.

    Args:
        call: the call that is differentiated.
        map_name: the map.
        directions: those of levels 1, 2 and 3, in order.
        cotangents: those of levels 0 and 1, in order, by name of the result.
        results: output slot of the new call -> slot of ``call`` that it adds to.
        values: output slot of the new call -> slot of ``call`` of which it is the value.
    """
    inputs = {name: call.inputs[name] for name in CONSTANTS}
    inputs |= {f"{name}0": x for name, x in operands(call.inputs, 0).items()}
    for level, chosen in enumerate(directions, start=1):
        inputs |= {f"{name}{level}": value for name, value in chosen.values.items()}
    for level, bars in enumerate(cotangents):
        inputs |= {f"{name}_bar{level}": value for name, value in bars.items()}
    if map_name in _CARRY_RESIDUAL and "residual" in call.inputs:
        inputs["residual"] = call.inputs["residual"]
    results = results or {}
    same = [0, 1, 2, 3, _GRADIENT_ROW]
    rows = [0, *(chosen.row for chosen in directions), *same[1 + len(directions) :]]
    description = call.description
    for target in results.values():
        # A gradient that becomes the cotangent of coefficients has their models.
        if target.startswith("coefficients") and target in call.inputs:
            rows[_GRADIENT_ROW] = int(target[-1])
            description = replace(description, gradients=call.inputs[target].shape[0])
    if rows != same:
        inputs["model_index"] = call.inputs["model_index"][np.array(rows)]
    call = Call(map_name, description, inputs, output_names(output_mask(results)))
    return Term(call, results, values or {})


def kept(terms: Iterable[Term]) -> list[Term]:
    """The terms of which something is wanted, and that are not zero for want of a direction."""
    return [
        term
        for term in terms
        if term.results
        and any(slot.endswith(_DRIVEN_BY[term.call.map]) for slot in term.call.inputs)
    ]


def operands(slots: Slots, level: int) -> Slots:
    """What there is at the operands of a level, by name."""
    return {name: slots[f"{name}{level}"] for name in OPERANDS if f"{name}{level}" in slots}


def direction(slots: Slots, level: int) -> Direction:
    """The direction at a level, or a tangent of the operands of that level: they share models."""
    return Direction(operands(slots, level), level)


def gradient_direction(bars: Slots, level: int) -> Direction:
    """Cotangents of a gradient: a direction, whose models are those it is reduced into."""
    names = {name: f"{name}_gradient{level}" for name in OPERANDS}
    values = {name: bars[slot] for name, slot in names.items() if slot in bars}
    return Direction(values, _GRADIENT_ROW)


def cotangents(slots: Slots, level: int) -> Slots:
    """What there is at the cotangents of a level, by name of the result."""
    names = {name: f"{name}_bar{level}" for name in RESULTS}
    return {name: slots[slot] for name, slot in names.items() if slot in slots}


def results(slots: Slots, level: int) -> Slots:
    """What there is at the results of a level, by name."""
    return {name: slots[f"{name}{level}"] for name in RESULTS if f"{name}{level}" in slots}


def outputs(call: Call, old: int, new: int) -> dict[str, str]:
    """Results of level ``new`` that add to the wanted results of ``call`` of level ``old``."""
    return {f"{name}{new}": f"{name}{old}" for name in RESULTS if f"{name}{old}" in call.wanted}


def residual(call: Call) -> dict[str, str]:
    """The residual, where ``call`` is to leave it."""
    return {"residual": "residual"} if "residual" in call.wanted else {}


def needs_residual(differentiated: Collection[str], level: int) -> bool:
    """Whether derivatives by these operands of a level are sums over forward fields."""
    kinds = (f"coefficients{level}", f"receiver_weights{level}")
    return any(slot in differentiated for slot in kinds)


def gradients(call: Call, old: int, new: int) -> dict[str, str]:
    """Gradients of level ``new`` that add to the wanted gradients of ``call`` of level ``old``."""
    names = [f"{name}_gradient" for name in OPERANDS]
    return {f"{name}{new}": f"{name}{old}" for name in names if f"{name}{old}" in call.wanted}


def into_operands(wanted: Collection[str], level: int, gradient: int) -> dict[str, str]:
    """Gradients that are the cotangents of the wanted operands of a level."""
    names = [name for name in OPERANDS if f"{name}{level}" in wanted]
    return {f"{name}_gradient{gradient}": f"{name}{level}" for name in names}


def into_cotangents(wanted: Collection[str], level: int, output: int) -> dict[str, str]:
    """Results that are the cotangents of the wanted cotangents of a level."""
    names = [name for name in RESULTS if f"{name}_bar{level}" in wanted]
    return {f"{name}{output}": f"{name}_bar{level}" for name in names}
