"""How the five maps differentiate into one another: the one table that both front ends follow.

With F the propagation, d a direction in the space of the operands p, g a cotangent of the results:

    forward F(p)                    d F = T                transposed by A
    tangent T(p, d)                 d T = S + T(d12)       transposed by A in d, by TA in p
    adjoint A(p, g)                 d A = TA + A(dg)       transposed by T in g, by TA in p
    second_tangent S(p, d1, d2)     linear in d1, d2, d12  transposed by TA, TA and A
    tangent_adjoint TA(p, d, g)     linear in d, g, dg     transposed by TA in d, by S in g

A rule turns one call into the calls whose results add up to its derivative. It moves arrays
between slots and computes nothing, so it is the same for NumPy, PyTorch and JAX. S and TA have no
derivative with respect to p: that would be of third order, and raises.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from .maps import CONSTANTS
from .terms import (
    Call,
    Slots,
    Term,
    cotangents,
    direction,
    gradient_direction,
    gradients,
    into_cotangents,
    into_operands,
    kept,
    needs_residual,
    operands,
    outputs,
    residual,
    results,
    term,
)

__all__ = ["Call", "Term", "ThirdOrderError", "refuse_profiles", "tangent", "transpose"]

_NEEDS = {
    "0": {"0"},
    "1": {"0", "1"},
    "2": {"0", "2"},
    "3": {"0", "1", "2", "3"},
    "gradient0": {"0", "bar0"},
    "gradient1": {"0", "1", "bar0", "bar1"},
}
"""For each kind of output, the kinds of inputs that it depends on."""


class ThirdOrderError(NotImplementedError):
    """A derivative of third order was asked of the compiled maps, which have two."""

    def __init__(self) -> None:
        super().__init__(
            "the compiled backend has derivatives to second order, and this transform needs a "
            "third; differentiate at most twice, or use backend='eager'"
        )


def tangent(call: Call, dots: Slots) -> list[Term]:
    """The calls whose outputs add up to the tangents of ``call``.

    Args:
        call: the call to differentiate.
        dots: tangents by input slot; those of constants and of the residual are ignored.

    Returns:
        Terms whose ``results`` name output slots of ``call``; one that none names is constant.
    """
    refuse_profiles(dots)
    if call.map in ("second_tangent", "tangent_adjoint") and operands(dots, 0):
        raise ThirdOrderError
    return kept(_TANGENTS[call.map](call, dots))


def whole(call: Call, terms: list[Term]) -> Term | None:
    """The one term that has the values of ``call`` beside its tangents; None where there is none.

    Its call wants both: the values by ``values``, the tangents by ``results``.
    """
    if len(terms) != 1 or set(terms[0].values.values()) != set(call.wanted):
        return None
    return terms[0].wanting((*terms[0].results, *terms[0].values))


def transpose(call: Call, bars: Slots, wanted: Collection[str]) -> list[Term]:
    """The calls whose outputs add up to the cotangents of the inputs of ``call``.

    Args:
        call: the call to transpose; of an input in ``wanted`` in which it is linear, only ``shape``
            is used.
        bars: cotangents by output slot, one or more.
        wanted: input slots whose cotangents are wanted. The primal operands of second_tangent and
            tangent_adjoint are for the caller to refuse.

    Returns:
        Terms whose ``results`` name input slots of ``call``; one that none names has none.
    """
    refuse_profiles(wanted)
    return kept(_TRANSPOSES[call.map](call, bars, wanted))


def independent(call: Call, changed: Collection[str]) -> list[str]:
    """The wanted outputs that are the same whatever the ``changed`` inputs are."""
    if not {*CONSTANTS}.isdisjoint(changed):
        return []
    kinds = set(map(_kind, changed))
    return [slot for slot in call.wanted if kinds.isdisjoint(_NEEDS[_kind(slot)])]


def _kind(slot: str) -> str:
    """The level of a slot, and whether it is a cotangent or a gradient."""
    if slot == "residual":
        return "0"
    prefix = next((word for word in ("bar", "gradient") if f"_{word}" in slot), "")
    return prefix + slot[-1]


def split(call: Call, unknown: Collection[str]) -> tuple[Term, Call] | None:
    """The parts of a call that can and that cannot be computed without the ``unknown`` inputs.

    Linearization knows the operands of a derivative before its direction. Where results do not wait
    for that, they come from a call of a lower map, which also leaves the residual for the
    adjoint of what remains.

    Returns:
        The lower call, whose results are those slots of ``call``, and ``call`` for the others; None
        where all wait.
    """
    ready = independent(call, unknown)
    if not ready or len(ready) == len(call.wanted):
        return None
    known = _lower(call, ready)
    if not known.results:
        return None
    if call.map == "tangent" and needs_residual(unknown, 1):
        known = known.wanting((*known.call.wanted, "residual"))
    rest = tuple(slot for slot in call.wanted if slot not in known.results.values())
    return known, replace(call, wanted=rest)


def _lower(call: Call, ready: Collection[str]) -> Term:
    """The call of a lower map that has the ``ready`` results of a call, or some of them."""
    if call.map == "tangent_adjoint":
        given = [cotangents(call.inputs, 0)]
        return term(call, "adjoint", [], given, gradients(call, 0, 0))
    for level in (1, 2):
        if any(slot.endswith(str(level)) for slot in ready):
            wanted = {**outputs(call, 0, 0), **outputs(call, level, 1)}
            return term(call, "tangent", [direction(call.inputs, level)], results=wanted)
    return term(call, "forward", results={**outputs(call, 0, 0), **residual(call)})


def refuse_profiles(slots: Collection[str]) -> None:
    """Raise when the PML profiles are among the slots to differentiate."""
    if "profiles" in slots:
        raise NotImplementedError(
            "the PML profiles have no derivative; compute them from max_vel and dt that are "
            "constants of the differentiation"
        )


# --- Derivatives: level L of a new call holds the tangents of what the old call has there ---


def _tangent_of_forward(call: Call, dots: Slots) -> Iterable[Term]:
    same = {**outputs(call, 0, 0), **residual(call)}
    yield term(call, "tangent", [direction(dots, 0)], results=outputs(call, 0, 1), values=same)


def _tangent_of_tangent(call: Call, dots: Slots) -> Iterable[Term]:
    moved, turned = direction(dots, 0), direction(dots, 1)
    if moved.values:
        directions = [direction(call.inputs, 1), moved, turned]
        wanted = {**outputs(call, 0, 2), **outputs(call, 1, 3)}
        same = {**outputs(call, 0, 0), **outputs(call, 1, 1)}
        yield term(call, "second_tangent", directions, results=wanted, values=same)
    else:
        yield term(call, "tangent", [turned], results=outputs(call, 1, 1))


def _tangent_of_adjoint(call: Call, dots: Slots) -> Iterable[Term]:
    moved, turned = direction(dots, 0), cotangents(dots, 0)
    if moved.values:
        given = [cotangents(call.inputs, 0), turned]
        same = gradients(call, 0, 0)
        yield term(call, "tangent_adjoint", [moved], given, gradients(call, 0, 1), same)
    else:
        yield term(call, "adjoint", [], [turned], gradients(call, 0, 0))


def _tangent_of_second_tangent(call: Call, dots: Slots) -> Iterable[Term]:
    first, second = direction(call.inputs, 1), direction(call.inputs, 2)
    if operands(dots, 1):
        directions = [direction(dots, 1), second]
        wanted = {**outputs(call, 1, 1), **outputs(call, 3, 3)}
        yield term(call, "second_tangent", directions, results=wanted)
    if operands(dots, 2):
        directions = [first, direction(dots, 2), direction(dots, 3)]
        wanted = {**outputs(call, 2, 2), **outputs(call, 3, 3)}
        yield term(call, "second_tangent", directions, results=wanted)
    else:
        yield term(call, "tangent", [direction(dots, 3)], results=outputs(call, 3, 1))


def _tangent_of_tangent_adjoint(call: Call, dots: Slots) -> Iterable[Term]:
    turned, changed = direction(dots, 1), [cotangents(dots, 0), cotangents(dots, 1)]
    if turned.values:
        given = [cotangents(call.inputs, 0)]
        wanted = {**gradients(call, 1, 1), **outputs(call, 1, 1)}
        yield term(call, "tangent_adjoint", [turned], given, wanted)
    if changed[0]:
        first = direction(call.inputs, 1)
        wanted = {**gradients(call, 0, 0), **gradients(call, 1, 1)}
        yield term(call, "tangent_adjoint", [first], changed, wanted)
    else:
        yield term(call, "adjoint", [], changed[1:], gradients(call, 1, 0))


# --- Transposes: the product of the call's outputs with `bars`, as a gradient of its inputs ---


def _transpose_of_forward(call: Call, bars: Slots, wanted: Collection[str]) -> Iterable[Term]:
    yield term(call, "adjoint", [], [results(bars, 0)], into_operands(wanted, 0, 0))


def _transpose_of_tangent(call: Call, bars: Slots, wanted: Collection[str]) -> Iterable[Term]:
    return _transpose_of_directions(call, bars, wanted, (0, 1))


def _transpose_of_directions(
    call: Call, bars: Slots, wanted: Collection[str], levels: tuple[int, int]
) -> Iterable[Term]:
    """Of results T(p) at the first and S(d1, p) + T(q) at the second level, in p and q.

    p and q are the operands of these levels, d1 the direction of level 1; for a tangent, p are the
    operands themselves.
    """
    low, high = levels
    first, given = direction(call.inputs, 1), [results(bars, high), results(bars, low)]
    of_low, of_high = into_operands(wanted, low, 1), into_operands(wanted, high, 0)
    if of_low and given[0] and _same_models(call, {**of_low, **of_high}):
        # The cotangents of both are in one march.
        yield term(call, "tangent_adjoint", [first], given, {**of_low, **of_high})
    elif of_low and given[0]:
        yield term(call, "tangent_adjoint", [first], given, of_low)
        yield term(call, "adjoint", [], given[:1], of_high)
    else:
        yield term(call, "adjoint", [], given[:1], of_high)
        yield term(call, "adjoint", [], given[1:], into_operands(wanted, low, 0))


def _same_models(call: Call, results: Mapping[str, str]) -> bool:
    """Whether gradients can be reduced by one row of ``model_index``.

    Every vmap multiplies the gradients of a call; what has as many models was mapped by each.
    """
    targets = [target for target in results.values() if target.startswith("coefficients")]
    if len(targets) < 2:
        return True
    return {call.inputs[target].shape[0] for target in targets} == {call.description.gradients}


def _transpose_of_adjoint(call: Call, bars: Slots, wanted: Collection[str]) -> Iterable[Term]:
    test = gradient_direction(bars, 0)
    gradient, data = into_operands(wanted, 0, 1), into_cotangents(wanted, 0, 1)
    if gradient:
        # The tangent is marched on the way to the gradient: both come from one call.
        given = [cotangents(call.inputs, 0)]
        yield term(call, "tangent_adjoint", [test], given, {**gradient, **data})
    else:
        yield term(call, "tangent", [test], results=data)


def _transpose_of_second_tangent(
    call: Call, bars: Slots, wanted: Collection[str]
) -> Iterable[Term]:
    yield from _transpose_of_directions(call, bars, wanted, (2, 3))
    given, second = [results(bars, 3), results(bars, 1)], direction(call.inputs, 2)
    yield term(call, "tangent_adjoint", [second], given, into_operands(wanted, 1, 1))


def _transpose_of_tangent_adjoint(
    call: Call, bars: Slots, wanted: Collection[str]
) -> Iterable[Term]:
    test, given = gradient_direction(bars, 1), results(bars, 1)
    gradient, data = into_operands(wanted, 1, 1), into_cotangents(wanted, 1, 1)
    if test.values and gradient:
        both = [cotangents(call.inputs, 0), given]
        yield term(call, "tangent_adjoint", [test], both, {**gradient, **data})
    else:
        yield term(call, "adjoint", [], [given], into_operands(wanted, 1, 0))
        yield term(call, "tangent", [test], results=data)
    directions = [direction(call.inputs, 1), test, gradient_direction(bars, 0)]
    yield term(call, "second_tangent", directions, results=into_cotangents(wanted, 0, 3))


_TANGENTS: dict[str, Callable[[Call, Slots], Iterable[Term]]] = {
    "forward": _tangent_of_forward,
    "tangent": _tangent_of_tangent,
    "adjoint": _tangent_of_adjoint,
    "second_tangent": _tangent_of_second_tangent,
    "tangent_adjoint": _tangent_of_tangent_adjoint,
}
_TRANSPOSES: dict[str, Callable[[Call, Slots, Collection[str]], Iterable[Term]]] = {
    "forward": _transpose_of_forward,
    "tangent": _transpose_of_tangent,
    "adjoint": _transpose_of_adjoint,
    "second_tangent": _transpose_of_second_tangent,
    "tangent_adjoint": _transpose_of_tangent_adjoint,
}
