"""Run by test_sharding.py in a process of its own, since the number of devices is set at start.

The shots are divided over two devices, the model is on both. Prints a line for every check.
"""

import dataclasses
import sys
from functools import partial

import jax

from dualwave.jax import custom_vjp, primitives
from dualwave.maps import Constants, Primal
from helpers.jax_problem import Problem, jvp
from helpers.small import assert_close

jax.config.update("jax_enable_x64", True)
FORM = {"primitives": primitives, "custom_vjp": custom_vjp}[sys.argv[1]]
P = jax.sharding.PartitionSpec
SHARDED = Primal(P(), *(P("shots"),) * 4), Constants(P("shots"), P("shots"), P(None, "shots"), P())
mesh = jax.make_mesh((2,), ("shots",), axis_types=(jax.sharding.AxisType.Auto,))

problem = Problem(FORM.forward, ("coefficients",))
one = dataclasses.replace(problem.description, shots=1)
shard = partial(jax.shard_map, mesh=mesh, in_specs=SHARDED, out_specs=(P("shots"), P("shots")))
problem.forward = lambda _, p, constants: shard(partial(FORM.forward, one))(p, constants)

transforms = {
    "value": lambda f, x, v: f(x),
    "grad": lambda f, x, v: jax.grad(f)(x),
    "jit(grad)": lambda f, x, v: jax.jit(jax.grad(f))(x),
}
if FORM is primitives:
    transforms["jvp"] = jvp
    transforms["jit(jvp(grad))"] = lambda f, x, v: jax.jit(jvp, static_argnums=0)(jax.grad(f), x, v)
for name, transform in transforms.items():
    got = transform(problem.loss(), problem.x, problem.v)
    eager = jax.jit(partial(transform, problem.loss(eager=True)))
    assert_close(got, eager(problem.x, problem.v))
    print(name)

program = jax.jit(jax.grad(problem.loss())).lower(problem.x).compile().as_text()
assert "all-gather" not in program
print("no all-gather")
