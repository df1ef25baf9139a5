"""The five maps as JAX primitives that differentiate, transpose and batch into one another.

Both modes, ``vmap``, ``linearize``, ``checkpoint``, ``scan`` and ``shard_map`` follow from the
rules here, in any order up to second derivatives: ``dualwave.rules`` says which calls the
derivative of a call is made of. The operands of a primitive are its present input slots and its
results the wanted output slots, both in slot order. Its parameters are ``run`` (the description;
JAX's lowering has an argument of that name), ``present`` and ``wanted``.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import jax

from .. import native, rules
from ..folding import fold, unfold
from ..layout import Description
from ..maps import (
    INPUT_SLOTS,
    MAPS,
    OUTPUT_SLOTS,
    Constants,
    Primal,
    accepted_inputs,
    input_mask,
    input_names,
    output_mask,
    output_names,
)
from . import ffi
from ._compat import Primitive, ad, batching, mlir, result_like, same_varying, zero_tangent
from .framework import JaxFramework

_FRAMEWORK = JaxFramework()


def forward(
    description: Description, p: Primal, constants: Constants
) -> tuple[jax.Array, jax.Array]:
    """Model the receivers [S, Nr, nt] and the final state [S, E].

    Differentiable with respect to every operand of ``p``, twice, in forward and reverse mode, and
    under every transformation of JAX; float32 and float64, on the CPU. A third derivative raises
    NotImplementedError, as does a derivative with respect to the PML profiles.

    Args:
        description: the run; ``gradients`` is the number of models in ``p.coefficients``.
        p: the operands.
        constants: nodes, model indices and profiles.
    """
    inputs = {f"{name}0": x for name, x in p._asdict().items()} | constants._asdict()
    outputs = bind(rules.Call("forward", description, inputs, ("receivers0", "state0")))
    return outputs["receivers0"], outputs["state0"]


def tangent(
    description: Description, p: Primal, d: Primal, constants: Constants
) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
    """As :func:`forward`, and the derivative of both results in the direction ``d``.

    ``d`` is as ``p``, with None where it is zero. Differentiable once in ``p`` and without limit in
    ``d``.
    """
    inputs = {f"{name}0": x for name, x in p._asdict().items()} | constants._asdict()
    inputs |= {f"{name}1": x for name, x in d._asdict().items() if x is not None}
    wanted = ("receivers0", "state0", "receivers1", "state1")
    found = bind(rules.Call("tangent", description, inputs, wanted))
    receivers, state, scattered, scattered_state = (found[slot] for slot in wanted)
    return (receivers, state), (scattered, scattered_state)


def bind(call: rules.Call) -> dict[str, jax.Array]:
    """Bind the primitive of a call; the wanted outputs by slot."""
    slots = [slot for slot in INPUT_SLOTS if slot in call.inputs]
    outputs = PRIMITIVES[call.map].bind(
        *same_varying([call.inputs[slot] for slot in slots]),
        run=call.description,
        present=input_mask(slots),
        wanted=output_mask(call.wanted),
    )
    return dict(zip(output_names(output_mask(call.wanted)), outputs, strict=True))


def _call(map_name: str, operands: Sequence[Any], parameters: dict[str, Any]) -> rules.Call:
    """The call that a primitive with these operands and parameters stands for."""
    inputs = dict(zip(input_names(parameters["present"]), operands, strict=True))
    wanted = output_names(parameters["wanted"])
    return rules.Call(map_name, parameters["run"], inputs, wanted)


def _summed(terms: Iterable[rules.Term]) -> dict[str, jax.Array]:
    """Bind the calls of a rule, and add up what goes to the same slot."""
    sums: dict[str, jax.Array] = {}
    for term in terms:
        for slot, x in bind(term.call).items():
            target = term.results[slot]
            sums[target] = sums[target] + x if target in sums else x
    return sums


def _run(map_name: str, *operands: jax.Array, **parameters: Any) -> list[jax.Array]:
    """The custom call, which has no rules, behind the primitive."""
    call = _call(map_name, operands, parameters)
    outputs = ffi.call(map_name, call.description, call.inputs, call.wanted)
    return [outputs[slot] for slot in call.wanted]


@functools.lru_cache(maxsize=1024)
def _compiled(map_name: str, run: Description, present: int, wanted: int) -> Any:
    return jax.jit(functools.partial(_run, map_name, run=run, present=present, wanted=wanted))


def _impl(map_name: str, *operands: jax.Array, **parameters: Any) -> list[jax.Array]:
    return _compiled(map_name, **parameters)(*operands)


def _abstract_eval(map_name: str, *avals: Any, **parameters: Any) -> list[Any]:
    call = _call(map_name, avals, parameters)
    accepted = accepted_inputs(map_name)
    inputs = {slot: x for slot, x in call.inputs.items() if slot in accepted}
    outputs = native.checked(map_name, call.description, inputs, call.wanted)
    return [result_like(inputs["model_index"], out.shape, out.dtype) for out in outputs]


def _jvp(map_name: str, primals: Sequence[Any], tangents: Sequence[Any], **parameters: Any) -> Any:
    call = _call(map_name, primals, parameters)
    kept = call
    if map_name == "forward":
        # The adjoint that transposes the tangent needs the checkpoints, and in a linearization only
        # this call belongs to the part that is known.
        slots = {*call.wanted, "checkpoints"}
        kept = replace(call, wanted=tuple(slot for slot in OUTPUT_SLOTS if slot in slots))
    outputs = bind(kept)
    if map_name == "forward":
        residual = {"checkpoints": outputs["checkpoints"]}
        call = replace(call, inputs={**call.inputs, **residual})
    dots = {
        slot: dot
        for slot, dot in zip(input_names(parameters["present"]), tangents, strict=True)
        if not isinstance(dot, ad.Zero)
    }
    sums = _summed(rules.tangent(call, dots))
    values = [outputs[slot] for slot in call.wanted]
    turned = [sums.get(slot) for slot in call.wanted]
    pairs = zip(turned, values, strict=True)
    return values, [zero_tangent(x) if dot is None else dot for dot, x in pairs]


def _transpose(map_name: str, bars: Sequence[Any], *operands: Any, **parameters: Any) -> list[Any]:
    known = [x.aval if ad.is_undefined_primal(x) else x for x in operands]
    call = _call(map_name, known, parameters)
    slots = input_names(parameters["present"])
    linear = [s for s, x in zip(slots, operands, strict=True) if ad.is_undefined_primal(x)]
    given = {s: b for s, b in zip(call.wanted, bars, strict=True) if not isinstance(b, ad.Zero)}
    sums = _summed(rules.transpose(call, given, linear)) if given else {}
    return [sums.get(slot) for slot in slots]


def _batch(
    map_name: str, operands: Sequence[jax.Array], axes: Sequence[int | None], **parameters: Any
) -> tuple[list[jax.Array], list[int]]:
    front = [
        x if axis is None else jax.numpy.moveaxis(x, axis, 0)
        for x, axis in zip(operands, axes, strict=True)
    ]
    call = _call(map_name, front, parameters)
    mapped = [s for s, axis in zip(call.inputs, axes, strict=True) if axis is not None]
    size = call.inputs[mapped[0]].shape[0]
    outputs = unfold(_FRAMEWORK, bind(fold(_FRAMEWORK, call, mapped, size)), size)
    return [outputs[slot] for slot in call.wanted], [0] * len(call.wanted)


def _primitive(map_name: str) -> Primitive:
    """The primitive of a map, with all its rules."""
    primitive = Primitive(f"dualwave_{map_name}")
    primitive.multiple_results = True
    rule = functools.partial
    primitive.def_impl(rule(_impl, map_name))
    primitive.def_abstract_eval(rule(_abstract_eval, map_name))
    ad.primitive_jvps[primitive] = rule(_jvp, map_name)
    ad.primitive_transposes[primitive] = rule(_transpose, map_name)
    batching.primitive_batchers[primitive] = rule(_batch, map_name)
    lowering = mlir.lower_fun(rule(_run, map_name), multiple_results=True)
    mlir.register_lowering(primitive, lowering)
    return primitive


PRIMITIVES = {name: _primitive(name) for name in MAPS}
"""The primitives by the name of their map."""
