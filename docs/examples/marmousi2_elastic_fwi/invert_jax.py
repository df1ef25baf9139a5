"""The inversion in JAX, with optax: line for line that of invert_torch.py."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
from problem import BEND, RECORDS, Problem, Result, Stage
from tqdm import tqdm

from dualwave.jax import elastic, vpvsrho_to_lambmubuoyancy

Records = list[jax.Array]  # of each kind, [shot, receiver, time]


class Survey:
    """The shots of one stage."""

    def __init__(self, problem: Problem, stage: Stage) -> None:
        self.grid = (problem.settings.spacing, problem.dt)
        self.wavelet = jnp.asarray(problem.wavelet(stage))
        self.sources = problem.sources
        self.receivers = problem.receivers
        self.options = problem.options(stage)

    def record(self, model: jax.Array, sources: np.ndarray, signal: jax.Array) -> Records:
        """Of sources [shot, source, axis] with the amplitudes signal [shot, source, time]."""
        receivers = {
            f"receiver_locations_{k}": jnp.tile(v, (len(sources), 1, 1))
            for k, v in self.receivers.items()
        }
        out = elastic(*vpvsrho_to_lambmubuoyancy(*model), *self.grid,
                      source_amplitudes_pressure_rate=signal,
                      source_locations_pressure_rate=jnp.asarray(sources),
                      **receivers, **self.options)  # fmt: skip
        return [getattr(out, f"receiver_amplitudes_{k}") for k in RECORDS]

    def one_by_one(self, model: jax.Array) -> Records:
        """The records of every shot."""
        parts = []
        for first in range(0, len(self.sources), 4):
            sources = self.sources[first : first + 4]
            parts.append(self.record(model, sources, jnp.tile(self.wavelet, (len(sources), 1, 1))))
        return [jnp.concatenate(kind) for kind in zip(*parts, strict=True)]

    def added_up(self, model: jax.Array, signs: jax.Array) -> Records:
        """The records of all shots at once, each with its sign."""
        signal = signs[:, None] * self.wavelet
        return self.record(model, self.sources.swapaxes(0, 1), signal[None])


def misfit(records: Records, observed: Records, energy: Records) -> Records:
    """By kind of record."""
    return [jnp.sum((r - o) ** 2) / e for r, o, e in zip(records, observed, energy, strict=True)]


def invert(problem: Problem) -> Result:
    """Fit the records of the true model, starting from the smooth one."""
    settings = problem.settings
    true, start, free, lower, upper, weight, smooth_z, smooth_x = (
        jnp.asarray(getattr(problem, name))
        for name in ("true", "start", "free", "lower", "upper", "weight", "smooth_z", "smooth_x")
    )

    def model(x: jax.Array) -> jax.Array:
        raised = free + weight * (smooth_z @ x @ smooth_x.T) - lower
        bent = lower + BEND * jax.nn.softplus(raised / BEND)
        return jnp.where(weight > 0, jnp.minimum(bent, upper), start)

    x = jnp.zeros_like(start)
    b1, b2 = settings.betas
    misfits = []
    with tqdm(total=sum(s.iterations for s in settings.stages), desc="JAX    ") as bar:
        for stage in settings.stages:
            survey = Survey(problem, stage)
            observed = survey.one_by_one(true)
            energy = [jnp.sum(kind**2) for kind in observed]
            optimiser = optax.adam(1.0, b1=b1, b2=b2, eps=settings.eps)
            state = optimiser.init(x)
            value_and_gradient = jax.jit(jax.value_and_grad(objective(survey, model, energy)))
            scale = None
            for signs in problem.signs(stage):
                target = [jnp.tensordot(signs, kind, 1)[None] for kind in observed]
                loss, gradient = value_and_gradient(x, signs, target)
                if scale is None:
                    scale = 1.0 / jnp.abs(gradient).max((1, 2), keepdims=True)
                updates, state = optimiser.update(gradient * scale, state)
                x = optax.apply_updates(x, updates)
                misfits.append(loss.item())
                bar.set_postfix(misfit=f"{misfits[-1]:.4f}")
                bar.update()
    result = model(x)
    first, last = (
        dict(zip(RECORDS, (m.item() for m in misfit(survey.one_by_one(end), observed, energy))))
        for end in (start, result)
    )
    return Result(np.asarray(result), misfits, first, last)


def objective(survey: Survey, model, energy: Records):
    """The function that is differentiated. ``energy`` and ``survey`` are constants of its trace."""

    def function(x: jax.Array, signs: jax.Array, target: Records) -> jax.Array:
        return sum(misfit(survey.added_up(model(x), signs), target, energy))

    return function
