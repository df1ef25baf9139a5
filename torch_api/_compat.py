"""What is not in PyTorch's public interface, in one place. Tried with torch 2.13.

``autograd.grad(..., is_grads_batched=True)`` and the batched checks of ``gradcheck`` run on a vmap
older than ``torch.func``, which does not ask an ``autograd.Function`` for its vmap rule. These
functions do for it what ``torch.func`` does by itself.
"""

from __future__ import annotations

import torch


def is_batched(x: torch.Tensor) -> bool:
    """Whether ``x`` stands for a batch in the vmap of ``is_grads_batched``."""
    return torch._C._functorch.is_legacy_batchedtensor(x)


def level() -> int:
    """How deep the vmap of ``is_grads_batched`` is nested here."""
    found = torch._C._vmapmode_increment_nesting() - 1
    torch._C._vmapmode_decrement_nesting()
    return found


def unbatched(x: torch.Tensor, at: int) -> torch.Tensor:
    """The batch as a tensor, along a first axis."""
    x = torch._remove_batch_dim(x, at, 1, 0)
    if is_batched(x):
        raise NotImplementedError("is_grads_batched=True may not be nested; use torch.func.vmap")
    return x


def batched(x: torch.Tensor, at: int) -> torch.Tensor:
    """A tensor that stands for the batch along the first axis of ``x``."""
    return torch._add_batch_dim(x, 0, at)
