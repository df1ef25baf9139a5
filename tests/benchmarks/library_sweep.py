"""SWEEP's propagator for JAX: the same scheme, plain ``lax.scan``, its default checkpoints."""

from __future__ import annotations

from importlib.metadata import version

import jax
import jax.numpy as jnp
from cases import DT, SPACING, Case, make_problem
from compiled import Compiled
from sweep.equations import Acoustic
from sweep.propagator.jax import PropJax


class Run(Compiled):
    def __init__(self, library: str, case: Case):
        if case.work not in ("forward", "gradient") or (case.equation, case.ndim) != ("scalar", 2):
            raise NotImplementedError("forward and gradient of the scalar equation in 2-D")
        self.version = f"{version('sweep-solver')}, JAX {jax.__version__}"
        problem = make_problem(case)
        propagator = PropJax(
            Acoustic(spatial_order=case.accuracy, backend="jax"),
            case.shape,
            abcn=case.pml,
            dh=SPACING,
            dt=DT,
            nt=case.nt,
            B=case.shots,
            source_type=["h1"],
            receiver_type=["h1"],
        )
        # Points are (x, z), as its examples have them.
        sources, receivers = problem.sources[:, 0, ::-1].copy(), problem.receivers[..., ::-1].copy()

        def records(speed: jax.Array, amplitudes: jax.Array) -> jax.Array:
            found = propagator(amplitudes, sources, receivers, models=[speed])
            return jnp.swapaxes(found[..., 0], 1, 2)

        amplitudes = problem.amplitudes[0, 0]
        super().__init__(case.work, records, problem.models["v"], amplitudes)
