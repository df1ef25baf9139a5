"""j-Wave: first-order acoustics, by finite differences of the same order, with its own PML."""

from __future__ import annotations

from importlib.metadata import version

import jax
import jax.numpy as jnp
from cases import DT, SPACING, Case, make_problem
from compiled import Compiled
from jaxdf import FiniteDifferences
from jwave.acoustics import simulate_wave_propagation
from jwave.geometry import Domain, Medium, Sources, TimeAxis


class Run(Compiled):
    """One case of one shot."""

    def __init__(self, library: str, case: Case):
        if case.work not in ("forward", "gradient") or case.equation != "scalar" or case.shots > 1:
            raise NotImplementedError("forward and gradient of one shot in a fluid")
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
            found = simulate_wave_propagation(
                medium,
                time,
                sources=Sources(source, amplitudes, DT, domain),
                sensors=lambda p, u, rho: p.on_grid[(*receivers, 0)],
            )
            return found.T[None]

        amplitudes = problem.amplitudes[0]
        super().__init__(case.work, records, problem.models["v"], amplitudes)
