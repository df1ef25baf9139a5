"""The primitives under JAX's transforms, against JAX's own derivatives of the eager engine."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from dualwave import native
from dualwave.jax import ffi, primitives
from dualwave.maps import OPERANDS, Primal
from helpers.fake_native import FakeCore
from helpers.jax_problem import FIRST_REVERSE, Problem, call_back, jvp, pair
from helpers.small import assert_close

pytestmark = pytest.mark.usefixtures("x64")


@pytest.fixture
def log(monkeypatch):
    """The stand-in for the compiled core in place, and the calls that it got."""
    stand_in = FakeCore()
    monkeypatch.setattr(native, "load", lambda: stand_in)
    monkeypatch.setattr(ffi, "call", call_back)
    _forget()
    yield stand_in.calls
    _forget()


def _forget():
    """What was traced and compiled calls the core that was in place then."""
    primitives._compiled.cache_clear()
    jax.clear_caches()


def moving(x):
    return x * jnp.sin(x)


FIRST_ORDER = {
    **FIRST_REVERSE,
    "jvp": jvp,
    "linearize": lambda f, x, v: jax.linearize(f, x)[1](v),
    "jacfwd": lambda f, x, v: jax.jacfwd(f)(x),
    "vmap(jvp)": lambda f, x, v: jax.vmap(lambda v: jvp(f, x, v))(pair(v)),
    "jvp(scan)": lambda f, x, v: jvp(
        lambda x: jax.lax.scan(lambda x, _: (x * 1.01, f(x)), x, None, 2)[1], x, v
    ),
}
SECOND_ORDER = {
    "jvp(grad)": lambda f, x, v: jvp(jax.grad(f), x, v),
    "jit(jvp(grad))": lambda f, x, v: jax.jit(lambda x: jvp(jax.grad(f), x, v))(x),
    "grad(jvp)": lambda f, x, v: jax.grad(lambda x: jvp(f, x, v))(x),
    "grad(jvp) of a direction that moves": lambda f, x, v: jax.grad(lambda x: jvp(f, x, moving(x)))(
        x
    ),
    "grad(grad)": lambda f, x, v: jax.grad(lambda x: jax.grad(f)(x) @ v)(x),
    "jit(grad(grad))": lambda f, x, v: jax.jit(jax.grad(lambda x: jax.grad(f)(x) @ v))(x),
    "jvp(jvp) of a direction that moves": lambda f, x, v: jvp(lambda x: jvp(f, x, moving(x)), x, v),
    "hessian": lambda f, x, v: jax.hessian(f)(x),
    "jacrev(jacrev)": lambda f, x, v: jax.jacrev(jax.jacrev(f))(x),
    "vmap(jvp(grad))": lambda f, x, v: jax.vmap(lambda v: jvp(jax.grad(f), x, v))(pair(v)),
    "vmap(jvp(grad)) over models": lambda f, x, v: jax.vmap(lambda x: jvp(jax.grad(f), x, v))(
        pair(x)
    ),
    "vmap(grad(grad))": lambda f, x, v: jax.vmap(
        lambda v: jax.grad(lambda x: jax.grad(f)(x) @ v)(x)
    )(pair(v)),
    "transpose of jvp(grad)": lambda f, x, v: jax.linear_transpose(
        lambda v: jvp(jax.grad(f), x, v), v
    )(v)[0],
    "derivative in the direction": lambda f, x, v: jvp(
        lambda v: jvp(jax.grad(f), x, v), v, moving(v)
    ),
    "gradient in the direction": lambda f, x, v: jax.grad(
        lambda v: (jvp(jax.grad(f), x, v) ** 2).sum()
    )(v),
    "jvp(grad(checkpoint))": lambda f, x, v: jvp(jax.grad(jax.checkpoint(f)), x, v),
    "jvp(grad(cond))": lambda f, x, v: jvp(
        jax.grad(lambda x: jax.lax.cond(x.sum() > 0, f, lambda x: x.sum(), x)), jnp.abs(x), v
    ),
}


@pytest.mark.parametrize("name", FIRST_ORDER)
def test_first_order(name):
    Problem(primitives.forward).compare(FIRST_ORDER[name])


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_second_order(name):
    Problem(primitives.forward).compare(SECOND_ORDER[name])


@pytest.mark.parametrize("operand", OPERANDS)
def test_one_operand_alone(operand):
    problem = Problem(primitives.forward, (operand,))
    for transform in (FIRST_ORDER["jvp"], SECOND_ORDER["grad(grad)"], SECOND_ORDER["jvp(grad)"]):
        problem.compare(transform)


@pytest.mark.parametrize("name", ["vmap(grad)", "grad(vmap)", "vmap(jvp)"])
def test_a_model_per_shot(name):
    Problem(primitives.forward, models=2).compare(FIRST_ORDER[name])


@pytest.mark.parametrize("name", ["jvp(grad)", "vmap(jvp(grad))", "vmap(grad(grad))"])
def test_a_model_per_shot_second_order(name):
    Problem(primitives.forward, models=2).compare(SECOND_ORDER[name])


def test_vmap_over_nodes():
    problem = Problem(primitives.forward)
    nodes = np.stack([problem.constants.source_nodes, problem.constants.source_nodes + 1])

    def gradients(eager):
        def loss(nodes, c):
            problem.constants = problem.constants._replace(source_nodes=nodes)
            receivers, _ = problem.run(problem.p._replace(coefficients=c), eager)
            return (receivers**2).sum()

        return jax.vmap(jax.grad(loss, argnums=1), (0, None))(nodes, problem.p.coefficients)

    assert_close(gradients(eager=False), gradients(eager=True))


def test_check_grads():
    problem = Problem(primitives.forward)
    run = lambda *p: problem.run(Primal(*p))  # noqa: E731
    check_grads(run, tuple(problem.p), order=2, modes=("fwd", "rev"), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "name", ["jvp(jvp(jvp))", "grad(grad(grad))", "jvp(grad(jvp))", "jvp(jvp(grad))", "vmap", "jit"]
)
def test_third_order_raises(name):
    problem = Problem(primitives.forward, ("coefficients",))
    f, x, v = problem.loss(), problem.x, problem.v
    along, steepest = (lambda f: lambda x: jvp(f, x, v)), (lambda f: lambda x: jax.grad(f)(x) @ v)
    third = {
        "jvp(jvp(jvp))": along(along(along(f))),
        "grad(grad(grad))": steepest(steepest(steepest(f))),
        "jvp(grad(jvp))": along(steepest(along(f))),
        "jvp(jvp(grad))": along(along(steepest(f))),
        "vmap": lambda x: jax.vmap(steepest(along(steepest(f))))(pair(x)),
        "jit": jax.jit(steepest(steepest(steepest(f)))),
    }[name]
    with pytest.raises(NotImplementedError, match="to second order"):
        third(x)


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("vmap", ["forward"]),
        ("vmap(vmap)", ["forward"]),
        ("jit(grad)", ["forward", "adjoint"]),
        ("jvp", ["tangent"]),
        ("vmap(grad)", ["forward", "adjoint"]),
        ("vmap(jvp)", ["tangent"]),
        ("jvp(grad)", ["tangent", "tangent_adjoint"]),
        ("grad(jvp)", ["tangent", "tangent_adjoint"]),
        ("hessian", ["tangent", "tangent_adjoint"]),
        ("jit(jvp(grad))", ["tangent", "tangent_adjoint"]),
    ],
)
def test_number_of_native_calls(log, name, calls):
    problem = Problem(primitives.forward, ("coefficients",))
    transform = {**FIRST_ORDER, **SECOND_ORDER}[name]
    jax.block_until_ready(transform(problem.loss(), problem.x, problem.v))
    assert sorted(log) == sorted(calls)


@pytest.mark.parametrize("wanted", OPERANDS)
def test_only_wanted_gradients_are_computed(wanted):
    problem = Problem(primitives.forward, (wanted,))
    text = str(jax.make_jaxpr(jax.grad(problem.loss()))(problem.x))
    mask = 1 << 8 + OPERANDS.index(wanted)
    # Only these gradients are sums over forward fields.
    left = (1 << 24) * (wanted in ("coefficients", "receiver_weights"))
    present = 506462239 + left
    assert f"dualwave_adjoint[ present={present} run={problem.description} wanted={mask} ]" in (
        " ".join(text.split())
    )


def test_a_residual_only_where_a_gradient_may_come():
    problem = Problem(primitives.forward)
    text = " ".join(str(jax.make_jaxpr(problem.loss())(problem.x)).split())
    assert f"run={problem.description} wanted=3 ]" in text


def test_custom_calls_in_the_compiled_program():
    problem = Problem(primitives.forward)
    program = jax.jit(jax.grad(problem.loss())).lower(problem.x).compile().as_text()
    assert program.count('custom_call_target="dualwave_run"') == 2


@pytest.mark.parametrize("name", ["grad", "jvp", "vmap(grad)"])
def test_float32(name):
    problem = Problem(primitives.forward, dtype="float32")
    problem.compare(FIRST_ORDER[name], tolerance=1e-5)


def test_profiles_have_no_derivative():
    problem = Problem(primitives.forward)

    def loss(profiles):
        problem.constants = problem.constants._replace(profiles=profiles)
        return problem.run(problem.p)[0].sum()

    with pytest.raises(NotImplementedError, match="profiles have no derivative"):
        jax.grad(loss)(jnp.asarray(problem.constants.profiles))


def test_wrong_operands_are_named():
    problem = Problem(primitives.forward)
    short = problem.p._replace(amplitudes=problem.p.amplitudes[..., 1:])
    with pytest.raises(ValueError, match=r"amplitudes0 .* shape \(2, 1, 4\).*\(2, 1, 5\)"):
        problem.run(short)
    with pytest.raises(ValueError, match="state0 of the map forward is float32"):
        problem.run(problem.p._replace(state=problem.p.state.astype("float32")))
