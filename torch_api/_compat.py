"""What is not in PyTorch's public interface, in one place. Tried with torch 2.13.

``autograd.grad(..., is_grads_batched=True)`` and the batched checks of ``gradcheck`` run on a vmap
older than ``torch.func``, which does not ask an ``autograd.Function`` for its vmap rule. These
functions do for it what ``torch.func`` does by itself.

``torch.func.jvp`` asks an ``autograd.Function`` for its values before its derivative. What
:func:`innermost` and :func:`lowered` reach is how ``torch._functorch`` itself takes a Function
through one level of its transforms.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch._functorch import eager_transforms, pyfunctorch
from torch._functorch.utils import (
    enable_single_level_autograd_function,
    unwrap_dead_wrappers,
)


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


GRAD, JVP = pyfunctorch.TransformType.Grad, pyfunctorch.TransformType.Jvp
SingleLevelFunction = torch.autograd.function._SingleLevelFunction


def innermost() -> Any:
    """The transform of torch.func that an operation meets first; None where there is none."""
    if torch._C._functorch.peek_interpreter_stack() is None:
        return None
    return pyfunctorch.retrieve_current_functorch_interpreter()


def transforms() -> list[Any]:
    """The kinds of all transforms of torch.func that are active."""
    return [entry.key() for entry in pyfunctorch.retrieve_all_functorch_interpreters()]


def tangents(arrays: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tangents of those that are dual numbers at the innermost level."""
    transform = innermost()
    if not dual_level() or (transform is not None and transform.key() != JVP):
        return {}
    if any(map(is_batched, arrays.values())):
        return {}
    unpacked = {k: torch.autograd.forward_ad.unpack_dual(x).tangent for k, x in arrays.items()}
    found = {k: x for k, x in unpacked.items() if x is not None}
    # The vmap of is_grads_batched cannot make dual numbers.
    return {} if any(map(is_batched, found.values())) else found


def without_tangent(x: torch.Tensor) -> torch.Tensor:
    """The value of a dual number at the innermost level, and any other tensor as it is."""
    return torch.autograd.forward_ad.unpack_dual(x).primal


def dual(x: torch.Tensor, tangent: torch.Tensor) -> torch.Tensor:
    """A dual number at the innermost level."""
    return torch.autograd.forward_ad.make_dual(x, tangent)


def dual_level() -> bool:
    """Whether there may be dual numbers."""
    return torch.autograd.forward_ad._current_level >= 0 and torch._C._is_fwd_grad_enabled()


def is_transformed() -> bool:
    """Whether there may be a transform, dual numbers, or a mode that sees operations."""
    functorch = torch._C._functorch.peek_interpreter_stack() is not None
    return functorch or dual_level() or torch._C._len_torch_dispatch_stack() > 0


def only_dual_numbers() -> bool:
    """Whether there may be dual numbers that no ``torch.func.jvp`` has made: it counts its own."""
    return dual_level() and eager_transforms.JVP_NESTING == 0


def alive(arrays: tuple) -> tuple:
    """The arrays without the wrappers of transforms that have ended."""
    return unwrap_dead_wrappers(arrays)


def apply_at_level(function: Any, *arguments: Any) -> Any:
    """Apply a single-level Function where torch.func is active."""
    with enable_single_level_autograd_function():
        return function.apply(*arguments)


@contextlib.contextmanager
def lowered(transform: Any) -> Iterator[tuple[Callable, Callable]]:
    """One level below a ``grad``: functions that take a tensor down to it, and up again.

    What runs there is differentiated by the levels below; inside a Function that is switched off.
    """
    at, functorch = transform.level(), torch._C._functorch
    forward_mode = torch.autograd.forward_ad._set_fwd_grad_enabled(True)
    with torch.enable_grad(), forward_mode, transform.lower():
        yield (
            lambda x: functorch._unwrap_for_grad(x, at),
            lambda x: functorch._wrap_for_grad(x, at),
        )
