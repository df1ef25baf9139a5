"""How much memory autograd holds for a function and its gradient, by looking on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils import _pytree
from torch.utils._python_dispatch import TorchDispatchMode


class _Onlooker(TorchDispatchMode):
    """Follows the memory that operations return for as long as something refers to it."""

    def __init__(self, known: list[torch.Tensor]):
        super().__init__()
        self.most = 0
        self._living: dict[int, tuple[StorageWeakRef, int]] = {}
        self._known = {x.untyped_storage()._cdata for x in known}

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        out = operation(*args, **(kwargs or {}))
        for x in _pytree.tree_leaves(out):
            if isinstance(x, torch.Tensor):
                storage = x.untyped_storage()
                self._living[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
        self.most = max(self.most, self.held())
        return out

    def ignore(self, x: torch.Tensor) -> None:
        """Count it no more."""
        self._known.add(x.untyped_storage()._cdata)

    def held(self) -> int:
        """Bytes that live now."""
        self._living = {k: v for k, v in self._living.items() if not v[0].expired()}
        return sum(size for k, (_, size) in self._living.items() if k not in self._known)


def held_bytes(function: Callable, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, int]:
    """Bytes between a function and its gradient, and at most; its result and that of the whole are
    not counted, nor the cotangent."""
    # Of four bytes, by which the callers count, whatever the default is.
    given = {
        name: torch.ones(shape, dtype=torch.float32, requires_grad=True)
        for name, shape in shapes.items()
    }
    with _Onlooker(list(given.values())) as onlooker:
        result = function(given)
        before, onlooker.most = onlooker.most - result.untyped_storage().nbytes(), 0
        onlooker.ignore(result)
        between = onlooker.held()
        cotangent = torch.ones_like(result)
        onlooker.ignore(cotangent)
        torch.autograd.grad(result, list(given.values()), cotangent)
    return between, max(before, onlooker.most)
