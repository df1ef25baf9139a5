"""The inversion in JAX, with optax: line for line that of invert_torch.py."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
from problem import MAX_SPEED, MIN_SPEED, Problem, Result
from tqdm import tqdm

import dualwave.jax


def invert(problem: Problem) -> Result:
    """Fit the records of the true model, starting from the smooth one."""
    settings = problem.settings
    true, start, weight, smooth_z, smooth_x = (
        jnp.asarray(getattr(problem, name))
        for name in ("true", "start", "weight", "smooth_z", "smooth_x")
    )
    shots = {name: jnp.asarray(array) for name, array in problem.shots.items()}

    def record(speed: jax.Array) -> jax.Array:
        out = dualwave.jax.scalar(speed, settings.spacing, problem.dt, **shots, **problem.options)
        return out[-1]

    def speed(x: jax.Array) -> jax.Array:
        return jnp.clip(start + weight * (smooth_z @ x @ smooth_x.T), MIN_SPEED, MAX_SPEED)

    observed = record(true)
    energy = jnp.sum(observed**2)

    def misfit(x: jax.Array) -> jax.Array:
        return jnp.sum((record(speed(x)) - observed) ** 2) / energy

    x = jnp.zeros_like(start)
    b1, b2 = settings.betas
    optimiser = optax.adam(settings.step, b1=b1, b2=b2, eps=settings.eps)
    state = optimiser.init(x)
    value_and_gradient = jax.jit(jax.value_and_grad(misfit))
    scale = None
    misfits = []
    with tqdm(total=settings.iterations, desc="JAX    ", unit="iteration") as bar:
        for _ in range(settings.iterations):
            loss, gradient = value_and_gradient(x)
            if scale is None:
                scale = 1.0 / jnp.abs(gradient).max()
            updates, state = optimiser.update(gradient * scale, state)
            x = optax.apply_updates(x, updates)
            misfits.append(loss.item())
            bar.set_postfix(misfit=f"{misfits[-1]:.4f}")
            bar.update()
    misfits.append(misfit(x).item())
    return Result(np.asarray(speed(x)), misfits)
