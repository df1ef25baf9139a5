"""dualwave.jax under jit, compiled ahead, so that no call includes compilation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from cases import DT, SPACING, Case, keywords, make_problem, result_name

import dualwave.jax


class Run:
    """One case; calling it does the work once and waits for it to end."""

    def __init__(self, library: str, case: Case):
        device = jax.devices(case.device)[0]
        self.version = f"{dualwave.__version__}, JAX {jax.__version__}"
        if case.nt > case.tiny().nt:
            Run(library, case.tiny())()
        problem, propagator = make_problem(case), getattr(dualwave.jax, case.equation)
        given = keywords(case, problem)
        name = next(k for k in given if k.startswith("source_amplitudes"))
        amplitudes = given.pop(name)

        def records(models: dict, amplitudes: jax.Array) -> jax.Array:
            signal = {name: amplitudes}
            out = propagator(**models, grid_spacing=SPACING, dt=DT, **signal, **given)
            return getattr(out, result_name(case))

        def misfit(models: dict, amplitudes: jax.Array) -> jax.Array:
            return jnp.sum(records(models, amplitudes) ** 2)

        self.inputs = jax.device_put((problem.models, amplitudes), device)
        self.order = list(problem.models) if case.gradient else []
        function = jax.jit(jax.grad(misfit) if case.gradient else records)
        self.compiled = function.lower(*self.inputs).compile()

    def __call__(self) -> list[jax.Array]:
        found = jax.block_until_ready(self.compiled(*self.inputs))
        return [found[name] for name in self.order] if self.order else [found]

    @staticmethod
    def to_numpy(result: list[jax.Array]) -> list[np.ndarray]:
        return [np.asarray(x) for x in result]
