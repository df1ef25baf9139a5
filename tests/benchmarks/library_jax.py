"""dualwave.jax under jit, compiled ahead, so that no call includes compilation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from cases import DT, MAX_SPEED, PEAK_FREQUENCY, SPACING, Case, make_problem

import dualwave.jax


class Run:
    """One case; calling it does the work once and waits for it to end."""

    def __init__(self, library: str, case: Case):
        device = jax.devices(case.device)[0]
        self.version = f"{dualwave.__version__}, JAX {jax.__version__}"
        if case.nt > case.tiny().nt:
            Run(library, case.tiny())()
        problem = make_problem(case)
        keywords = {
            "source_locations": problem.sources,
            "receiver_locations": problem.receivers,
            "accuracy": case.accuracy,
            "pml_width": case.pml,
            "pml_freq": PEAK_FREQUENCY,
            "max_vel": MAX_SPEED,
            "backend": "compiled",
        }

        def records(speed: jax.Array, amplitudes: jax.Array) -> jax.Array:
            out = dualwave.jax.scalar(speed, SPACING, DT, source_amplitudes=amplitudes, **keywords)
            return out[-1]

        def misfit(speed: jax.Array, amplitudes: jax.Array) -> jax.Array:
            return jnp.sum(records(speed, amplitudes) ** 2)

        self.inputs = jax.device_put((problem.speed, problem.amplitudes), device)
        function = jax.jit(jax.grad(misfit) if case.gradient else records)
        self.compiled = function.lower(*self.inputs).compile()

    def __call__(self) -> jax.Array:
        return jax.block_until_ready(self.compiled(*self.inputs))

    @staticmethod
    def to_numpy(result: jax.Array) -> np.ndarray:
        return np.asarray(result)
