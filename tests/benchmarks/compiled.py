"""What the time loops of others in JAX share: one case, compiled ahead."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np


class Compiled:
    """Calling it does the work once and waits for it to end."""

    def __init__(self, work: str, records: Callable[..., jax.Array], *inputs: np.ndarray):
        """
        work: "forward", or "gradient" of the sum of the squared records by the first input.
        records: [shots, Nr, nt] of the inputs.
        """

        def misfit(*inputs: jax.Array) -> jax.Array:
            return jnp.sum(records(*inputs) ** 2)

        works = {"forward": records, "gradient": jax.grad(misfit)}
        self.inputs = [jnp.asarray(x) for x in inputs]
        self.compiled = jax.jit(works[work]).lower(*self.inputs).compile()

    def __call__(self) -> jax.Array:
        return jax.block_until_ready(self.compiled(*self.inputs))

    @staticmethod
    def to_numpy(result: jax.Array) -> list[np.ndarray]:
        return [np.asarray(result)]
