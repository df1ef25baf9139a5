"""Propagators as PyTorch modules, which keep the model and the grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .. import checks
from .scalar import scalar


class Scalar(torch.nn.Module):
    """The scalar wave equation with its model: ``Scalar(v, grid_spacing)(dt, ...)``.

    Calling the module calls :func:`dualwave.torch.scalar`, which explains arguments and results.

    Args:
        v: speed in m/s, [*space] or [shot, *space]. It becomes a ``torch.nn.Parameter`` that shares
            its memory; a Parameter stays the same object unless ``v_requires_grad`` changes it. A
            tensor that was computed from others is refused, since a module would cut it off from
            them: call the function instead.
        grid_spacing: metres per cell, one number or one per axis.
        v_requires_grad: whether the parameter gets a gradient. Default: what a Parameter says,
            False for other tensors.
    """

    def __init__(
        self,
        v: torch.Tensor,
        grid_spacing: float | Sequence[float],
        v_requires_grad: bool | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(v, torch.Tensor):
            checks.fail("v", f"got {checks.shown(v)}", "a torch.Tensor", kind=TypeError)
        if v.grad_fn is not None:
            mend = "Call dualwave.torch.scalar, or pass v.detach()."
            checks.fail("v", "is computed from other tensors", "a tensor of its own", mend)
        keep = isinstance(v, torch.nn.Parameter)
        if v_requires_grad is not None:
            checks.flag("v_requires_grad", v_requires_grad)
            keep = keep and v.requires_grad == v_requires_grad
        self.v = v if keep else torch.nn.Parameter(v.detach(), requires_grad=bool(v_requires_grad))
        self.grid_spacing = grid_spacing

    def forward(self, dt: float, **arguments: Any) -> Any:
        """Propagate; ``arguments`` are the keywords of :func:`dualwave.torch.scalar`."""
        return scalar(self.v, self.grid_spacing, dt, **arguments)

    def extra_repr(self) -> str:
        """What ``print`` shows beside the name."""
        return f"v: {list(self.v.shape)}, grid_spacing={self.grid_spacing}"
