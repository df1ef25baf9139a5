"""What the tests of JAX's rules share: a loss by the compiled maps or the eager engine."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from dualwave import engine, equations, native
from dualwave.jax import ffi
from dualwave.jax.framework import JaxFramework
from dualwave.maps import OPERANDS, Primal
from helpers.small import assert_close, loss_weights, small_run


def call_back(map_name, description, inputs, wanted):
    """In place of `ffi.call`: the core through a callback, so that it may be the stand-in."""
    given, results = ffi.prepared(map_name, description, inputs, wanted)

    def run(*arrays):
        slots = dict(zip(given, map(np.asarray, arrays), strict=True))
        outputs = native.evaluate(map_name, description, slots, tuple(results))
        return tuple(outputs[slot] for slot in results)

    outputs = jax.pure_callback(run, tuple(results.values()), *given.values())
    return dict(zip(results, outputs, strict=True))


class Problem:
    """A loss of chosen operands, flattened into one vector x, with a direction v.

    `forward` is the function under test: (description, p, constants) -> (receivers, state).
    """

    def __init__(self, forward, names=OPERANDS, models=1, dtype="float64"):
        run = small_run(models)
        self.forward, self.names = forward, names
        self.description = dataclasses.replace(run.description, dtype=dtype)
        self.p = Primal(*(jnp.asarray(x, dtype) for x in run.p))
        profiles = run.constants.profiles.astype(dtype)
        self.constants = run.constants._replace(profiles=profiles)
        self.weights = [jnp.asarray(w, dtype) for w in loss_weights(run)]
        parts = [getattr(self.p, name) for name in names]
        self.x = jnp.concatenate([x.ravel() for x in parts])
        scale = np.concatenate([np.full(x.size, np.abs(x).max()) for x in parts])
        noise = np.random.default_rng(5).standard_normal(scale.size)
        self.v = jnp.asarray(scale * noise, dtype)

    def run(self, p, eager=False):
        if not eager:
            return self.forward(self.description, p, self.constants)
        scalar = equations.get("scalar")
        return engine.forward(JaxFramework(), scalar, self.description, p, self.constants)

    def operands(self, x):
        """The operands with the vector in the place of the chosen ones."""
        parts, start = {}, 0
        for name in self.names:
            like = getattr(self.p, name)
            parts[name] = x[start : start + like.size].reshape(like.shape)
            start += like.size
        return self.p._replace(**parts)

    def loss(self, eager=False):
        def evaluate(x):
            receivers, state = self.run(self.operands(x), eager)
            linear, square = self.weights
            return (receivers * linear).sum() + (receivers**3).sum() + (state**2 * square).sum()

        return evaluate

    def compare(self, transform, tolerance=1e-12):
        # The reference compiled as a whole, which is quicker here than one operation at a time.
        reference = jax.jit(lambda x, v: transform(self.loss(eager=True), x, v))
        got = transform(self.loss(), self.x, self.v)
        assert_close(got, reference(self.x, self.v), tolerance)


def jvp(f, x, v):
    return jax.jvp(f, (x,), (v,))[1]


def pair(x):
    """Two different points."""
    return jnp.stack([x, x * 1.01])


FIRST_REVERSE = {
    "value": lambda f, x, v: f(x),
    "grad": lambda f, x, v: jax.grad(f)(x),
    "jit(grad)": lambda f, x, v: jax.jit(jax.grad(f))(x),
    "grad(checkpoint)": lambda f, x, v: jax.grad(jax.checkpoint(f))(x),
    "vmap": lambda f, x, v: jax.vmap(f)(pair(x)),
    "vmap over the last axis": lambda f, x, v: jax.vmap(f, in_axes=-1)(pair(x).T),
    "vmap(vmap)": lambda f, x, v: jax.vmap(jax.vmap(f))(jnp.stack([pair(x), pair(x * 1.02)])),
    "vmap(grad)": lambda f, x, v: jax.vmap(jax.grad(f))(pair(x)),
    "grad(vmap)": lambda f, x, v: jax.grad(lambda x: jax.vmap(f)(pair(x)).prod())(x),
    "grad(scan)": lambda f, x, v: jax.grad(
        lambda x: jax.lax.scan(lambda x, s: (x * 1.01, s * f(x)), x, jnp.arange(1.0, 3.0))[1].sum()
    )(x),
    "grad(cond)": lambda f, x, v: jax.grad(
        lambda x: jax.lax.cond(x.sum() > 0, f, lambda x: x.sum(), x)
    )(jnp.abs(x)),
    "while_loop": lambda f, x, v: jax.lax.while_loop(
        lambda c: c[1] < 2, lambda c: (c[0] * (1 + 1e-3 * jnp.tanh(f(c[0]))), c[1] + 1), (x, 0)
    )[0],
}
