"""A second equation through the front ends: a damped wave, made of the two files of any equation.

``tests/equations/damped.py`` and ``damped.hpp`` are all that there is of it. That it passes the
checks of the maps, of dot products and of shots and threads is in the tests of those.
"""

import numpy as np
import pytest
from equations.damped import DAMPED

from dualwave import native
from helpers.calls import FRONT_ENDS, assert_close, case, numpy
from helpers.joint import derivatives, joint_case, results

pytestmark = [
    pytest.mark.usefixtures("x64"),
    pytest.mark.filterwarnings("ignore:there are:UserWarning"),  # coarse on purpose
]
BOTH = pytest.mark.parametrize("name", FRONT_ENDS)


def damped_case(**changes):
    """Both models and the other arguments of a call in 2-D on the grid, in NumPy."""
    arguments = case(2, **changes)
    v = arguments.pop("v")
    return {"v": v, "d": np.random.default_rng(5).uniform(20, 200, v.shape)}, arguments


def run(front, models, arguments):
    given = {k: front.array(x) for k, x in (models | arguments).items()}
    return front.module.propagator(DAMPED)(**given)


def test_it_is_in_the_compiled_core():
    assert native.equation_id("damped") > native.equation_id("scalar")


@BOTH
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_compiled_is_eager(name, ndim):
    """Results and both modes in everything jointly, in JAX under jit, against PyTorch's engine."""
    inputs, _ = joint_case("damped", ndim)
    rng = np.random.default_rng(6)
    direction = {k: 0.1 * np.abs(x).max() * rng.normal(size=x.shape) for k, x in inputs.items()}
    eager = derivatives("torch", "damped", ndim, "eager")
    (found,) = eager(inputs)
    cotangent = {k: rng.normal(size=x.shape) / np.linalg.norm(x) for k, x in found.items()}
    expected = eager(inputs, direction, cotangent)
    ours = derivatives(name, "damped", ndim)(inputs, direction, cotangent)
    for kind, (own, oracle) in enumerate(zip(ours, expected, strict=True)):
        assert own.keys() == oracle.keys(), kind
        for k, x in oracle.items():
            assert_close(own[k], x, 1e-12)


def test_jit_is_the_call_itself():
    inputs, fixed = joint_case("damped", 1)
    front = FRONT_ENDS["jax"]()
    own = {k: front.array(x) for k, x in inputs.items()}
    (expected,) = derivatives("jax", "damped", 1)(inputs)
    for k, x in results(front, "damped", fixed, own).items():
        assert_close(x, expected[k], 1e-13)


@BOTH
def test_float32(name):
    front = FRONT_ENDS[name]()
    expected = run(front, *damped_case())
    models, arguments = damped_case()
    arguments["source_amplitudes"] = arguments["source_amplitudes"].astype("float32")
    out = run(front, {k: x.astype("float32") for k, x in models.items()}, arguments)
    assert numpy(out[-1]).dtype == "float32"
    assert_close(out[-1], expected[-1], 1e-5)
    assert_close(out[0], expected[0], 1e-5)


@BOTH
def test_damping_damps_and_none_is_the_scalar_equation(name):
    front = FRONT_ENDS[name]()
    models, arguments = damped_case()
    lossy = run(front, models, arguments)
    models["d"] = 0 * models["d"]
    free = run(front, models, arguments)
    scalar = front.call({"v": models["v"], **arguments})
    for k, x in scalar._asdict().items():
        if k != "auxiliary_state":
            assert_close(getattr(free, k), x, 1e-12)
    for k, x in scalar.auxiliary_state.items():
        assert_close(free.auxiliary_state[k], x, 1e-12)
    assert np.linalg.norm(numpy(lossy[0])) < 0.9 * np.linalg.norm(numpy(free[0]))


@BOTH
def test_a_run_cut_in_two_gives_the_same_bits(name):
    front = FRONT_ENDS[name]()
    models, arguments = damped_case()
    whole = run(front, models, arguments)
    signal = arguments["source_amplitudes"]
    first = run(front, models, arguments | {"source_amplitudes": signal[..., :19]})
    rest = {**arguments, "source_amplitudes": signal[..., 19:], "initial_state": first}
    second = run(front, models, rest)
    both = np.concatenate([numpy(first[-1]), numpy(second[-1])], axis=-1)
    np.testing.assert_array_equal(both, numpy(whole[-1]))
    np.testing.assert_array_equal(numpy(second[0]), numpy(whole[0]))
    assert np.abs(both).max() > 0


def test_second_derivatives_in_both_front_ends():
    """The Hessian of a loss times a direction in both models, against the engine's."""
    models, arguments = damped_case(nt=25)
    rng = np.random.default_rng(8)
    direction = {k: 0.1 * x.max() * rng.normal(size=x.shape) for k, x in models.items()}
    found = {}
    for name, backend in [("torch", "eager"), ("torch", "compiled"), ("jax", "compiled")]:
        front = FRONT_ENDS[name]()
        given = {k: front.array(x) for k, x in arguments.items()} | {"backend": backend}
        function = front.module.propagator(DAMPED)

        def loss(models, function=function, given=given):
            out = function(**models, **given)
            return (out[-1] ** 2).sum() + (out[0] ** 2).sum()

        own = [{k: front.array(x) for k, x in part.items()} for part in (models, direction)]
        transforms = front.jax if name == "jax" else front.torch.func
        product = transforms.jvp(transforms.grad(loss), tuple(own[:1]), tuple(own[1:]))
        found[name, backend] = product[1]
    for k, oracle in found.pop(("torch", "eager")).items():
        for own in found.values():
            assert_close(own[k], oracle, 1e-12)


def test_custom_vjp_form():
    front = FRONT_ENDS["jax"]()
    models, arguments = damped_case(nt=25)
    given = {k: front.array(x) for k, x in arguments.items()}
    function = front.module.propagator(DAMPED)

    def loss(models, ad):
        return (function(**models, **given, ad=ad)[-1] ** 2).sum()

    own = {k: front.array(x) for k, x in models.items()}
    expected = front.jax.grad(loss)(own, "primitives")
    for k, x in front.jax.grad(loss)(own, "custom_vjp").items():
        assert_close(x, expected[k], 1e-13)
