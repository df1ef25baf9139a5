"""Forward and reverse mode are each other's transpose, and they are the derivative.

Of whole calls with respect to every input jointly (models, amplitudes, locations, the initial
state with its PML memory), and of the compiled maps with respect to their five operands.
"""

import itertools

import numpy as np
import pytest

from dualwave import native
from dualwave.maps import OPERANDS
from helpers.calls import FRONT_ENDS
from helpers.equations import NAMES, rows
from helpers.joint import derivatives, joint_case, results, tiny_case
from helpers.native_runs import make_case
from helpers.runs import random_direction

pytestmark = [
    pytest.mark.usefixtures("x64"),
    pytest.mark.filterwarnings("ignore:there are:UserWarning"),  # coarse on purpose
]


def table(*in_jax):
    """Every front end, equation and dimension; in JAX, which compiles for long, some are quick."""
    every = itertools.product(FRONT_ENDS, NAMES, (1, 2, 3))
    return pytest.mark.parametrize(
        ("name", "equation", "ndim"),
        rows(every, lambda name, *row: name == "torch" or row in in_jax),
    )


def dot(one, other):
    assert one.keys() == other.keys()
    return sum(float(np.vdot(one[k], other[k])) for k in one)


def direction_beside(gradient, rng):
    """Random, and such that every input adds one to the product with the gradient."""
    direction = {}
    for k, g in gradient.items():
        size = np.linalg.norm(g)
        assert size > 0, k
        d = g / size + rng.normal(size=g.shape) / np.sqrt(g.size)
        direction[k] = d / np.vdot(d, g)
    return direction


@table(("scalar", 1), ("scalar", 2), ("scalar", 3), ("damped", 2), ("acoustic", 1), ("elastic", 2))
def test_dot_product(name, equation, ndim):
    inputs, _ = joint_case(equation, ndim)
    call, rng = derivatives(name, equation, ndim), np.random.default_rng(0)
    # To compile it a second time takes JAX longer than all the rest.
    (found,) = derivatives("torch", equation, ndim)(inputs)
    assert all(np.abs(x).max() > 0 for x in found.values())
    # Random, and such that every result counts as much as the others.
    y = {k: rng.normal(size=x.shape) / np.linalg.norm(x) for k, x in found.items()}
    _, _, gradient = call(inputs, inputs, y)
    assert gradient.keys() == inputs.keys()
    direction = direction_beside(gradient, rng)
    _, product, _ = call(inputs, direction, y)
    assert abs(dot(direction, gradient) - len(inputs)) < 1e-13 * len(inputs)
    assert abs(dot(product, y) - len(inputs)) < 1e-12 * len(inputs)


@table(("scalar", 2), ("acoustic", 1))
def test_remainder_falls_with_the_square(name, equation, ndim):
    """Of the results as they are, in a direction in which every input moves by its own size."""
    inputs, _ = joint_case(equation, ndim)
    call, rng = derivatives(name, equation, ndim), np.random.default_rng(1)
    steps = {k: 1e-3 * np.abs(x).max() * rng.normal(size=x.shape) for k, x in inputs.items()}
    (start,) = call(inputs)
    _, slope, _ = call(inputs, steps, start)
    remainders = []
    for h in (1.0, 0.5, 0.25):
        (moved,) = call({k: x + h * steps[k] for k, x in inputs.items()})
        remainders.append(
            sum(
                np.linalg.norm(moved[k] - start[k] - h * slope[k]) / np.linalg.norm(start[k])
                for k in start
            )
        )
    rates = np.log2(np.array(remainders[:-1]) / remainders[1:])
    assert np.all(np.abs(rates - 2) < 0.02), (rates, remainders)


def test_every_input_alone():
    """So that no large one hides a small one: <J d, y> of each against its own gradient."""
    inputs, _ = joint_case("scalar", 2)
    call, rng = derivatives("torch", "scalar", 2), np.random.default_rng(2)
    y = {k: rng.normal(size=x.shape) / np.linalg.norm(x) for k, x in call(inputs)[0].items()}
    _, _, gradient = call(inputs, inputs, y)
    for name, direction in direction_beside(gradient, rng).items():
        alone = {k: direction if k == name else np.zeros_like(x) for k, x in inputs.items()}
        assert abs(dot(call(inputs, alone, y)[1], y) - 1) < 1e-12, name


def level(number, p):
    return {f"{name}{number}": x for name, x in p._asdict().items()}


def map_case(equation, ndim, accuracy):
    """Inputs of a run between the cells, per-shot models in 2-D, and what turns it into a test."""
    run, _ = make_case(equation, ndim, accuracy, per_shot=ndim == 2, taps=4, nt=40)
    inputs = level(0, run.p) | run.constants._asdict()
    found = native.evaluate("forward", run.description, inputs, ("receivers0", "state0"))
    rng = np.random.default_rng(3)
    bars = {k[:-1]: rng.normal(size=x.shape) / np.linalg.norm(x) for k, x in found.items()}
    return run, inputs, bars


MAPS = pytest.mark.parametrize(
    ("equation", "ndim", "accuracy"),
    rows(
        itertools.product(NAMES, (1, 2, 3), (2, 4, 6, 8)),
        lambda equation, ndim, accuracy: (
            ndim < 3 or equation in ("scalar", "damped") or accuracy == 2
        ),
    ),
)


@MAPS
def test_dot_product_of_the_maps(equation, ndim, accuracy):
    run, inputs, bars = map_case(equation, ndim, accuracy)
    given = inputs | {f"{k}_bar0": bar for k, bar in bars.items()}
    wanted = [f"{name}_gradient0" for name in OPERANDS]
    found = native.evaluate("adjoint", run.description, given, wanted)
    gradient = {name: found[f"{name}_gradient0"] for name in OPERANDS}
    direction = direction_beside(gradient, np.random.default_rng(4))
    given = inputs | {f"{name}1": x for name, x in direction.items()}
    found = native.evaluate("tangent", run.description, given, ("receivers1", "state1"))
    product = dot({k: found[f"{k}1"] for k in bars}, bars)
    assert abs(product - len(OPERANDS)) < 1e-12 * len(OPERANDS)


@MAPS
def test_dot_product_of_the_maps_of_second_order(equation, ndim, accuracy):
    """<S(d1, d2), y> = <d2, TA(d1, y)>, and the same with the directions exchanged."""
    run, inputs, bars = map_case(equation, ndim, accuracy)
    cotangents = {f"{k}_bar0": bar for k, bar in bars.items()}
    wanted = [f"{name}_gradient1" for name in OPERANDS]
    directions = [random_direction(run.p, seed) for seed in (5, 6)]
    found = native.evaluate(
        "second_tangent",
        run.description,
        inputs | level(1, directions[0]) | level(2, directions[1]),
        ("receivers3", "state3"),
    )
    product = dot({k: found[f"{k}3"] for k in bars}, bars)
    for one, other in (directions, directions[::-1]):
        given = inputs | level(1, one) | cotangents
        found = native.evaluate("tangent_adjoint", run.description, given, wanted)
        parts = [np.vdot(x, found[f"{k}_gradient1"]) for k, x in other._asdict().items()]
        assert all(part != 0 for part in parts)
        assert abs(sum(parts) - product) < 1e-12 * sum(map(abs, parts))


def tiny(name, equation):
    """The framework, and a call of four steps on five cells with all inputs as positions."""
    front, (inputs, fixed) = FRONT_ENDS[name](), tiny_case(equation)

    def function(*given):
        found = results(front, equation, fixed, dict(zip(inputs, given, strict=True)))
        return tuple(found.values())

    return front, function, [front.array(x) for x in inputs.values()]


@pytest.mark.parametrize(
    ("equation", "fast"),
    rows(itertools.product(NAMES, (True, False)), lambda name, fast: fast or name == "scalar"),
)
def test_gradcheck(equation, fast):
    """Every entry of both Jacobians; the fast form looks along random directions."""
    front, function, inputs = tiny("torch", equation)
    for x in inputs:
        x.requires_grad_()
    check = front.torch.autograd.gradcheck
    assert check(function, inputs, check_forward_ad=True, fast_mode=fast)


# What compiles for long is slow; the tests of the front ends have its gradients in JAX too.
@pytest.mark.parametrize(
    "equation", rows(((name,) for name in NAMES), lambda name: name in ("scalar", "acoustic"))
)
def test_check_grads(equation):
    from jax.test_util import check_grads

    front, function, inputs = tiny("jax", equation)
    function = front.jax.jit(function)
    check_grads(function, tuple(inputs), order=1, modes=("fwd", "rev"), atol=1e-6, rtol=1e-6)
