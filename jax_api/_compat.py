"""What is not in JAX's stable public interface, in one place. Tried with JAX 0.10.2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir, partial_eval

__all__ = [
    "Primitive",
    "ad",
    "batching",
    "mlir",
    "partial_eval",
    "result_like",
    "same_varying",
    "zero_tangent",
]


def same_varying(arrays: Sequence[Any]) -> list[jax.Array]:
    """The arrays, all varying over the mesh axes that any of them varies over.

    Inside ``shard_map`` an operation wants that of its operands, and JAX does not see to it for
    primitives that are not its own. The transpose of the cast sums over the axes, which is what
    makes the gradient of a replicated model right. Outside ``shard_map`` nothing happens.
    """
    arrays = [jax.numpy.asarray(x) for x in arrays]
    axes = [jax.typeof(x).manual_axis_type.varying for x in arrays]
    union = frozenset().union(*axes)
    return [
        jax.lax.pcast(x, tuple(sorted(union - own)), to="varying") if union - own else x
        for x, own in zip(arrays, axes, strict=True)
    ]


def result_like(aval: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """The abstract value of a result that varies over the same mesh axes as the operand ``aval``.

    A fresh one would not vary, and inside ``shard_map`` gradients would silently not be summed.
    """
    # The operand's sharding has a rank of its own.
    whole = jax.sharding.PartitionSpec(*(None,) * len(shape))
    sharding = jax.sharding.NamedSharding(aval.sharding.mesh, whole)
    return aval.update(shape=shape, dtype=np.dtype(dtype), weak_type=False, sharding=sharding)


def zero_tangent(x: Any) -> Any:
    """The symbolic zero in the tangent space of ``x``."""
    return ad.Zero(jax.typeof(x).to_tangent_aval())
