"""Bytes of a call by kind: what the front ends hold, and what the compiled core allocates."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from .layout import Description

BYTES = {"float32": 4, "float64": 8}
WORKSPACE = "workspace"
ARITHMETIC = "model arithmetic"


@dataclass(frozen=True)
class Footing:
    """What the memory of a call depends on beside its description.

    device: whether the arrays are on a GPU, where all shots run at once. levels: 2 of a Born form,
    whose maps are ``tangent`` and ``tangent_adjoint``. arithmetic: arrays, of the size of one grid
    of each model, that the framework takes at most for the arithmetic between models and
    coefficients and its derivative; saved: of these while the core runs. starts: whether there
    are initial fields. values: of all models, of which some may lie outside the grid; gradients
    have as many. resampled: samples that the framework takes at most to come from the caller's
    time step to the inner one and back. reused: whether the framework finds memory again that a
    call has left; else what it takes anew comes beside a workspace that is kept.
    """

    device: bool = False
    levels: int = 1
    starts: bool = True
    saved: float = 0.0
    arithmetic: float = 0.0
    values: int = 0
    resampled: int = 0
    reused: bool = True


ALONE = Footing()
"""Of one level, on the CPU, with nothing around it."""


def forward_bytes(d: Description, backend: str, footing: Footing = ALONE) -> dict[str, int]:
    """Of the operands and results of the map ``forward``, and of its workspace.

    Args:
        backend: "compiled" or "eager"; the workspace of the eager one is the framework's affair.
    """
    size, levels = BYTES[d.dtype], footing.levels
    signals = d.shots * d.nt
    taps = d.sources * d.source_taps + d.receivers * d.receiver_taps
    memory = {
        "coefficients": size * levels * d.gradients * d.coefficients * d.cells,
        "state before and after": size * (1 + footing.starts) * levels * d.shots * d.state_size,
        "source amplitudes": size * signals * d.sources,
        "receiver amplitudes": size * levels * signals * d.receivers,
        "nodes and weights": (4 + size) * d.shots * taps,
        "PML profiles": size * 5 * sum(d.n),
    }
    native = core()
    if backend == "compiled" and native is not None:
        map_name = "forward" if levels == 1 else "tangent"
        memory[WORKSPACE] = native.workspace_bytes(map_name, d, footing.device)
    return memory


def gradient_bytes(d: Description, backend: str, footing: Footing = ALONE) -> dict[str, int]:
    """What a gradient with the compiled core takes more; its workspace instead of the forward's.

    Empty for the eager backend, and where the compiled core is not there to say.
    """
    native = core()
    if backend != "compiled" or native is None:
        return {}
    size, levels = BYTES[d.dtype], footing.levels
    memory = {
        "gradient grids": size * levels * d.gradients * d.coefficients * d.cells,
        "gradients of models": size * footing.values,
        "receiver cotangents": size * levels * d.shots * d.nt * d.receivers,
    }
    if footing.resampled:
        memory["resampling"] = size * footing.resampled
    if levels == 1:
        kept = "history" if d.full_history else "kept states"
        memory[kept] = size * prod(native.residual_shape(d))
        memory[WORKSPACE] = native.workspace_bytes("adjoint", d, footing.device)
    else:  # it keeps what it needs inside the call that goes back
        memory[WORKSPACE] = native.workspace_bytes("tangent_adjoint", d, footing.device)
    if footing.arithmetic:
        grid = size * d.gradients * d.cells
        saved, most = int(footing.saved * grid), int(footing.arithmetic * grid)
        # A workspace that is not kept for the next call is there before, or after.
        memory[ARITHMETIC] = max(saved, most - memory[WORKSPACE]) if d.lean else most
    return memory


def total_bytes(d: Description, footing: Footing = ALONE) -> int:
    """Of a compiled call with a gradient."""
    found = forward_bytes(d, "compiled", footing) | gradient_bytes(d, "compiled", footing)
    return sum(found.values())


def core() -> Any:
    """The module ``native``; None where the compiled core cannot be loaded."""
    from . import native

    return native if native.available() else None
