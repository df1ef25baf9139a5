"""The bare calls of the compiled core as XLA custom calls: no derivatives, no batching.

All maps go through one target. What a call is made of (map, run, which slots) are attributes, and
so constants of the compiled program; the arrays are operands and results, in slot order.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import numpy as np

from .. import native
from ..layout import Description
from ..maps import INPUT_SLOTS, MAPS, accepted_inputs, input_mask, output_mask
from ._compat import result_like

TARGET = "dualwave_run"

Arrays = Mapping[str, jax.Array]


@functools.cache
def register() -> None:
    """Make the compiled core known to XLA; ImportError when it was not built."""
    jax.ffi.register_ffi_target(TARGET, native.load().ffi_handler(), platform="cpu")
    if native.has_device():
        handler = native.load_device().ffi_handler()
        jax.ffi.register_ffi_target(TARGET, handler, platform="CUDA")
    elif jax.default_backend() != "cpu":
        # Lowering for a platform without the target succeeds, and fails only when it runs.
        native.load_device()


def call(
    map_name: str, description: Description, inputs: Arrays, wanted: Iterable[str]
) -> dict[str, jax.Array]:
    """Call a map of the compiled core.

    Args:
        map_name: one of ``dualwave.maps.MAPS``.
        description: the run.
        inputs: arrays by input slot, traced or not; those that the map does not take are left out.
        wanted: output slots.

    Returns:
        Arrays by output slot. JAX refuses to differentiate or to batch them.
    """
    register()
    given, results = prepared(map_name, description, inputs, wanted)
    outputs = jax.ffi.ffi_call(TARGET, tuple(results.values()))(
        *given.values(),
        map=MAPS.index(map_name),
        description=np.array(native.integers(description), np.int64),
        spacing=np.array(description.spacings(), np.float64),
        present=input_mask(given),
        wanted=output_mask(results),
    )
    return dict(zip(results, outputs, strict=True))


def prepared(
    map_name: str, description: Description, inputs: Arrays, wanted: Iterable[str]
) -> tuple[dict[str, jax.Array], dict[str, Any]]:
    """The operands that the map takes, and what it returns, both by slot and in slot order."""
    accepted = accepted_inputs(map_name)
    given = {slot: inputs[slot] for slot in INPUT_SLOTS if slot in inputs and slot in accepted}
    outputs = native.checked(map_name, description, given, wanted)
    like = jax.typeof(given["model_index"])
    results = {out.slot: result_like(like, out.shape, out.dtype) for out in outputs}
    return given, results
