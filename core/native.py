"""The compiled core called from NumPy, and the few facts about it that the front ends ask for.

The extension ``dualwave._C`` is loaded at first use, so that the package imports, and the eager
backend runs, where it was not built.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from .framework import dtype_name
from .layout import Description
from .maps import (
    INPUT_SLOTS,
    MAPS,
    OUTPUT_SLOTS,
    Constants,
    Primal,
    by_slot,
    input_mask,
    output_mask,
    signature,
)

LEAST_LENT = 1 << 20
"""Bytes below which :func:`lend` is not worth while: the C library itself keeps what is freed."""


@functools.cache
def load() -> ModuleType:
    """The extension module; ImportError says how to get it."""
    try:
        return importlib.import_module("._C", __package__)
    except ImportError as error:
        raise ImportError(
            f"the compiled core of dualwave could not be loaded ({error}). Build it with "
            "'pip install .' in the source tree, or use backend='eager', which does not need it"
        ) from error


@functools.cache
def load_device() -> ModuleType:
    """The extension for CUDA devices; ImportError says how to get it."""
    try:
        return importlib.import_module("._cuda", __package__)
    except ImportError as error:
        raise ImportError(
            f"dualwave's backend for CUDA could not be loaded ({error}). Build the package where "
            "nvcc is found (-Ccmake.define.DUALWAVE_CUDA=ON), or move the arrays to the CPU"
        ) from error


def has_device() -> bool:
    """Whether the extension for CUDA devices can be loaded."""
    try:
        load_device()
    except ImportError:
        return False
    return True


def available() -> bool:
    """Whether the compiled core can be loaded."""
    try:
        load()
    except ImportError:
        return False
    return True


def equation_id(name: str) -> int:
    """The number by which the compiled core knows an equation."""
    names = list(load().equations())
    if name not in names:
        raise ValueError(
            f"equation {name!r} is not in the compiled core, which has {', '.join(names)}; "
            "use backend='eager' or build it with a table in csrc/equations"
        )
    return names.index(name)


def set_num_threads(count: int) -> None:
    """Let the compiled core use ``count`` threads, 1 or more, the calling one included.

    There is one team for all callers and both frameworks. Without a call it has OMP_NUM_THREADS
    threads, or as many as the machine has cores.
    """
    if int(count) != count or count < 1:
        raise ValueError(f"count is {count!r}; the number of threads is a whole number, 1 or more")
    load().set_num_threads(int(count))


def get_num_threads() -> int:
    """Threads that the compiled core uses, the calling one included."""
    return load().get_num_threads()


def set_blocking(cache_bytes: int = 16 << 20, front_cells: int = 4096) -> None:
    """Say when the compiled core takes several time steps in one sweep over the grid.

    Results keep their bits whatever is set.

    Args:
        cache_bytes: what may be expected to stay in the processor's last cache. Shots of more are
            blocked in time, so that what several steps touch takes as much.
        front_cells: the least number of cells that a thread takes between two barriers, in 3-D.
    """
    load().set_blocking(cache_bytes, front_cells)


def lend(size: int) -> np.ndarray:
    """``size`` bytes, of any content, in memory that an earlier call has left.

    They wait for the next call once nothing refers to the array: no view of it, and no tensor that
    was made of it. What a call returns, and what a gradient keeps of its forward run, is large, and
    of the same size in every iteration of an inversion.
    """
    return load().lend(size)


def kept_memory() -> int:
    """Bytes that wait for the next call on the CPU."""
    return load().kept_memory()


def release_memory() -> None:
    """Give back to the system what is kept for the next call.

    That is, on the CPU, the workspace of the compiled core, and in PyTorch what nobody refers to
    any more of results and of what gradients kept of forward runs: up to an eighth of the memory
    that the process may use. What a GPU's calls took, and what JAX holds, is the framework's, which
    has means of its own.
    """
    if available():  # without the compiled core there is none
        load().release_memory()


def integers(description: Description) -> list[int]:
    """The description as the compiled core takes it."""
    return description.ints(equation_id(description.equation))


def residual_shape(description: Description) -> tuple[int, int, int]:
    """Shape [S, count, elements] of the residual that ``forward`` leaves for ``adjoint``: kept
    states, or the history of all steps as one."""
    count, elements = load().residual_shape(integers(description))
    return description.shots, int(count), int(elements)


def storage(description: Description) -> tuple[int, int, int]:
    """Checkpoint interval, history steps and inner states, as the compiled core resolves them."""
    return load().storage(integers(description))


def workspace_bytes(map_name: str, description: Description, device: bool = False) -> int:
    """Memory in bytes that a map allocates beside its operands and results.

    Args:
        device: on a GPU, which takes all shots at once.
    """
    return load().workspace_bytes(MAPS.index(map_name), integers(description), device)


def stored_bytes(description: Description, device: bool = False) -> int:
    """Bytes of a history that is kept in a file, or in the host's memory for a GPU, at a time."""
    return load().stored_bytes(integers(description), device)


class Output(NamedTuple):
    """An array to be filled: its slot, shape and dtype."""

    slot: str
    shape: tuple[int, ...]
    dtype: str


def checked(
    map_name: str, description: Description, inputs: Mapping[str, Any], wanted: Iterable[str]
) -> tuple[Output, ...]:
    """Check the inputs of a call, anything with ``shape`` and ``dtype``; the outputs to allocate.

    Returns:
        The wanted outputs in slot order.
    """
    call = description, map_name, input_mask(inputs), output_mask(wanted)
    for operand in signature(*call).inputs:
        x = inputs[operand.slot]
        if not operand.fits(x.shape) or dtype_name(x.dtype) != operand.dtype:
            lengths = ", ".join("any" if want is None else str(want) for want in operand.shape)
            raise ValueError(
                f"{operand.slot} of the map {map_name} is {dtype_name(x.dtype)} of shape "
                f"{tuple(x.shape)}; it must be {operand.dtype} of shape ({lengths})"
            )
    return _outputs(load(), call)


@functools.lru_cache(maxsize=1024)
def _outputs(core: ModuleType, call: tuple[Description, str, int, int]) -> tuple[Output, ...]:
    """What a map of this core fills."""
    outputs, description = [], call[0]
    for out in signature(*call).outputs:
        # The signature knows all lengths of outputs but those of the residual.
        known = tuple(length for length in out.shape if length is not None)
        shape = residual_shape(description) if out.slot == "residual" else known
        outputs.append(Output(out.slot, shape, out.dtype))
    return tuple(outputs)


def run(
    map_name: str,
    description: Description,
    inputs: Mapping[str, np.ndarray],
    outputs: Mapping[str, np.ndarray],
) -> None:
    """Call a map: read ``inputs``, overwrite ``outputs``, both C-contiguous arrays by slot, which
    :func:`checked` has found to fit."""
    load().run(*_arguments(map_name, description, inputs, outputs))


def run_on_device(
    map_name: str,
    description: Description,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    where: tuple[int, int, Callable[[int], int]],
) -> None:
    """As :func:`run`, with arrays of a CUDA device (DLPack); it does not wait for the results.

    Args:
        where: the device's number; the stream, as the integer value of its handle; and a function
            that gives the address of so many bytes on the device, which stay until it returns.
    """
    load_device().run(*_arguments(map_name, description, inputs, outputs), where)


def _arguments(
    map_name: str,
    description: Description,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
) -> tuple[Any, ...]:
    return (
        MAPS.index(map_name),
        *_numbers(load(), description),
        [inputs[slot] for slot in INPUT_SLOTS if slot in inputs],
        input_mask(inputs),
        [outputs[slot] for slot in OUTPUT_SLOTS if slot in outputs],
        output_mask(outputs),
    )


@functools.lru_cache(maxsize=1024)
def _numbers(core: ModuleType, description: Description) -> tuple[list[int], list[float]]:
    """The description as this core takes it."""
    return integers(description), description.spacings()


def evaluate(
    map_name: str, description: Description, inputs: Mapping[str, np.ndarray], wanted: Iterable[str]
) -> dict[str, np.ndarray]:
    """Call a map with NumPy arrays and return the wanted outputs by slot."""
    inputs = {slot: np.ascontiguousarray(x) for slot, x in inputs.items()}
    operands = checked(map_name, description, inputs, wanted)
    outputs = {operand.slot: np.empty(operand.shape, operand.dtype) for operand in operands}
    run(map_name, description, inputs, outputs)
    return outputs


def forward(
    description: Description, p: Primal, constants: Constants
) -> tuple[np.ndarray, np.ndarray]:
    """Receivers [S, Nr, nt] and final state [S, E] from NumPy arrays."""
    inputs = by_slot(p, 0) | constants._asdict()
    outputs = evaluate("forward", description, inputs, ("receivers0", "state0"))
    return outputs["receivers0"], outputs["state0"]
