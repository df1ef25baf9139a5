"""The PyTorch form of :class:`dualwave.framework.Framework`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import array_api_compat.torch as array_api_torch
import numpy as np
import torch
from torch.utils.checkpoint import checkpoint

from ..framework import Framework, Widths, check_widths
from . import _compat
from .held import held_bytes

_OWN = (torch.Tensor, torch.nn.Parameter)
"""Other classes may stand for values that they do not have."""

_AT_HAND = (torch.float32, torch.float64, torch.int32, torch.int64, torch.bool)
"""What calls take; NumPy has not all others, and PyTorch's checks name them."""

NO_CALLBACKS = "callbacks are not supported under torch.compile or torch.export: leave them out"


class TorchFramework(Framework):
    """PyTorch tensors. Every method works under autograd, forward mode and ``torch.func``."""

    name = "torch"
    xp = array_api_torch

    def is_array(self, x: Any) -> bool:
        return isinstance(x, torch.Tensor)

    def asarray(self, x: Any, dtype: Any = None, like: torch.Tensor | None = None) -> torch.Tensor:
        if isinstance(dtype, str):
            dtype = self.dtype(dtype)
        if like is not None and dtype is None:
            dtype = like.dtype
        device = like.device if like is not None else None
        if isinstance(x, torch.Tensor):
            return x.to(device=device, dtype=dtype)
        if isinstance(x, np.ndarray):
            # torch.as_tensor refuses negative strides, foreign byte orders and (with a warning)
            # read-only arrays.
            x = np.array(x, dtype=x.dtype.newbyteorder("="))
        return torch.as_tensor(x, dtype=dtype, device=device)

    def concrete(self, x: Any) -> np.ndarray | None:
        values = self.known(x)
        return _values(values) if isinstance(values, torch.Tensor) else values

    def known(self, x: Any) -> np.ndarray | torch.Tensor | None:
        if not isinstance(x, torch.Tensor):
            return np.asarray(x)
        if torch.compiler.is_compiling():
            return None
        # Under torch.func what is made of the values would be a part of the transform.
        stays = torch._C._functorch.peek_interpreter_stack() is None
        if stays and self.facts(x) and not torch._C._functorch.is_functorch_wrapped_tensor(x):
            return x.detach() if x.is_cuda else _values(x)
        # The values are wanted outside every transform, so look at them with torch.func off.
        with torch._C._DisableFuncTorch():
            x = _unwrapped(x)
            # Subclasses that intercept operations stand for values they may not have; torch 2.11
            # compiles with one of them where is_compiling() is False.
            if x.is_meta or torch._C._dispatch_keys(x).has(torch._C.DispatchKey.Python):
                return None
            return x.detach() if x.is_cuda and stays else _values(x)

    def mapped(self, x: Any) -> tuple[int, ...]:
        return tuple(level for level, _ in _peeled(x)[1][::-1]) if self.is_array(x) else ()

    def is_traced(self, x: Any) -> bool:
        if not isinstance(x, torch.Tensor):
            return False
        if torch.compiler.is_compiling() or torch._C._functorch.is_functorch_wrapped_tensor(x):
            return True
        if x.requires_grad and torch.is_grad_enabled():
            return True
        return torch.autograd.forward_ad.unpack_dual(x).tangent is not None

    def facts(self, x: Any) -> Hashable | None:
        own = type(x) in _OWN and not x.is_meta
        return (x.shape, x.dtype, x.device, x.layout) if own else None

    def is_outermost(self) -> bool:
        return not (torch.compiler.is_compiling() or _compat.is_transformed())

    def at_hand(self, x: torch.Tensor) -> np.ndarray | None:
        if type(x) not in _OWN or (x.requires_grad and torch.is_grad_enabled()):
            return None
        if x.device.type != "cpu" or x.layout is not torch.strided or x.is_neg():
            return None
        return x.detach().numpy() if x.dtype in _AT_HAND else None

    def from_numpy(self, x: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(x)

    def surroundings(self, like: torch.Tensor) -> Hashable | None:
        if not self.is_outermost():
            return None
        # A tensor of inference mode is of no use elsewhere, nor one of a stream that has not run.
        stream = torch.cuda.current_stream(like.device).cuda_stream if like.is_cuda else 0
        return stream, torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    def on_device(self, x: torch.Tensor) -> bool:
        return x.is_cuda

    def stop_gradient(self, x: torch.Tensor) -> torch.Tensor:
        return x.detach()

    def index_add(self, x: torch.Tensor, index: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        shape = x.shape[:-1] + index.shape[-1:]
        return x.scatter_add(-1, index.long().expand(shape), values.to(x.dtype).expand(shape))

    def gather(self, x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        lead = index.shape[:-1]
        if x.shape[:-1] != lead:
            lead = torch.broadcast_shapes(x.shape[:-1], lead)
            x = x.expand(*lead, x.shape[-1])
        return torch.gather(x, -1, index.long().expand(*lead, index.shape[-1]))

    def jvp(self, function: Callable, primals: Any, tangents: Any) -> tuple[Any, Any]:
        if _compat.only_dual_numbers() or torch.compiler.is_compiling():
            # torch.func.jvp refuses to begin inside a level of torch.autograd.forward_ad, and fails
            # inside another while it is traced (torch 2.13: copies into expanded tensors). A
            # gradient is linear in its cotangent, and the transpose of that is the derivative.
            value, pull = torch.func.vjp(function, primals)[:2]
            push = torch.func.vjp(pull, self.tree_map(torch.zeros_like, value))[1]
            return value, push((tangents,))[0]
        # A dual number of an expanded tensor cannot be made.
        given = [self.tree_map(torch.Tensor.contiguous, part) for part in (primals, tangents)]
        found = torch.func.jvp(function, tuple(given[:1]), tuple(given[1:]))
        return found[0], found[1]

    def vjp(self, function: Callable, primals: Any) -> tuple[Any, Callable[[Any], Any]]:
        value, pull = torch.func.vjp(function, primals)[:2]
        return value, lambda bars: pull(bars)[0]

    def grad(self, function: Callable) -> Callable[[Any], Any]:
        return torch.func.grad(function)

    def can_tell_held(self) -> bool:
        # While a graph is traced nothing is held, and whoever compiles it decides what will be.
        return not torch.compiler.is_compiling()

    def held(self, function: Callable, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, int]:
        # Transforms, modes and levels of differentiation are a thread's: another one has none.
        with ThreadPoolExecutor(1) as other:
            return other.submit(held_bytes, function, shapes).result()

    def recomputes(self) -> bool:
        plain = torch._C._functorch.peek_interpreter_stack() is None
        return plain and not torch.compiler.is_compiling() and torch.is_grad_enabled()

    def recomputed(self, function: Callable, primals: Any) -> Any:
        if not self.recomputes():
            return function(primals)
        versions = _versions(primals)

        def of_the_same(given: Any) -> Any:
            # Autograd looks after what it saves itself, not after what is computed again.
            if _versions(given) != versions:
                raise RuntimeError(
                    "memory_limit: a model was changed in place between the call and its backward, "
                    "which computes with it again. Call backward before the change, or give a copy"
                )
            return function(given)

        return checkpoint(of_the_same, primals, use_reentrant=False, preserve_rng_state=False)

    def tap(self, tap: Any, arrays: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        if torch.compiler.is_compiling():
            raise NotImplementedError(NO_CALLBACKS)
        if tap.forward is not None:
            tap.forward(tuple(x.detach() for x in arrays))
        if tap.backward is None:
            return list(arrays)
        return list(_Tap.apply(tap.backward, *arrays))

    def split(self, x: torch.Tensor, sizes: Sequence[int], axis: int) -> list[torch.Tensor]:
        if len(sizes) == 1:
            return [x]  # the gradient of a view would be another array
        # Not torch.split: of views that come from one operation none may be changed in place.
        ends = itertools.accumulate(sizes)
        return [x.narrow(axis, end - n, n) for n, end in zip(sizes, ends, strict=True)]

    def pad_edge(self, x: torch.Tensor, widths: Widths) -> torch.Tensor:
        if self.is_traced(x) or not 1 <= len(widths) <= 3 or x.ndim != len(widths) + 1:
            return super().pad_edge(x, widths)
        # The same values in one pass; its gradient would be less exact, and on a GPU in any order.
        check_widths(x, widths)
        flat = [cells for pair in reversed(widths) for cells in pair]
        return torch.nn.functional.pad(x, flat, mode="replicate")

    def pad_zero(self, x: torch.Tensor, widths: Widths) -> torch.Tensor:
        check_widths(x, widths)
        return torch.nn.functional.pad(x, [cells for pair in reversed(widths) for cells in pair])


def _values(x: torch.Tensor) -> np.ndarray:
    """What a tensor holds; a negative may be one that has not been formed yet."""
    return x.detach().cpu().resolve_conj().resolve_neg().numpy()


def _versions(arrays: Any) -> list[int]:
    """How often each has been changed in place."""
    leaves = torch.utils._pytree.tree_leaves(arrays)
    return [x._version for x in leaves if not x.is_inference()]


class _Tap(torch.autograd.Function):
    """The identity, whose backward calls back."""

    @staticmethod
    def forward(hook: Any, *arrays: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(x.view_as(x) for x in arrays)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
        ctx.hook = inputs[0]
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, *bars: torch.Tensor) -> tuple:
        arrays = tuple(x.detach() for x in ctx.saved_tensors)
        ctx.hook(arrays, tuple(bar.detach() for bar in bars))
        return (None, *bars)


def _unwrapped(x: torch.Tensor) -> torch.Tensor:
    """The tensor inside the levels of torch.func and of forward-mode automatic differentiation.

    torch.func has no public way to reach the values; these names have been stable since 2.0.
    """
    x, mapped = _peeled(x)
    # Innermost wrapper first: each axis counts the axes of the tensor without those before it.
    for number, (_, axis) in enumerate(reversed(mapped)):
        x = x.movedim(number + axis, number)
    return x


def _peeled(x: torch.Tensor) -> tuple[torch.Tensor, list[tuple[int, int]]]:
    """The tensor inside all wrappers; level and axis of each ``vmap`` over which it is mapped,
    innermost first."""
    functorch, mapped = torch._C._functorch, []
    while functorch.is_functorch_wrapped_tensor(x):
        if functorch.is_batchedtensor(x):
            mapped.append((functorch.maybe_get_level(x), functorch.maybe_get_bdim(x)))
        x = functorch.get_unwrapped(x)
    return x, mapped
