"""The five maps as differentiable operations of PyTorch.

Each map is a ``torch.autograd.Function`` with a backward, a jvp and a vmap, and the derivative of
each is another of them, as ``dualwave.rules`` says: reverse and forward mode, ``torch.func`` and
double backward work in any order, up to the second. All Functions take the same arguments: the
description, the wanted output slots, the input slots that are given, and a tensor for each of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from .. import rules
from ..folding import fold, unfold
from ..layout import Description
from ..maps import (
    MAPS,
    OPERANDS,
    Constants,
    Primal,
    accepted_inputs,
    by_slot,
    input_names,
    output_names,
)
from . import _compat, native
from .framework import TorchFramework

_FRAMEWORK = TorchFramework()
_STATIC = 3
"""Arguments of a Function before the tensors."""


def forward(
    description: Description, p: Primal, constants: Constants
) -> tuple[torch.Tensor, torch.Tensor]:
    """Model the receivers [S, Nr, nt] and the final state [S, E].

    Differentiable with respect to every operand of ``p``, twice, in forward and reverse mode and
    under ``torch.func``; float32 and float64, on the CPU. A third derivative raises
    NotImplementedError, as does a derivative with respect to the PML profiles.

    Args:
        description: the run; ``gradients`` is the number of models in ``p.coefficients``.
        p: the operands.
        constants: nodes, model indices and profiles.
    """
    inputs = by_slot(p, 0) | constants._asdict()
    if constants.profiles.requires_grad:
        rules.refuse_profiles(("profiles",))
    outputs = execute(rules.Call("forward", description, inputs, ("receivers0", "state0")))
    return outputs["receivers0"], outputs["state0"]


def tangent(
    description: Description, p: Primal, d: Primal, constants: Constants
) -> tuple[tuple[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
    """As :func:`forward`, and the derivative of both results in the direction ``d``.

    ``d`` is as ``p``, with None where it is zero. Differentiable once in ``p`` and without limit in
    ``d``.
    """
    inputs = by_slot(p, 0) | constants._asdict()
    inputs |= by_slot(d, 1)
    wanted = ("receivers0", "state0", "receivers1", "state1")
    found = execute(rules.Call("tangent", description, inputs, wanted))
    receivers, state, scattered, scattered_state = (found[slot] for slot in wanted)
    return (receivers, state), (scattered, scattered_state)


def execute(call: rules.Call) -> dict[str, torch.Tensor]:
    """Run a call so that PyTorch can differentiate it; the outputs by slot.

    ``forward`` leaves a residual for its adjoint when one may come that needs it.
    """
    inputs, wanted = dict(call.inputs), call.wanted
    transform = _compat.innermost()
    if transform is not None:
        inputs = dict(zip(inputs, _compat.alive(tuple(inputs.values())), strict=True))
    call = replace(call, inputs=inputs)
    if (found := _with_tangents(call)) is not None:
        return found
    operands = [slot for name in OPERANDS if (slot := f"{name}0") in inputs]
    if call.map == "forward" and "residual" not in wanted and torch.is_grad_enabled():
        differentiated = [slot for slot in operands if inputs[slot].requires_grad]
        wanted += ("residual",) * rules.needs_residual(differentiated, 0)
    if call.map in ("second_tangent", "tangent_adjoint"):
        inputs.update({slot: _LastOrder.apply(inputs[slot]) for slot in operands})
    arguments = call.description, wanted, tuple(inputs), *inputs.values()
    if transform is not None and transform.key() == _compat.GRAD and _dual_below():
        outputs = _compat.apply_at_level(_AT_LEVEL[call.map], *arguments)
    else:
        outputs = FUNCTIONS[call.map].apply(*arguments)
    return dict(zip(wanted, outputs, strict=True))


def _dual_below() -> bool:
    """Whether a transform of torch.func may hide dual numbers."""
    return _compat.JVP in _compat.transforms() or _compat.dual_level()


def _with_tangents(call: rules.Call) -> dict[str, torch.Tensor] | None:
    """A call of dual numbers, where one call of a higher map has values and tangents.

    A Function would compute the values first and again with the tangents. Not where a backward of
    the same level may follow: the Function differentiates that too.
    """
    dots = _compat.tangents(call.inputs)
    if not dots or (torch.is_grad_enabled() and any(x.requires_grad for x in call.inputs.values())):
        return None
    values = {slot: _compat.without_tangent(x) for slot, x in call.inputs.items()}
    term = rules.whole(call, rules.tangent(replace(call, inputs=values), dots))
    if term is None:
        return None
    found = execute(term.call)
    outputs = {slot: found[own] for own, slot in term.values.items()}
    for own, slot in term.results.items():
        outputs[slot] = _compat.dual(outputs[slot], found[own])
    return outputs


class _LastOrder(torch.autograd.Function):
    """The identity, with a derivative that raises.

    The maps of second order take their primal operands through it. If their own backward raised
    whenever an operand requires a gradient, ``torch.autograd.functional.hvp`` would fail too, which
    only differentiates with respect to the direction.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: torch.Tensor) -> torch.Tensor:
        return x.view_as(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: torch.Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, bar: torch.Tensor) -> torch.Tensor:
        raise rules.ThirdOrderError

    @staticmethod
    def jvp(ctx: Any, dot: torch.Tensor) -> torch.Tensor:
        raise rules.ThirdOrderError


class _Map(torch.autograd.Function):
    """What the Functions of all maps share; a subclass sets ``map_name``."""

    map_name: str

    @classmethod
    def _forward(cls, *arguments: Any) -> tuple:
        accepted = accepted_inputs(cls.map_name)
        call = cls._called(arguments)
        inputs = {slot: x for slot, x in call.inputs.items() if slot in accepted}
        call = replace(call, inputs=inputs)
        mapped = [slot for slot, x in inputs.items() if _compat.is_batched(x)]
        outputs = _call_batched(call, mapped) if mapped else _call_core(call)
        return tuple(outputs[slot] for slot in call.wanted)

    @classmethod
    def _vmap(cls, info: Any, in_dims: tuple, *arguments: Any) -> tuple:
        call = cls._called(arguments)
        dims = {
            slot: axis
            for slot, axis in zip(call.inputs, in_dims[_STATIC:], strict=True)
            if axis is not None
        }
        inputs = {slot: x.movedim(dims.get(slot, 0), 0) for slot, x in call.inputs.items()}
        outputs = execute(fold(_FRAMEWORK, replace(call, inputs=inputs), dims, info.batch_size))
        wanted = call.wanted
        outputs = unfold(_FRAMEWORK, {slot: outputs[slot] for slot in wanted}, info.batch_size)
        return tuple(outputs[slot] for slot in wanted), (0,) * len(wanted)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
        ctx.description, ctx.wanted, ctx.slots = inputs[:_STATIC]
        saved = inputs[_STATIC:]
        if "residual" in ctx.wanted:
            residual = output[ctx.wanted.index("residual")]
            ctx.mark_non_differentiable(residual)
            ctx.slots, saved = (*ctx.slots, "residual"), (*saved, residual)
        ctx.save_for_backward(*saved)
        ctx.save_for_forward(*saved)
        ctx.set_materialize_grads(False)

    @classmethod
    def _backward(cls, ctx: Any, *bars: Any) -> tuple:
        needs = ctx.needs_input_grad[_STATIC:]
        slots = ctx.slots[: len(needs)]
        needed = {slot for slot, is_needed in zip(slots, needs, strict=True) if is_needed}
        given = {s: bar for s, bar in zip(ctx.wanted, bars, strict=True) if bar is not None}
        given.pop("residual", None)
        sums = _summed(rules.transpose(cls._call(ctx), given, needed)) if given else {}
        return (None,) * _STATIC + tuple(map(sums.get, slots))

    @classmethod
    def _jvp(cls, ctx: Any, *dots: Any) -> tuple:
        moved = zip(ctx.slots, dots[_STATIC:], strict=False)
        given = {slot: dot for slot, dot in moved if dot is not None}
        call = cls._call(ctx)
        # What was saved is dual numbers still; with them the tangents would have tangents.
        values = {slot: _compat.without_tangent(x) for slot, x in call.inputs.items()}
        sums = _summed(rules.tangent(replace(call, inputs=values), given))
        return tuple(sums.get(slot) for slot in ctx.wanted)

    @classmethod
    def _call(cls, ctx: Any) -> rules.Call:
        return cls._called((ctx.description, ctx.wanted, ctx.slots, *ctx.saved_tensors))

    @classmethod
    def _called(cls, arguments: tuple) -> rules.Call:
        description, wanted, slots = arguments[:_STATIC]
        inputs = dict(zip(slots, arguments[_STATIC:], strict=True))
        return rules.Call(cls.map_name, description, inputs, wanted)

    @classmethod
    def _below(cls, *arguments: Any) -> tuple:
        transform, call = _compat.innermost(), cls._called(arguments)
        with _compat.lowered(transform) as (down, up):
            inputs = {slot: down(x) for slot, x in call.inputs.items()}
            found = execute(replace(call, inputs=inputs))
        return tuple(up(found[slot]) for slot in call.wanted)


def _at_level(map_name: str) -> type:
    """The Function of a map at one level of ``torch.func.grad``: below it, everything is anew."""
    own = FUNCTIONS[map_name]
    members = {
        "forward": staticmethod(own._below),
        "setup_context": staticmethod(own.setup_context),
        "backward": staticmethod(own.backward),
    }
    return type(f"{own.__name__}AtLevel", (_compat.SingleLevelFunction,), members)


def _function(map_name: str) -> type[_Map]:
    """The Function of a map. PyTorch calls static methods, which do not know their class."""

    class Map(_Map):
        forward = staticmethod(lambda *args: Map._forward(*args))
        backward = staticmethod(lambda ctx, *bars: Map._backward(ctx, *bars))
        jvp = staticmethod(lambda ctx, *dots: Map._jvp(ctx, *dots))
        vmap = staticmethod(lambda info, in_dims, *args: Map._vmap(info, in_dims, *args))

    # PyTorch asks for it at every call, and it takes long to find out.
    Map.forward.__signature__ = inspect.signature(Map.forward)  # type: ignore[attr-defined]
    Map.map_name = map_name
    Map.__name__ = Map.__qualname__ = "".join(part.title() for part in map_name.split("_"))
    return Map


FUNCTIONS: Mapping[str, type[_Map]] = {name: _function(name) for name in MAPS}
"""The Functions by the name of their map."""
_AT_LEVEL = {name: _at_level(name) for name in MAPS}


@torch.library.impl("dualwave::run", "Autograd", lib=native.LIBRARY)
def _operator(
    map_name: str, description: str, inputs: Sequence[torch.Tensor], present: int, wanted: int
) -> list[torch.Tensor]:
    """The operator where its derivative may be asked for, as in a program that was exported."""
    given = dict(zip(input_names(present), inputs, strict=True))
    call = rules.Call(map_name, native.decoded(description), given, output_names(wanted))
    outputs = execute(call)
    return [outputs[slot] for slot in call.wanted]


def _call_core(call: rules.Call) -> dict[str, torch.Tensor]:
    return native.call(call.map, call.description, call.inputs, call.wanted)


def _call_batched(call: rules.Call, mapped: list[str]) -> dict[str, torch.Tensor]:
    """The call under ``is_grads_batched=True``, folded."""
    level = _compat.level()
    fronts = {slot: _compat.unbatched(call.inputs[slot], level) for slot in mapped}
    call = replace(call, inputs={**call.inputs, **fronts})
    size = fronts[mapped[0]].shape[0]
    outputs = unfold(_FRAMEWORK, _call_core(fold(_FRAMEWORK, call, mapped, size)), size)
    return {slot: _compat.batched(x, level) for slot, x in outputs.items()}


def _summed(terms: Iterable[rules.Term]) -> dict[str, torch.Tensor]:
    """Run the calls of a rule, and add up what goes to the same slot."""
    sums: dict[str, torch.Tensor] = {}
    for term in terms:
        for slot, x in execute(term.call).items():
            target = term.results[slot]
            sums[target] = sums[target] + x if target in sums else x
    return sums
