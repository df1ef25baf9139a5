"""The custom_vjp form: reverse mode like the eager engine, everything else refused."""

import jax
import jax.numpy as jnp
import pytest

from dualwave import native
from dualwave.jax import custom_vjp, ffi
from dualwave.maps import OPERANDS
from helpers.fake_native import FakeCore
from helpers.jax_problem import FIRST_REVERSE, Problem, call_back, jvp, pair

pytestmark = pytest.mark.usefixtures("x64")


@pytest.mark.parametrize("name", FIRST_REVERSE)
def test_reverse_mode(name):
    Problem(custom_vjp.forward).compare(FIRST_REVERSE[name])


@pytest.mark.parametrize("operand", OPERANDS)
def test_one_operand_alone(operand):
    Problem(custom_vjp.forward, (operand,)).compare(FIRST_REVERSE["grad"])


@pytest.mark.parametrize("name", ["vmap(grad)", "grad(vmap)"])
def test_a_model_per_shot(name):
    Problem(custom_vjp.forward, models=2).compare(FIRST_REVERSE[name])


def test_float32():
    problem = Problem(custom_vjp.forward, dtype="float32")
    problem.compare(FIRST_REVERSE["grad"], tolerance=1e-5)


@pytest.mark.parametrize("name", ["jvp", "linearize", "jacfwd"])
def test_no_forward_mode(name):
    problem = Problem(custom_vjp.forward)
    transform = {
        "jvp": lambda f, x: jvp(f, x, x),
        "linearize": lambda f, x: jax.linearize(f, x)[1](x),
        "jacfwd": lambda f, x: jax.jacfwd(f)(x),
    }[name]
    with pytest.raises(TypeError, match="forward-mode"):
        transform(problem.loss(), problem.x)


@pytest.mark.parametrize("name", ["grad(grad)", "jvp(grad)", "hessian", "vmap", "jit"])
def test_no_second_derivative(name):
    problem = Problem(custom_vjp.forward)
    steepest = lambda f: lambda x: jax.grad(f)(x).sum()  # noqa: E731
    transform = {
        "grad(grad)": lambda f, x: steepest(steepest(f))(x),
        "jvp(grad)": lambda f, x: jvp(jax.grad(f), x, x),
        "hessian": lambda f, x: jax.hessian(f)(x),
        "vmap": lambda f, x: jax.vmap(steepest(steepest(f)))(pair(x)),
        "jit": lambda f, x: jax.jit(steepest(steepest(f)))(x),
    }[name]
    with pytest.raises(NotImplementedError, match="reverse mode only"):
        transform(problem.loss(), problem.x)


@pytest.mark.parametrize("wanted", OPERANDS)
def test_only_wanted_gradients_are_computed(monkeypatch, wanted):
    stand_in, asked = FakeCore(), []
    monkeypatch.setattr(native, "load", lambda: stand_in)
    monkeypatch.setattr(ffi, "call", lambda *args: (asked.append(args[3]), call_back(*args))[1])
    custom_vjp._batchable.cache_clear()
    problem = Problem(custom_vjp.forward, (wanted,))
    jax.grad(problem.loss())(problem.x)
    custom_vjp._batchable.cache_clear()
    # Only these gradients are sums over forward fields.
    left = ("residual",) * (wanted in ("coefficients", "receiver_weights"))
    assert asked == [("receivers0", "state0", *left), (f"{wanted}_gradient0",)]


def test_profiles_have_no_derivative():
    problem = Problem(custom_vjp.forward)

    def loss(profiles):
        problem.constants = problem.constants._replace(profiles=profiles)
        return problem.run(problem.p)[0].sum()

    with pytest.raises(NotImplementedError, match="profiles have no derivative"):
        jax.grad(loss)(jnp.asarray(problem.constants.profiles))
