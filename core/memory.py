"""Bytes of a call by kind: what the front ends hold, and what the compiled core allocates."""

from __future__ import annotations

from math import prod
from typing import Any

from .layout import Description

_BYTES = {"float32": 4, "float64": 8}
WORKSPACE = "workspace"


def forward_bytes(d: Description, backend: str, device: bool = False) -> dict[str, int]:
    """Of the operands and results of the map ``forward``, and of its workspace.

    Args:
        backend: "compiled" or "eager"; the workspace of the eager one is the framework's affair.
        device: whether the arrays are on a GPU, where all shots run at once.
    """
    size = _BYTES[d.dtype]
    signals = d.shots * d.nt
    taps = d.sources * d.source_taps + d.receivers * d.receiver_taps
    memory = {
        "coefficients": size * d.gradients * d.coefficients * d.cells,
        "state before and after": size * 2 * d.shots * d.state_size,
        "source amplitudes": size * signals * d.sources,
        "receiver amplitudes": size * signals * d.receivers,
        "nodes and weights": (4 + size) * d.shots * taps,
        "PML profiles": size * 5 * sum(d.n),
    }
    native = core()
    if backend == "compiled" and native is not None:
        memory[WORKSPACE] = native.workspace_bytes("forward", d, device)
    return memory


def gradient_bytes(d: Description, backend: str, device: bool = False) -> dict[str, int]:
    """What a gradient with the compiled core takes more; its workspace instead of the forward's.

    Empty for the eager backend, and where the compiled core is not there to say.
    """
    native = core()
    if backend != "compiled" or native is None:
        return {}
    size = _BYTES[d.dtype]
    return {
        "gradient grids": size * d.gradients * d.coefficients * d.cells,
        ("history" if d.full_history else "kept states"): size * prod(native.residual_shape(d)),
        WORKSPACE: native.workspace_bytes("adjoint", d, device),
    }


def total_bytes(d: Description, device: bool = False) -> int:
    """Of a compiled call with a gradient."""
    found = forward_bytes(d, "compiled", device) | gradient_bytes(d, "compiled", device)
    return sum(found.values())


def core() -> Any:
    """The module ``native``; None where the compiled core cannot be loaded."""
    from . import native

    return native if native.available() else None
