"""The JAX form of :class:`dualwave.framework.Framework`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..framework import Framework, Widths, check_widths

_OF_NEW_ARRAYS = ("jax_enable_x64", "jax_default_device")


class JaxFramework(Framework):
    """JAX arrays, traced or not. Every method works under jit, vmap, grad and jvp."""

    name = "jax"
    xp = jnp

    def is_array(self, x: Any) -> bool:
        return isinstance(x, jax.Array)

    def asarray(self, x: Any, dtype: Any = None, like: jax.Array | None = None) -> jax.Array:
        if dtype is None and like is not None:
            dtype = like.dtype
        if dtype is not None and np.dtype(dtype).name in ("float64", "complex128"):
            require_x64()
        return jnp.asarray(x, dtype=dtype)

    def concrete(self, x: Any) -> np.ndarray | None:
        if isinstance(x, jax.core.Tracer):
            # Under grad and jvp alone this takes off the derivative and leaves a known value.
            x = jax.lax.stop_gradient(x)
        return None if isinstance(x, jax.core.Tracer) else np.asarray(x)

    def is_traced(self, x: Any) -> bool:
        return isinstance(x, jax.core.Tracer)

    def facts(self, x: Any) -> Hashable | None:
        if not self.is_array(x) or self.is_traced(x):
            return None
        return x.shape, x.dtype, x.weak_type, x.committed, x.sharding

    def is_outermost(self) -> bool:
        return not self.is_traced(jnp.zeros(()))

    def at_hand(self, x: jax.Array) -> np.ndarray | None:
        if self.is_traced(x) or x.committed or self.on_device(x):
            return None
        return np.asarray(x)

    def surroundings(self, like: jax.Array) -> Hashable | None:
        return tuple(getattr(jax.config, name) for name in _OF_NEW_ARRAYS)

    def on_device(self, x: jax.Array) -> bool:
        platform = jax.default_backend() if self.is_traced(x) else next(iter(x.devices())).platform
        return platform == "gpu"

    def reuses_memory(self) -> bool:
        return False  # XLA on a CPU takes large results from the system at every call

    def stop_gradient(self, x: jax.Array) -> jax.Array:
        return jax.lax.stop_gradient(x)

    def index_add(self, x: jax.Array, index: jax.Array, values: jax.Array) -> jax.Array:
        rows, taps = math.prod(x.shape[:-1]), index.shape[-1]
        shape = (*x.shape[:-1], taps)
        where = jnp.broadcast_to(index, shape).reshape(rows, taps)
        amounts = jnp.broadcast_to(values, shape).reshape(rows, taps).astype(x.dtype)
        flat = x.reshape(rows, x.shape[-1])
        return flat.at[jnp.arange(rows)[:, None], where].add(amounts).reshape(x.shape)

    def gather(self, x: jax.Array, index: jax.Array) -> jax.Array:
        lead = jnp.broadcast_shapes(x.shape[:-1], index.shape[:-1])
        x = jnp.broadcast_to(x, lead + x.shape[-1:])
        return jnp.take_along_axis(x, jnp.broadcast_to(index, lead + index.shape[-1:]), axis=-1)

    def jvp(self, function: Callable, primals: Any, tangents: Any) -> tuple[Any, Any]:
        return jax.jvp(function, (primals,), (tangents,))

    def vjp(self, function: Callable, primals: Any) -> tuple[Any, Callable[[Any], Any]]:
        value, pull = jax.vjp(function, primals)
        return value, lambda bars: pull(bars)[0]

    def grad(self, function: Callable) -> Callable[[Any], Any]:
        return jax.grad(function)

    def can_tell_held(self) -> bool:
        return True

    def held(self, function: Callable, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, int]:
        """What XLA's block of temporary memory has beside three arrays like the result: itself, its
        cotangent and a state. Under a limit the core's workspace is not there at the same time, and
        no more was measured than the rest."""
        given = {name: jax.ShapeDtypeStruct(n, np.float32) for name, n in shapes.items()}

        def run(models: Any, rounds: jax.Array) -> Any:
            value, pull = jax.vjp(function, models)

            # Stands for the core: a loop that XLA does not see through.
            def step(_: Any, pair: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
                return pair[0], pair[0] + pair[1]

            return pull(jax.lax.fori_loop(0, rounds, step, (value, jnp.zeros_like(value)))[1])

        rounds = jax.ShapeDtypeStruct((), np.int32)
        known = jax.jit(run).lower(given, rounds).compile().memory_analysis()
        temporary = known.temp_size_in_bytes if known else 0
        result = 4 * jax.eval_shape(function, given).size
        return 0, max(0, temporary - 3 * result)

    def tap(self, tap: Any, arrays: Sequence[jax.Array]) -> list[jax.Array]:
        def call(hook: Any, *parts: Any) -> None:
            # Ordered, so that callbacks come in the order of time under jit too.
            jax.debug.callback(lambda *x: hook(*_on_host(x)), *parts, ordered=True)

        if tap.forward is not None:
            call(tap.forward, tuple(map(jax.lax.stop_gradient, arrays)))
        if tap.backward is None:
            return list(arrays)

        @jax.custom_vjp
        def identity(given: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
            return given

        def backward(given: tuple[jax.Array, ...], bars: tuple[jax.Array, ...]) -> tuple:
            call(tap.backward, given, bars)
            return (bars,)

        identity.defvjp(lambda given: (given, given), backward)
        return list(identity(tuple(arrays)))

    def split(self, x: jax.Array, sizes: Sequence[int], axis: int) -> list[jax.Array]:
        # The transpose is one concatenation. That of slices, a sum of arrays padded by zeros, is
        # wrong where the cotangents of equal parts are sums over another axis: XLA for CPUs makes
        # one kernel of it, which leaves the zeros unwritten (jaxlib 0.10.2; see
        # jax-ml/jax#39103, #39257).
        return jnp.split(x, list(itertools.accumulate(sizes))[:-1], axis=axis) if sizes else []

    def scan(self, step: Callable, carry: Any, xs: Any) -> tuple[Any, Any]:
        return jax.lax.scan(step, carry, xs)

    def pad_zero(self, x: jax.Array, widths: Widths) -> jax.Array:
        check_widths(x, widths)
        return jnp.pad(x, [(0, 0)] * (x.ndim - len(widths)) + [tuple(pair) for pair in widths])


def _on_host(arrays: Any) -> Any:
    return jax.tree.map(np.asarray, arrays)


def require_x64() -> None:
    """Raise where JAX would silently turn float64 into float32."""
    if jax.dtypes.canonicalize_dtype("float64") != np.float64:
        raise TypeError(
            "float64 was asked for, but JAX makes it float32 by default: call "
            'jax.config.update("jax_enable_x64", True) at the start of the program, or set the '
            "environment variable JAX_ENABLE_X64=1"
        )
