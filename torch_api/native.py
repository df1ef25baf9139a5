"""The bare calls of the compiled core on tensors: no derivatives, no batching.

The calls go through one operator, ``torch.ops.dualwave.run``, so that whatever traces PyTorch
(``torch.func.linearize``, ``make_fx``, ``torch.compile``) records a call, instead of the numbers
that came out while it was tracing.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch

from .. import native
from ..layout import Description
from ..maps import INPUT_SLOTS, input_mask, input_names, output_mask, output_names
from . import openmp

Tensors = Mapping[str, torch.Tensor]
_LAYOUT = "residual"


def call(
    map_name: str, description: Description, inputs: Tensors, wanted: Iterable[str]
) -> dict[str, torch.Tensor]:
    """Call a map of the compiled core.

    Args:
        map_name: one of ``dualwave.maps.MAPS``.
        description: the run.
        inputs: tensors by input slot, all on one device; copied where they are not contiguous.
        wanted: output slots.

    Returns:
        New tensors by output slot.
    """
    slots = [slot for slot in INPUT_SLOTS if slot in inputs]
    masks = input_mask(slots), output_mask(wanted)
    arguments = map_name, encoded(description), [inputs[slot] for slot in slots], *masks
    with torch._C._AutoDispatchBelowAutograd():
        outputs = torch.ops.dualwave.run(*arguments)
    return dict(zip(output_names(masks[1]), outputs, strict=True))


LIBRARY = torch.library.Library("dualwave", "DEF")
LIBRARY.define(
    "run(str map_name, str description, Tensor[] inputs, int present, int wanted) -> Tensor[]",
    tags=(torch.Tag.pt2_compliant_tag,),
)


@torch.library.impl("dualwave::run", "CompositeExplicitAutograd", lib=LIBRARY)
def _run(
    map_name: str, description: str, inputs: Sequence[torch.Tensor], present: int, wanted: int
) -> list[torch.Tensor]:
    """The operator: present inputs and wanted outputs in slot order, the description as JSON."""
    run = decoded(description)
    given = dict(zip(input_names(present), inputs, strict=True))
    device = _device(inputs)
    new = _lent if device.type == "cpu" else torch.Tensor.new_empty
    outputs = _empty(map_name, run, given, wanted, new)
    # A tensor that requires a gradient has no view as another library's array.
    given = {slot: x.detach().resolve_neg().contiguous() for slot, x in given.items()}
    if device.type == "cuda":
        stream = torch.cuda.current_stream(device).cuda_stream
        memory: list[torch.Tensor] = []

        def allocate(size: int) -> int:
            memory.append(torch.empty(size, dtype=torch.uint8, device=device))
            return memory[-1].data_ptr()

        where = (device.index, stream, allocate)
        native.run_on_device(map_name, run, given, outputs, where)
    else:
        if given["coefficients0"].numel() >= openmp.GRAIN and native.get_num_threads() > 1:
            openmp.rest()
        arrays = {slot: x.numpy() for slot, x in given.items()}
        native.run(map_name, run, arrays, {slot: x.numpy() for slot, x in outputs.items()})
    return list(outputs.values())


def _device(tensors: Sequence[torch.Tensor]) -> torch.device:
    """The one device of all tensors."""
    devices = {x.device for x in tensors}
    device = next(iter(devices))
    if len(devices) > 1 or device.type not in ("cpu", "cuda"):
        found = ", ".join(sorted(map(str, devices)))
        raise NotImplementedError(
            f"the compiled backend was given tensors on {found}; it takes all on the CPU, or "
            "all on one CUDA device: move them there, or use backend='eager'"
        )
    return device


@torch.library.register_fake("dualwave::run", lib=LIBRARY)
def _(
    map_name: str, description: str, inputs: Sequence[torch.Tensor], present: int, wanted: int
) -> list[torch.Tensor]:
    given = dict(zip(input_names(present), inputs, strict=True))
    return list(_empty(map_name, decoded(description), given, wanted).values())


def _empty(
    map_name: str,
    description: Description,
    inputs: Tensors,
    wanted: int,
    new: Callable[[torch.Tensor, tuple[int, ...]], torch.Tensor] = torch.Tensor.new_empty,
) -> dict[str, torch.Tensor]:
    """Tensors for the outputs, once the inputs have been found to fit."""
    operands = native.checked(map_name, description, inputs, output_names(wanted))
    like = inputs["coefficients0"]
    return {x.slot: new(like, x.shape) for x in operands}


def _lent(like: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """A tensor on the CPU, in memory of an earlier call where it is large."""
    size = math.prod(shape) * like.element_size()
    if size < native.LEAST_LENT:
        return like.new_empty(shape)
    return torch.from_numpy(native.lend(size)).view(like.dtype).view(shape)


@functools.lru_cache(maxsize=1024)
def encoded(description: Description) -> str:
    """A description as the operator takes it.

    PyTorch keeps compiled programs on disk, by what their operators are called with; so the layout
    of the build's residual is said too: a program with another must not be taken for this one.
    """
    return json.dumps({**asdict(description), _LAYOUT: native.residual_shape(description)})


@functools.lru_cache(maxsize=1024)
def decoded(text: str) -> Description:
    """The inverse of :func:`encoded`."""
    entries = json.loads(text)
    del entries[_LAYOUT]
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entries.items()}
    return Description(**fields)
