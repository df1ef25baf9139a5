"""Folding: a batch of calls as one call with more shots, which is what ``vmap`` does to the maps.

B calls of S shots become one of B * S shots. A model that the calls share is not copied: each shot
carries the index of its model, and only the index grows. Coefficient gradients stay apart, one for
every call, because the row of the index that they are reduced by is offset as well. The operands
that belong to shots (amplitudes, weights, nodes, state) are repeated where the calls share them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from .framework import Framework
from .rules import Call

_MODEL_SLOTS = tuple(f"coefficients{level}" for level in range(4))


def fold(fw: Framework, call: Call, mapped: Collection[str], size: int) -> Call:
    """One call in place of ``size`` of them.

    Args:
        fw: the framework of the arrays.
        call: the call of one element; the inputs named in ``mapped`` have the batch as an extra
            first axis, the others are common to the batch.
        mapped: input slots.
        size: length B of the batch.

    Returns:
        A call of B * S shots, whose outputs :func:`unfold` takes apart.
    """
    if "profiles" in mapped:
        raise NotImplementedError(
            "vmap over the PML profiles is not supported: pass max_vel, so that all elements of "
            "the batch have one PML"
        )
    inputs = {}
    for slot, x in call.inputs.items():
        if slot == "model_index":
            inputs[slot] = _fold_index(fw, call, mapped, size)
        elif slot == "profiles" or (slot in _MODEL_SLOTS and slot not in mapped):
            inputs[slot] = x
        elif slot == "residual" and slot not in mapped and call.description.full_history:
            continue  # copies of a whole history would take more than to march again for it
        else:
            if slot not in mapped:
                x = fw.xp.broadcast_to(x[None, ...], (size, *x.shape))
            inputs[slot] = fw.xp.reshape(x, (size * x.shape[1], *x.shape[2:]))
    d = call.description
    description = replace(d, shots=size * d.shots, gradients=size * d.gradients)
    return replace(call, description=description, inputs=inputs)


def unfold(fw: Framework, outputs: Mapping[str, Any], size: int) -> dict[str, Any]:
    """The outputs of a folded call with the batch as a first axis."""
    return {
        slot: fw.xp.reshape(x, (size, x.shape[0] // size, *x.shape[1:]))
        for slot, x in outputs.items()
    }


def _fold_index(fw: Framework, call: Call, mapped: Collection[str], size: int) -> Any:
    """``model_index`` [5, B * S]: rows of levels whose models are mapped go up by M per element."""
    index, steps = call.inputs["model_index"], np.zeros(5, np.int32)
    for level, slot in enumerate(_MODEL_SLOTS):
        if slot in mapped:
            steps[level] = call.inputs[slot].shape[1]
    steps[4] = call.description.gradients
    index = fw.xp.moveaxis(index, 0, 1) if "model_index" in mapped else index[:, None, :]
    offsets = (steps[:, None] * np.arange(size, dtype=np.int32))[:, :, None]
    return fw.xp.reshape(index + fw.asarray(offsets, like=index), (5, size * index.shape[2]))
