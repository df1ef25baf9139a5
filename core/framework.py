"""The few operations in which NumPy, PyTorch and JAX differ, behind one small protocol.

Everything else in the package is written once against the array API namespace ``framework.xp``.
This module holds the protocol and its NumPy form; the others are ``dualwave.torch.framework`` and
``dualwave.jax.framework``, so that importing this one loads neither PyTorch nor JAX.
"""

from __future__ import annotations

import abc
import functools
import itertools
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

Array = Any
"""An array of whichever framework is in use."""

Widths = Sequence[tuple[int, int]]
"""Cells before and after, one pair for each of the trailing axes, slowest axis first."""


@functools.cache
def dtype_name(dtype: Any) -> str:
    """The name of a dtype of any framework, "float32" for instance; NumPy takes long to say it."""
    return str(dtype).rsplit(".", 1)[-1]


class Framework(abc.ABC):
    """Arrays of one framework. No method changes its arguments; all keep derivatives unless said.

    Attributes:
        name: "numpy", "torch" or "jax".
        xp: the array API namespace.
    """

    name: str
    xp: ModuleType

    @abc.abstractmethod
    def is_array(self, x: Any) -> bool:
        """Whether ``x`` is an array of this framework (a traced one included)."""

    @abc.abstractmethod
    def asarray(self, x: Any, dtype: Any = None, like: Array | None = None) -> Array:
        """``x`` as an array; a copy is made only where dtype or device require it.

        Args:
            x: an array, a NumPy array, a number, or nested sequences of numbers.
            dtype: a name such as "float32", or one of the framework's dtypes.
            like: an array that gives the device and, when ``dtype`` is not given, the dtype.
        """

    @abc.abstractmethod
    def concrete(self, x: Any) -> np.ndarray | None:
        """The values of ``x`` as a NumPy array without derivatives, or None where unknown.

        Values are unknown under ``jax.jit``, ``jax.vmap`` and ``torch.compile``. Under
        ``torch.func.vmap`` they are known, with one leading axis more for each mapped level.
        """

    def known(self, x: Any) -> Any:
        """As :meth:`concrete`, but what is on a GPU may stay there: for looking at large arrays."""
        return self.concrete(x)

    def mapped(self, x: Any) -> tuple[int, ...]:
        """Levels of ``vmap`` over which an array is mapped whose values are known, outermost first:
        of the axes that :meth:`concrete` puts before the array's own."""
        return ()

    @abc.abstractmethod
    def is_traced(self, x: Any) -> bool:
        """Whether ``x`` stands for more than its values: a derivative, a mapped axis or a trace.

        Where False, code may branch on the values of ``x``; where True, a branch could cut off a
        derivative, even if :meth:`concrete` knows the values.
        """

    def facts(self, x: Any) -> Hashable | None:
        """Shape, dtype and place of an array with values of its own, all but which these tell; None
        for everything else. It may be differentiated."""
        return None

    def is_outermost(self) -> bool:
        """Whether no transform, trace or mode is active that could see operations or arrays."""
        return False

    def at_hand(self, x: Array) -> np.ndarray | None:
        """The memory of an array as NumPy's, where :meth:`is_outermost` holds; None if it is
        differentiated, or not in the processor's memory."""
        return None

    def from_numpy(self, x: np.ndarray) -> Array:
        """An array of NumPy's own, which nobody else changes, as the framework's; without a copy
        where that may be."""
        return self.asarray(x)

    def surroundings(self, like: Array) -> Hashable | None:
        """What arrays depend on that are made here like this one; None where they may belong to a
        transform or a trace."""
        return None

    def on_device(self, x: Array) -> bool:
        """Whether the array is on a GPU, or will be where it is traced."""
        return False

    @abc.abstractmethod
    def stop_gradient(self, x: Array) -> Array:
        """``x`` as a constant."""

    @abc.abstractmethod
    def index_add(self, x: Array, index: Array, values: Array) -> Array:
        """``x`` with ``values`` added at ``index`` along the last axis; repeated indices add up.

        Args:
            x: [..., L].
            index: [..., P] integers in 0 .. L - 1.
            values: [..., P]. Leading axes of ``index`` and ``values`` broadcast to those of ``x``.
        """

    @abc.abstractmethod
    def gather(self, x: Array, index: Array) -> Array:
        """[..., P] values of ``x`` [..., L] at ``index`` [..., P]; leading axes broadcast."""

    def split(self, x: Array, sizes: Sequence[int], axis: int) -> list[Array]:
        """All of ``x``, in consecutive parts of the given sizes along ``axis``."""
        return slices(x, sizes, axis)

    @abc.abstractmethod
    def pad_zero(self, x: Array, widths: Widths) -> Array:
        """``x`` [..., *space] continued by zeros; negative widths are refused."""

    def jvp(self, function: Callable, primals: Any, tangents: Any) -> tuple[Any, Any]:
        """``function(primals)`` and its derivative in the direction ``tangents``.

        Args:
            function: takes and returns an array, or a tuple or dict of arrays.
            primals, tangents: of the same structure and shapes.
        """
        raise NotImplementedError(f"{self.name} has no automatic differentiation")

    def vjp(self, function: Callable, primals: Any) -> tuple[Any, Callable[[Any], Any]]:
        """``function(primals)``, and the function that takes cotangents of it back to primals."""
        raise NotImplementedError(f"{self.name} has no automatic differentiation")

    def grad(self, function: Callable) -> Callable[[Any], Any]:
        """The gradient of a number as a function of primals."""
        raise NotImplementedError(f"{self.name} has no automatic differentiation")

    def reuses_memory(self) -> bool:
        """Whether what the core leaves for a gradient on a CPU lies in memory that was used
        before: fresh pages may take longer to touch than a step of the march."""
        return True

    def can_tell_held(self) -> bool:
        """Whether :meth:`held` says something here."""
        return False

    def held(self, function: Callable, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, int]:
        """Bytes of arrays that the framework holds for a function of arrays by name, and for its
        gradient, beside the result and its cotangent: between the two, and at most. It is called
        with arrays of ones."""
        raise NotImplementedError(f"{self.name} does not tell what it holds")

    def recomputes(self) -> bool:
        """Whether :meth:`recomputed` does so here."""
        return False

    def recomputed(self, function: Callable, primals: Any) -> Any:
        """``function(primals)``, of which the framework keeps nothing for a derivative that comes
        later, where it has a way to: it computes it again then."""
        return function(primals)

    def tree_map(self, function: Callable, first: Any, *rest: Any) -> Any:
        """``function`` of the arrays of nests of one structure, as such a nest."""
        return _map_leaves(function, first, *rest)

    def tap(self, tap: Any, arrays: Sequence[Array]) -> list[Array]:
        """The arrays as they are, with hooks called where they pass.

        Args:
            tap: an object with two attributes. forward: None, or a function of the tuple of arrays
                that is called when they are computed; backward: None, or a function of the arrays
                and of the cotangents, called when those have come back.
        """
        if tap.forward is not None:
            tap.forward(tuple(arrays))
        return list(arrays)

    def scan(self, step: Callable, carry: Any, xs: Any) -> tuple[Any, Any]:
        """``carry, y = step(carry, x)`` for each entry of ``xs`` along its first axis, in order.

        Args:
            step: takes and returns nests of tuples and dicts of arrays; ``y`` may be None.
            carry: what the first step gets; every step returns the same shapes and dtypes.
            xs: an array [nt, ...], or a tuple or dict of such arrays; nt of one or more.

        Returns:
            The last carry, and every ``y`` stacked along a new first axis.
        """
        length = _first_leaf(xs).shape[0]
        if length == 0:
            raise ValueError("scan needs one step or more, but xs has a first axis of length 0")
        ys = []
        for i in range(length):
            carry, y = step(carry, _map_leaves(lambda x, i=i: x[i, ...], xs))
            ys.append(y)
        return carry, _map_leaves(lambda *leaves: self.xp.stack(leaves), *ys)

    def dtype(self, name: str) -> Any:
        """The framework's dtype of this name."""
        return getattr(self.xp, name)

    def dtype_name(self, x: Array) -> str:
        """The name of the dtype of ``x``, "float32" for instance."""
        return dtype_name(x.dtype)

    def pad_edge(self, x: Array, widths: Widths) -> Array:
        """``x`` [..., *space] continued by its edge values; negative widths are refused."""
        # Parts and their concatenation, not indexing: the transpose is a sum in a fixed order on
        # every device, of parts that are put together again, where one of slices adds up grids.
        check_widths(x, widths)
        for axis, (low, high) in enumerate(widths, start=x.ndim - len(widths)):
            if low or high:
                inner = x.shape[axis] - 2
                parts = self.split(x, [1, inner, 1] if inner > 0 else [1] * (inner + 2), axis)
                times = [1] * len(parts)
                times[0] += low
                times[-1] += high
                repeated = [
                    self._repeat(part, n, axis) for part, n in zip(parts, times, strict=True)
                ]
                x = self.xp.concat(repeated, axis=axis)
        return x

    def _repeat(self, x: Array, times: int, axis: int) -> Array:
        shape = (*x.shape[:axis], times, *x.shape[axis + 1 :])
        return x if times == 1 else self.xp.broadcast_to(x, shape)


class NumpyFramework(Framework):
    """NumPy: the oracle. float32, float64, and complex dtypes for complex-step derivatives."""

    name = "numpy"
    xp = np  # which has the names of the array API; array_api_compat's would load all of NumPy

    def is_array(self, x: Any) -> bool:
        return isinstance(x, (np.ndarray, np.generic))

    def asarray(self, x: Any, dtype: Any = None, like: Array | None = None) -> np.ndarray:
        if dtype is None and like is not None:
            dtype = like.dtype
        return np.asarray(x, dtype=dtype)

    def concrete(self, x: Any) -> np.ndarray:
        return np.asarray(x)

    def is_traced(self, x: Any) -> bool:
        return np.iscomplexobj(x)  # a complex step

    def stop_gradient(self, x: Array) -> np.ndarray:
        return x

    def facts(self, x: Any) -> Hashable | None:
        return (x.shape, x.dtype) if type(x) is np.ndarray else None

    def surroundings(self, like: Array) -> Hashable | None:
        return ()

    def index_add(self, x: Array, index: Array, values: Array) -> np.ndarray:
        out = np.array(x, dtype=np.result_type(x, values))
        rows, taps = math.prod(x.shape[:-1]), index.shape[-1]
        where = np.broadcast_to(index, (*x.shape[:-1], taps)).reshape(rows, taps)
        amounts = np.broadcast_to(values, (*x.shape[:-1], taps)).reshape(rows, taps)
        # reshape of a fresh contiguous array is a view, so `out` itself is added to.
        np.add.at(out.reshape(rows, x.shape[-1]), (np.arange(rows)[:, None], where), amounts)
        return out

    def gather(self, x: Array, index: Array) -> np.ndarray:
        if x.size == x.shape[-1] and x.ndim <= index.ndim:  # one row for all
            return x.reshape(-1).take(index)
        if x.shape[:-1] != index.shape[:-1]:
            lead = np.broadcast_shapes(x.shape[:-1], index.shape[:-1])
            x = np.broadcast_to(x, lead + x.shape[-1:])
            index = np.broadcast_to(index, lead + index.shape[-1:])
        return np.take_along_axis(x, index, axis=-1)

    def pad_zero(self, x: Array, widths: Widths) -> np.ndarray:
        return _padded(x, widths)[0]

    def pad_edge(self, x: Array, widths: Widths) -> np.ndarray:
        out, inner = _padded(x, widths)
        for axis, cells in enumerate(inner[1:], start=x.ndim - len(widths)):
            head = (slice(None),) * axis
            first, last = cells.start, cells.stop
            out[(*head, slice(0, first))] = out[(*head, slice(first, first + 1))]
            out[(*head, slice(last, None))] = out[(*head, slice(last - 1, last))]
        return out


def _padded(x: np.ndarray, widths: Widths) -> tuple[np.ndarray, tuple[Any, ...]]:
    """``x`` among zeros, and where it is."""
    check_widths(x, widths)
    lead = x.ndim - len(widths)
    pairs = list(zip(x.shape[lead:], widths, strict=True))
    out = np.zeros((*x.shape[:lead], *(n + lo + hi for n, (lo, hi) in pairs)), x.dtype)
    inner: Any = (..., *(slice(lo, lo + n) for n, (lo, _) in pairs))
    out[inner] = x
    return out, inner


def slices(x: Array, sizes: Sequence[int], axis: int) -> list[Array]:
    """As :meth:`Framework.split`, of an array of any framework; in JAX not to be differentiated."""
    head, ends = (slice(None),) * axis, itertools.accumulate(sizes)
    return [x[(*head, slice(end - n, end))] for n, end in zip(sizes, ends, strict=True)]


def check_widths(x: Array, widths: Widths) -> None:
    """Raise unless ``widths`` are pairs of 0 or more for axes that ``x`` has."""
    if len(widths) > x.ndim:
        raise ValueError(f"widths for {len(widths)} axes, but the array has {x.ndim}")
    if any(cells < 0 for pair in widths for cells in pair):
        raise ValueError(f"widths must be 0 or more, got {list(widths)}")


def _map_leaves(function: Callable, first: Any, *rest: Any) -> Any:
    """Apply ``function`` across nests of tuples and dicts of one structure; None stays None."""
    if first is None:
        return None
    if isinstance(first, dict):
        return {k: _map_leaves(function, first[k], *(r[k] for r in rest)) for k in first}
    if isinstance(first, (tuple, list)):
        parts = [_map_leaves(function, *leaves) for leaves in zip(first, *rest, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    return function(first, *rest)


def _first_leaf(nest: Any) -> Array:
    while isinstance(nest, (dict, tuple, list)):
        nest = next(iter(nest.values() if isinstance(nest, dict) else nest))
    return nest
