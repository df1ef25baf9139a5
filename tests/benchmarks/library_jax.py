"""dualwave.jax under jit, compiled ahead, so that no call includes compilation."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from cases import DT, SPACING, Case, direction, keywords, make_problem, result_name

import dualwave.jax


class Run:
    """One case; calling it does the work once and waits for it to end."""

    def __init__(self, library: str, case: Case):
        device = jax.devices(case.device)[0]
        self.version = f"{dualwave.__version__}, JAX {jax.__version__}"
        if case.nt > case.tiny().nt:
            Run(library, case.tiny())()
        problem, propagator = make_problem(case), getattr(dualwave.jax, case.equation)
        given = keywords(case, problem) | {"backend": library.partition(":")[2] or "compiled"}
        given |= case.own_keywords
        name = next(k for k in given if k.startswith("source_amplitudes"))
        amplitudes = given.pop(name)

        def records(models: dict, amplitudes: jax.Array) -> jax.Array:
            signal = {name: amplitudes}
            out = propagator(**models, grid_spacing=SPACING, dt=DT, **signal, **given)
            return getattr(out, result_name(case))

        def misfit(models: dict, amplitudes: jax.Array) -> jax.Array:
            return jnp.sum(records(models, amplitudes) ** 2)

        self.inputs = jax.device_put((problem.models, amplitudes), device)
        self.order = list(problem.models) if case.by_model else []
        turned = jax.device_put(direction(problem), device)

        def jvp(function: Any, models: dict, amplitudes: jax.Array) -> Any:
            return jax.jvp(lambda models: function(models, amplitudes), (models,), (turned,))[1]

        works = {
            "forward": records,
            "gradient": jax.grad(misfit),
            "jvp": partial(jvp, records),
            "hvp": partial(jvp, jax.grad(misfit)),
        }
        function = jax.jit(works[case.work])
        self.compiled = function.lower(*self.inputs).compile()

    def __call__(self) -> list[jax.Array]:
        found = jax.block_until_ready(self.compiled(*self.inputs))
        return [found[name] for name in self.order] if self.order else [found]

    @staticmethod
    def to_numpy(result: list[jax.Array]) -> list[np.ndarray]:
        return [np.asarray(x) for x in result]
