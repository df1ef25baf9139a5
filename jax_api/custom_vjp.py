"""The propagation differentiated by ``jax.custom_vjp``: reverse mode only.

This form uses nothing but JAX's stable public interface. It has no forward mode: ``jvp``,
``linearize``, ``jacfwd`` and ``hessian`` raise, as does a second derivative. ``grad``, ``vjp``,
``jacrev``, ``vmap``, ``checkpoint``, ``scan`` and ``shard_map`` work. The module ``primitives`` has
both modes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
from jax.custom_batching import custom_vmap
from jax.custom_derivatives import SymbolicZero

from .. import rules
from ..folding import fold, unfold
from ..layout import Description
from ..maps import CONSTANTS, INPUT_SLOTS, OPERANDS, Constants, Primal, by_slot
from . import ffi
from ._compat import same_varying
from .framework import JaxFramework

_FRAMEWORK = JaxFramework()
_RESULTS = ("receivers0", "state0")


def forward(
    description: Description, p: Primal, constants: Constants
) -> tuple[jax.Array, jax.Array]:
    """Model the receivers [S, Nr, nt] and the final state [S, E].

    Differentiable once with respect to every operand of ``p``, in reverse mode; there is no forward
    mode, and JAX raises TypeError where one is asked for. float32 and float64, on the CPU.

    Args:
        description: the run; ``gradients`` is the number of models in ``p.coefficients``.
        p: the operands.
        constants: nodes, model indices and profiles.
    """
    # Before the custom_vjp, so that inside shard_map the cotangents of replicated operands are
    # summed by the transpose of the cast.
    given = _slots(p, constants)
    arrays = dict(zip(given, same_varying(list(given.values())), strict=True))
    p = Primal(*(arrays.get(f"{name}0") for name in OPERANDS))
    constants = Constants(*(arrays[name] for name in CONSTANTS))
    # JAX (0.10.2) does not tell inside shard_map which operands are to be differentiated.
    manual = jax.sharding.get_abstract_mesh().manual_axes
    return (_forward_for_all if manual else _forward_for_wanted)(description, p, constants)


def _forward(description: Description, p: Primal, constants: Constants) -> tuple[Any, ...]:
    outputs = _execute(rules.Call("forward", description, _slots(p, constants), _RESULTS))
    return tuple(outputs[slot] for slot in _RESULTS)


def _save_for_all(description: Description, p: Primal, constants: Constants) -> tuple[Any, Any]:
    """The results; and for the reverse pass the inputs, the residual, and what is wanted."""
    return _save(description, _slots(p, constants), tuple(by_slot(p, 0)))


def _save_for_wanted(description: Description, p: Primal, constants: Constants) -> tuple[Any, Any]:
    """The same, for the operands that are to be differentiated: here arrays say if they are."""
    given = _slots(p, constants)
    if given["profiles"].perturbed:
        rules.refuse_profiles(("profiles",))
    wanted = tuple(slot for slot in by_slot(p, 0) if given[slot].perturbed)
    return _save(description, {slot: x.value for slot, x in given.items()}, wanted)


def _save(description: Description, inputs: dict, wanted: tuple[str, ...]) -> tuple[Any, Any]:
    left = ("residual",) * rules.needs_residual(wanted, 0)
    outputs = _execute(rules.Call("forward", description, inputs, (*_RESULTS, *left)))
    saved = {**inputs, **{slot: outputs[slot] for slot in left}}
    # The keys of a dict are part of the structure of what is saved, and so stay known when traced.
    return tuple(outputs[slot] for slot in _RESULTS), (saved, dict.fromkeys(wanted, ()))


def _pull_back(description: Description, saved: tuple[Any, Any], bars: tuple[Any, ...]) -> Any:
    inputs, wanted = saved
    pairs = zip(_RESULTS, bars, strict=True)
    given = {slot: bar for slot, bar in pairs if not isinstance(bar, SymbolicZero)}
    call = rules.Call("forward", description, inputs, _RESULTS)
    gradients = {}
    for term in rules.transpose(call, given, wanted) if given else ():
        outputs = _execute(term.call)
        gradients.update({term.results[slot]: x for slot, x in outputs.items()})
    return Primal(*(gradients.get(f"{name}0") for name in OPERANDS)), None


_forward_for_all = jax.custom_vjp(_forward, nondiff_argnums=(0,))
_forward_for_all.defvjp(_save_for_all, _pull_back)
_forward_for_wanted = jax.custom_vjp(_forward, nondiff_argnums=(0,))
_forward_for_wanted.defvjp(_save_for_wanted, _pull_back, symbolic_zeros=True)


def _slots(p: Primal, constants: Constants) -> dict[str, Any]:
    return by_slot(p, 0) | constants._asdict()


def _execute(call: rules.Call) -> dict[str, jax.Array]:
    """Run a call; ``vmap`` folds it into one of more shots. Not differentiable."""
    given = tuple(slot for slot in INPUT_SLOTS if slot in call.inputs)
    run = _batchable(call.map, call.description, given, call.wanted)
    return run(*(call.inputs[slot] for slot in given))


@functools.lru_cache(maxsize=1024)
def _batchable(
    map_name: str, description: Description, given: tuple[str, ...], wanted: tuple[str, ...]
) -> Callable[..., dict[str, jax.Array]]:
    @jax.custom_jvp
    def bare(*operands: jax.Array) -> dict[str, jax.Array]:
        return ffi.call(map_name, description, dict(zip(given, operands, strict=True)), wanted)

    @bare.defjvp
    def refuse(primals: Any, tangents: Any) -> Any:
        raise NotImplementedError(
            "ad='custom_vjp' has first derivatives in reverse mode only, and this transform needs "
            "another; use the default form, which has both modes and second derivatives"
        )

    run = custom_vmap(bare)

    @run.def_vmap
    def batched(size: int, is_mapped: list[bool], *operands: jax.Array) -> tuple[Any, Any]:
        call = rules.Call(map_name, description, dict(zip(given, operands, strict=True)), wanted)
        mapped = [slot for slot, yes in zip(given, is_mapped, strict=True) if yes]
        outputs = unfold(_FRAMEWORK, _execute(fold(_FRAMEWORK, call, mapped, size)), size)
        return outputs, dict.fromkeys(outputs, True)

    return run
