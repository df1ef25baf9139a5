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
    Constants,
    Primal,
    accepted_inputs,
    by_slot,
    input_mask,
    input_names,
    output_mask,
    output_names,
)
from . import ffi
from ._compat import (
    Primitive,
    ad,
    batching,
    mlir,
    partial_eval,
    result_like,
    same_varying,
    zero_tangent,
)
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
    inputs = by_slot(p, 0) | constants._asdict()
    outputs = bind(rules.Call("forward", description, inputs, ("receivers0", "state0")))
    return outputs["receivers0"], outputs["state0"]


def tangent(
    description: Description, p: Primal, d: Primal, constants: Constants
) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
    """As :func:`forward`, and the derivative of both results in the direction ``d``.

    ``d`` is as ``p``, with None where it is zero. Differentiable once in ``p`` and without limit in
    ``d``.
    """
    inputs = by_slot(p, 0) | constants._asdict()
    inputs |= by_slot(d, 1)
    wanted = ("receivers0", "state0", "receivers1", "state1")
    found = bind(rules.Call("tangent", description, inputs, wanted))
    receivers, state, scattered, scattered_state = (found[slot] for slot in wanted)
    return (receivers, state), (scattered, scattered_state)


def bind(call: rules.Call) -> dict[str, jax.Array]:
    """Bind the primitive of a call; the wanted outputs by slot."""
    operands, parameters = _arguments(call)
    outputs = PRIMITIVES[call.map].bind(*same_varying(operands), **parameters)
    return dict(zip(output_names(parameters["wanted"]), outputs, strict=True))


def _arguments(call: rules.Call) -> tuple[list[Any], dict[str, Any]]:
    """Operands and parameters of the primitive of a call; the inverse of :func:`_call`."""
    slots = [slot for slot in INPUT_SLOTS if slot in call.inputs]
    masks = {"present": input_mask(slots), "wanted": output_mask(call.wanted)}
    return [call.inputs[slot] for slot in slots], {"run": call.description, **masks}


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
    dots = {
        slot: dot
        for slot, dot in zip(input_names(parameters["present"]), tangents, strict=True)
        if not isinstance(dot, ad.Zero)
    }
    terms = rules.tangent(call, dots)
    term = rules.whole(call, terms)
    if term is not None:
        # The call of the derivative has the values too; where only these are known,
        # _partial_eval takes it apart.
        found = bind(term.call)
        outputs = {slot: found[own] for own, slot in term.values.items()}
        sums = {slot: found[own] for own, slot in term.results.items()}
    else:
        outputs, sums = bind(call), _summed(terms)
    values = [outputs[slot] for slot in call.wanted]
    turned = [sums.get(slot) for slot in call.wanted]
    pairs = zip(turned, values, strict=True)
    return values, [zero_tangent(x) if dot is None else dot for dot, x in pairs]


def _partial_eval(map_name: str, trace: Any, *tracers: Any, **parameters: Any) -> list[Any]:
    """The rule for a linearization, which knows some operands before the others."""
    known = [x.pval.get_known() for x in tracers]
    operands = [x if value is None else value for x, value in zip(tracers, known, strict=True)]
    call = _call(map_name, operands, parameters)
    unknown = [s for s, value in zip(call.inputs, known, strict=True) if value is None]
    parts = rules.split(call, unknown) if unknown else None
    if parts is None:
        return trace.default_process_primitive(PRIMITIVES[map_name], tracers, parameters)
    lower, rest = parts
    found = bind(lower.call)
    if "residual" in found:
        rest = replace(rest, inputs={**rest.inputs, "residual": found["residual"]})
    operands, parameters = _arguments(rest)
    outputs = trace.default_process_primitive(PRIMITIVES[rest.map], operands, parameters)
    outputs = dict(zip(rest.wanted, outputs, strict=True))
    outputs |= {slot: trace.to_jaxpr_tracer(found[own]) for own, slot in lower.results.items()}
    return [outputs[slot] for slot in call.wanted]


def _partial_eval_equation(
    map_name: str, saveable: Any, unknown: Sequence[bool], there: Sequence[bool], equation: Any
) -> tuple[Any, Any, list[bool], list[bool], list[Any]]:
    """The same for an equation of a program, as under ``jax.checkpoint``.

    Returns:
        The equations of the known and of the later part, for each result whether it is unknown and
        whether the later part has it, and the operands that are to be kept for that.
    """
    count = len(equation.outvars)
    call = _call(map_name, equation.invars, equation.params)
    waiting = [slot for slot, waits in zip(call.inputs, unknown, strict=True) if waits]
    kept = [x for x, ready in zip(equation.invars, there, strict=True) if not ready]
    if not waiting:
        avals = [x.aval for x in equation.invars]
        if saveable(equation.primitive, *avals, **equation.params) is True:
            return equation, None, [False] * count, [False] * count, []
        return equation, equation, [False] * count, [True] * count, kept
    parts = rules.split(call, waiting) if _in_order(call, waiting) else None
    if parts is None:
        return None, equation, [True] * count, [True] * count, kept
    lower, _ = parts
    call_of_lower = replace(lower.call, wanted=tuple(lower.results))
    operands, parameters = _arguments(call_of_lower)
    results = dict(zip(call.wanted, equation.outvars, strict=True))
    first = equation.replace(
        primitive=PRIMITIVES[lower.call.map],
        invars=operands,
        outvars=[results[lower.results[slot]] for slot in output_names(parameters["wanted"])],
        params=parameters,
    )
    late = [slot not in lower.results.values() for slot in call.wanted]
    return first, equation, late, [True] * count, kept


def _in_order(call: rules.Call, waiting: Sequence[str]) -> bool:
    """Whether the lower part takes the rows of ``model_index`` as they are: a program has no
    values to exchange, as the second direction without the first would need."""
    return call.map != "second_tangent" or not any(slot.endswith("1") for slot in waiting)


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
) -> tuple[list[jax.Array], list[Any]]:
    front = [
        x if axis is None else jax.numpy.moveaxis(x, axis, 0)
        for x, axis in zip(operands, axes, strict=True)
    ]
    call = _call(map_name, front, parameters)
    mapped = [s for s, axis in zip(call.inputs, axes, strict=True) if axis is not None]
    size = call.inputs[mapped[0]].shape[0]
    outputs = unfold(_FRAMEWORK, bind(fold(_FRAMEWORK, call, mapped, size)), size)
    # The values of a call whose directions alone are mapped: JAX wants them without the axis.
    same = rules.independent(call, mapped)
    found = [outputs[slot][0] if slot in same else outputs[slot] for slot in call.wanted]
    return found, [None if slot in same else 0 for slot in call.wanted]


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
    partial_eval.custom_partial_eval_rules[primitive] = rule(_partial_eval, map_name)
    partial_eval.partial_eval_jaxpr_custom_rules[primitive] = rule(_partial_eval_equation, map_name)
    lowering = mlir.lower_fun(rule(_run, map_name), multiple_results=True)
    mlir.register_lowering(primitive, lowering)
    return primitive


PRIMITIVES = {name: _primitive(name) for name in MAPS}
"""The primitives by the name of their map."""
