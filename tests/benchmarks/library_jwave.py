"""j-Wave: first-order acoustics, by finite differences of the same order, with its own PML."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from cases import DT, SPACING, Case, make_problem
from jaxdf import FiniteDifferences
from jwave.acoustics import simulate_wave_propagation
from jwave.geometry import Domain, Medium, Sources, TimeAxis


class Run:
    """One case of one shot, compiled ahead; calling it waits for its end."""

    def __init__(self, library: str, case: Case):
        if case.work not in ("forward", "gradient") or case.equation != "scalar" or case.shots > 1:
            raise NotImplementedError("forward and gradient of one shot in a fluid")
        self.work = case.work
        self.version = f"{version('jwave')}, JAX {jax.__version__}"
        problem, width = make_problem(case), case.pml
        domain = Domain(tuple(n + 2 * width for n in case.shape), (SPACING,) * case.ndim)
        time = TimeAxis(DT, DT * (case.nt - 0.5))
        source = tuple(problem.sources[0].T + width)
        receivers = tuple(problem.receivers[0].T + width)

        def records(speed: jax.Array, amplitudes: jax.Array) -> jax.Array:
            wide = jnp.pad(speed, width, mode="edge")[..., None]
            field = FiniteDifferences(wide, domain, accuracy=case.accuracy)
            medium = Medium(domain=domain, sound_speed=field, pml_size=width)
            return simulate_wave_propagation(
                medium,
                time,
                sources=Sources(source, amplitudes, DT, domain),
                sensors=lambda p, u, rho: p.on_grid[(*receivers, 0)],
            )

        def misfit(*inputs: jax.Array) -> jax.Array:
            return jnp.sum(records(*inputs) ** 2)

        works: dict[str, Any] = {"forward": records, "gradient": jax.grad(misfit)}
        self.inputs = jnp.asarray(problem.models["v"]), jnp.asarray(problem.amplitudes[0])
        self.compiled = jax.jit(works[case.work]).lower(*self.inputs).compile()

    def __call__(self) -> jax.Array:
        return jax.block_until_ready(self.compiled(*self.inputs))

    def to_numpy(self, result: jax.Array) -> list[np.ndarray]:
        return [np.asarray(result.T[None] if self.work == "forward" else result)]
