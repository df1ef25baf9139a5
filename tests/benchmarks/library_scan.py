"""A time loop as one writes it by hand in JAX: ``lax.scan`` over slices, a damping layer as PML.

Like Devito's, the layer is cheaper to compute than a PML, and its records are not the same.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from cases import DT, MAX_SPEED, SPACING, Case, make_problem
from compiled import Compiled

_SECOND = (-5 / 2, 4 / 3, -1 / 12)


class Run(Compiled):
    def __init__(self, library: str, case: Case):
        if case.work not in ("forward", "gradient") or (case.ndim, case.accuracy) != (2, 4):
            raise NotImplementedError("forward and gradient in 2-D, order 4")
        self.version = f"JAX {jax.__version__}"
        problem = make_problem(case)
        damping = jnp.asarray(_damping(case.shape, case.pml))
        march = partial(_march, case.pml, damping)
        shots = jax.vmap(march, in_axes=(None, 0, 0, 0))
        super().__init__(case.work, shots, problem.models["v"], *_points(problem))


def _points(problem: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return problem.amplitudes[:, 0], problem.sources[:, 0], problem.receivers


def _march(
    width: int,
    damping: jax.Array,
    speed: jax.Array,
    amplitudes: jax.Array,
    source: jax.Array,
    receivers: jax.Array,
) -> jax.Array:
    """Records [Nr, nt] of one shot."""
    c = jnp.pad(speed, width, mode="edge") ** 2 * DT**2
    row, column = source + width
    rows, columns = receivers.T + width

    def step(fields: tuple[jax.Array, jax.Array], amplitude: jax.Array) -> Any:
        u, before = fields
        after = (2 - damping) * u - (1 - damping) * before + c * _laplacian(u)
        after = after.at[row, column].add(-c[row, column] * amplitude)
        return (after, u), u[rows, columns]

    silence = jnp.zeros_like(c)
    return jax.lax.scan(step, (silence, silence), amplitudes)[1].T


def _laplacian(u: jax.Array) -> jax.Array:
    rows, columns = u.shape
    wide = jnp.pad(u, 2)
    total = 2 * _SECOND[0] * u
    for distance, weight in enumerate(_SECOND[1:], start=1):
        for shift in (2 - distance, 2 + distance):
            total += weight * wide[shift : shift + rows, 2 : 2 + columns]
            total += weight * wide[2 : 2 + rows, shift : shift + columns]
    return total / SPACING**2


def _damping(shape: tuple[int, ...], width: int) -> np.ndarray:
    """Of the padded grid: what a step takes off, growing with the square of the depth."""
    most = 3 * np.log(1000.0) * MAX_SPEED * DT / (width * SPACING)
    total = np.zeros([n + 2 * width for n in shape], np.float32)
    for axis, n in enumerate(total.shape):
        cell = np.arange(n)
        depth = np.clip(width - np.minimum(cell, n - 1 - cell), 0, None) / width
        total += (most * depth**2).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return total
