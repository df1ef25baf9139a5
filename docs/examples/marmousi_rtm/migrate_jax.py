"""Both images in JAX: line for line as in migrate_torch.py."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from problem import LEAST_ILLUMINATION, Problem, Result
from tqdm import tqdm

from dualwave.jax import scalar, scalar_born


class Survey:
    """All shots: their records, and the linear map from a perturbation of the speed to records."""

    def __init__(self, problem: Problem) -> None:
        self.background = jnp.asarray(problem.background)
        self.grid = (problem.settings.spacing, problem.dt)
        self.options = problem.options
        self.calls = [
            {name: jnp.asarray(array) for name, array in call.items()} for call in problem.calls()
        ]
        self.model = jax.jit(self._model)
        self.migrate = jax.jit(self._migrate)

    def record(self, speed: jax.Array) -> jax.Array:
        """[shot, receiver, time], everything that the speed does, direct waves too."""
        return jnp.concatenate(
            [
                scalar(speed, *self.grid, **call, **self.options).receiver_amplitudes
                for call in self.calls
            ]
        )

    def _scattered(self, change: jax.Array, call: dict) -> jax.Array:
        out = scalar_born(self.background, *self.grid, dv=change, **call, **self.options)
        return out.sc_receiver_amplitudes

    def _model(self, change: jax.Array) -> jax.Array:
        """What is scattered once from a change of the background."""
        return jnp.concatenate([self._scattered(change, call) for call in self.calls])

    def _migrate(self, records: jax.Array) -> jax.Array:
        """The transpose of `model`."""
        _, transpose = jax.vjp(self._model, jnp.zeros_like(self.background))
        return transpose(records)[0]


def migrate(problem: Problem) -> Result:
    """Reverse-time migration, then least squares by conjugate gradients (CGLS)."""
    survey = Survey(problem)
    true, below, dots, smooth_z, smooth_x = (
        jnp.asarray(getattr(problem, name))
        for name in ("true", "below", "dots", "smooth_z", "smooth_x")
    )
    with tqdm(total=problem.settings.iterations + 2, desc="JAX    ") as bar:
        # Without what the background explains: the direct wave, and waves that turn below.
        residual = survey.record(true) - survey.record(survey.background)

        # Dots modelled and migrated again come back brighter where more waves pass.
        records = survey.model(dots)
        back = survey.migrate(records)
        asymmetry = _dot(dots, back) / _dot(records, records) - 1.0
        energy, given = (smooth_z @ image**2 @ smooth_x.T for image in (back, dots))
        illumination = jnp.sqrt(energy / given)
        weight = below / jnp.sqrt(illumination / illumination.max() + LEAST_ILLUMINATION)
        bar.update()

        gradient = weight * survey.migrate(residual)
        rtm = weight * gradient
        bar.update()

        x, direction = jnp.zeros_like(gradient), gradient
        power = jnp.sum(gradient**2)
        misfits = [jnp.sum(residual**2)]
        for _ in range(problem.settings.iterations):
            records = survey.model(weight * direction)
            step = power / jnp.sum(records**2)
            x = x + step * direction
            residual = residual - step * records
            misfits.append(jnp.sum(residual**2))
            gradient = weight * survey.migrate(residual)
            last, power = power, jnp.sum(gradient**2)
            direction = gradient + power / last * direction
            bar.set_postfix(misfit=f"{misfits[-1] / misfits[0]:.4f}")
            bar.update()
    relative = [(m / misfits[0]).item() for m in misfits]
    return Result(np.asarray(rtm), np.asarray(weight * x), relative, abs(asymmetry))


def _dot(a: jax.Array, b: jax.Array) -> float:
    # In float64, which JAX has only where it is switched on.
    return float(np.vdot(np.asarray(a, np.float64), np.asarray(b, np.float64)))
