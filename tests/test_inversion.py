"""Products with Hessians and the estimate of a diagonal, in both front ends.

Against a Jacobian and a Hessian by differences of the forward call (helpers.transform_case).
"""

import numpy as np
import pytest

from dualwave import native
from helpers.calls import FRONT_ENDS, assert_close, numpy
from helpers.transform_case import WEIGHTS, Case, V, X, differences, functions

pytestmark = [
    pytest.mark.usefixtures("x64"),
    pytest.mark.filterwarnings("ignore:there are:UserWarning"),  # coarse on purpose
]
BOTH = pytest.mark.parametrize("name", FRONT_ENDS)
CASE = Case("acoustic", 2, "models")


@pytest.fixture
def problem(name):
    front = FRONT_ENDS[name]()
    return front, *functions(front, CASE, "float64"), front.array(X), front.array(V)


@BOTH
def test_gauss_newton_product(problem):
    front, _, r, x, v = problem
    j = differences(CASE)["jacobian"]
    product = front.module.gauss_newton_product
    assert_close(product(r, x, v), j.T @ j @ V, 1e-6)
    weights = front.array(WEIGHTS**2)
    weighted = product(r, x, v, weight=lambda data: weights * data)
    assert_close(weighted, j.T @ (WEIGHTS**2 * (j @ V)), 1e-6)


@BOTH
def test_hessian_vector_product(problem):
    front, f, _, x, v = problem
    product = front.module.hessian_vector_product
    assert_close(product(f, x, v), differences(CASE)["hvp"], 1e-6)


@BOTH
def test_models_by_name(problem):
    front, f, r, x, v = problem
    tools = front.module
    whole = numpy(tools.hessian_vector_product(f, x, v))
    split = tools.hessian_vector_product(
        lambda m: f(m["a"] + 2 * m["b"]), {"a": x, "b": 0 * x}, {"a": 0 * v, "b": v / 2}
    )
    assert_close(split["a"], whole, 1e-12)
    assert_close(split["b"], 2 * whole, 1e-12)
    diagonal = tools.illumination(lambda m: r(m["a"]), {"a": x})
    assert set(diagonal) == {"a"}


@BOTH
def test_illumination_tends_to_the_diagonal(problem):
    front, _, r, x, _ = problem
    j = differences(CASE)["jacobian"]
    exact = np.diag(j.T @ j)
    found = numpy(front.module.illumination(r, x, probes=100))
    # Of the mean of 100 squares, three standard deviations.
    assert np.all(np.abs(found - exact) < 3 * np.sqrt(2 / 100) * exact)


def test_illumination_is_the_same_in_both():
    found = []
    for make in FRONT_ENDS.values():
        front = make()
        _, r = functions(front, CASE, "float64")
        found.append(numpy(front.module.illumination(r, front.array(X))))
    assert_close(*found, 1e-11)


def second_order(front):
    """Values and gradients of a misfit of the speed: a Hessian product between two directions."""
    _, r = functions(front, Case("scalar", 2, "models"), "float64")
    return lambda x: (r(x) ** 2).sum() / 2 + r(x)[0]


@BOTH
def test_the_hessian_is_symmetric(name):
    front = FRONT_ENDS[name]()
    f, x = second_order(front), front.array(X)
    product = front.module.hessian_vector_product
    u, v = np.array([0.3, 1.0, -0.6]), V
    one = u @ numpy(product(f, x, front.array(v)))
    other = v @ numpy(product(f, x, front.array(u)))
    assert one != 0
    assert abs(one - other) < 1e-11 * abs(one)


@BOTH
def test_all_orders_of_the_modes_agree(name):
    front = FRONT_ENDS[name]()
    t = front.jax if name == "jax" else front.torch.func
    f, x, v = second_order(front), front.array(X), front.array(V)
    slope = lambda x: t.jvp(f, (x,), (v,))[1]  # noqa: E731
    orders = [
        t.jvp(t.grad(f), (x,), (v,))[1],
        t.grad(slope)(x),
        t.grad(lambda x: t.grad(f)(x) @ v)(x),
    ]
    for found in orders[1:]:
        assert_close(found, orders[0], 1e-11)


@BOTH
def test_the_remainder_falls_with_the_cube(name):
    front = FRONT_ENDS[name]()
    f, x = second_order(front), front.array(X)
    t = front.jax if name == "jax" else front.torch.func
    gradient = numpy(t.grad(f)(x)) @ V
    curvature = V @ numpy(front.module.hessian_vector_product(f, x, front.array(V)))
    remainders = []
    for h in (0.4, 0.2, 0.1):
        moved = float(numpy(f(front.array(X + h * V))))
        start = float(numpy(f(x)))
        remainders.append(abs(moved - start - h * gradient - h * h * curvature / 2))
    rates = np.log2(np.array(remainders[:-1]) / remainders[1:])
    assert np.all(np.abs(rates - 3) < 0.1), (rates, remainders)


def test_native_calls(monkeypatch):
    """A Gauss-Newton product is a tangent, a forward and an adjoint from its checkpoints."""
    front, calls = FRONT_ENDS["torch"](), []
    f, r = functions(front, Case("scalar", 2, "models"), "float64")
    x, v, run = front.array(X), front.array(V), native.run
    monkeypatch.setattr(native, "run", lambda *args: (calls.append(args[0]), run(*args))[1])
    front.module.gauss_newton_product(r, x, v)
    assert calls == ["tangent", "forward", "adjoint"]
    calls.clear()
    front.module.hessian_vector_product(f, x, v)
    assert calls == ["tangent", "tangent_adjoint"]
    calls.clear()
    front.torch.func.vmap(r)(front.torch.stack([x, 2 * x, 3 * x]))
    assert calls == ["forward"]
