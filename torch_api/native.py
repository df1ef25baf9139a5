"""The bare calls of the compiled core on tensors: no derivatives, no batching."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

from .. import native

Tensors = Mapping[str, torch.Tensor]


def call(
    map_name: str, description: native.Description, inputs: Tensors, wanted: Iterable[str]
) -> dict[str, torch.Tensor]:
    """Call a map of the compiled core.

    Args:
        map_name: one of ``dualwave.maps.MAPS``.
        description: the run.
        inputs: tensors by input slot, on the CPU; copied where they are not contiguous.
        wanted: output slots.

    Returns:
        New tensors by output slot, connected to nothing.
    """
    devices = {x.device for x in inputs.values()}
    if devices != {torch.device("cpu")}:
        found = ", ".join(sorted(map(str, devices)))
        raise NotImplementedError(
            f"the compiled backend was given tensors on {found}; it runs on the CPU in this "
            "build: move all tensors there, or use backend='eager'"
        )
    operands = native.checked(map_name, description, inputs, wanted)
    outputs = {
        operand.slot: torch.empty(operand.shape, dtype=getattr(torch, operand.dtype))
        for operand in operands
    }
    # Detached: a tensor that requires a gradient has no NumPy view. `inputs` keeps the storage.
    inputs = {slot: x.detach().resolve_neg().contiguous() for slot, x in inputs.items()}
    native.run(
        map_name,
        description,
        {slot: x.numpy() for slot, x in inputs.items()},
        {slot: x.numpy() for slot, x in outputs.items()},
    )
    return outputs
