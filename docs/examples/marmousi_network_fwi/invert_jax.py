"""The inversion in JAX, with optax: as in invert_torch.py, the network a function of weights."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.nn import softplus
from problem import BEND, FASTEST, SLOWEST, Problem, Result
from tqdm import tqdm

import dualwave.jax

Layers = list[tuple[jax.Array, jax.Array]]


def network(layers: Layers, values: jax.Array) -> jax.Array:
    """Linear layers, and sines between them."""
    *hidden, (last_weight, last_bias) = layers
    for weight, bias in hidden:
        values = jnp.sin(values @ weight.T + bias)
    return values @ last_weight.T + last_bias


def bend(speed: jax.Array) -> jax.Array:
    """``speed`` within its range, without a corner at the ends."""
    low, high = (BEND * softplus((speed - end) / BEND) for end in (SLOWEST, FASTEST))
    return SLOWEST + low - high


def invert(problem: Problem) -> Result:
    """Fit the records of the true model with a network, from the smooth model on."""
    survey, settings = problem.survey, problem.settings
    true, start = jnp.asarray(survey.true), jnp.asarray(survey.start)
    features, scale = jnp.asarray(problem.features), jnp.asarray(problem.scale)
    shots = {name: jnp.asarray(array) for name, array in survey.shots.items()}
    layers = jax.tree.map(jnp.asarray, problem.layers)

    def record(speed: jax.Array) -> jax.Array:
        out = dualwave.jax.scalar(speed, settings.spacing, survey.dt, **shots, **survey.options)
        return out.receiver_amplitudes

    def speed(layers: Layers) -> jax.Array:
        return bend(start + scale * network(layers, features)[..., 0])

    observed = record(true)
    energy = jnp.sum(observed**2)

    def misfit(layers: Layers) -> jax.Array:
        return jnp.sum((record(speed(layers)) - observed) ** 2) / energy

    b1, b2 = settings.betas
    optimiser = optax.adam(settings.step, b1=b1, b2=b2, eps=settings.eps)

    @jax.jit
    def step(layers: Layers, state: optax.OptState) -> tuple[Layers, optax.OptState, jax.Array]:
        loss, gradient = jax.value_and_grad(misfit)(layers)
        updates, state = optimiser.update(gradient, state)
        return optax.apply_updates(layers, updates), state, loss

    state = optimiser.init(layers)
    misfits = []
    with tqdm(total=settings.iterations, desc="JAX    ", unit="iteration") as bar:
        for _ in range(settings.iterations):
            layers, state, loss = step(layers, state)
            misfits.append(loss.item())
            bar.set_postfix(misfit=f"{misfits[-1]:.4f}")
            bar.update()
    misfits.append(misfit(layers).item())
    return Result(np.asarray(speed(layers)), misfits)
