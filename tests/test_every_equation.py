"""What holds of every equation in both front ends, from its table alone.

That each passes the checks of the maps, of dot products and of shots and threads is in the tests of
those; that it is the equation it is called, in its own.
"""

import inspect
import itertools

import numpy as np
import pytest

from dualwave import native
from helpers.calls import FRONT_ENDS, assert_close, case_of, cast, named, numpy
from helpers.equations import EQUATIONS, NAMES, rows
from helpers.joint import derivatives, joint_case, results

pytestmark = [
    pytest.mark.usefixtures("x64"),
    pytest.mark.filterwarnings("ignore:there are:UserWarning"),  # coarse on purpose
]
BOTH = pytest.mark.parametrize("name", FRONT_ENDS)
EVERY = pytest.mark.parametrize("equation", NAMES)


def loss(out):
    """All results, each as important as the others, with fixed random weights."""
    rng, total = np.random.default_rng(5), 0.0
    for name, x in {**out.auxiliary_state, **out._asdict()}.items():
        if name != "auxiliary_state":
            weights = rng.normal(size=x.shape).astype(str(x.dtype).rsplit(".")[-1])
            weights = x.new_tensor(weights) if hasattr(x, "new_tensor") else weights
            total = total + (weights * x).sum() + 0.1 * (x * x).sum()
    return total


@EVERY
def test_it_is_in_the_compiled_core(equation):
    assert native.equation_id(equation) >= 0


@EVERY
@BOTH
def test_the_function_follows_the_table(name, equation):
    table, function = EQUATIONS[equation], FRONT_ENDS[name]().function(equation)
    form = list(inspect.signature(function).parameters)
    models = len(table.parameters)
    assert form[: models + 2] == [*table.parameters, "grid_spacing", "dt"]
    sources, receivers = table.all_channels()
    for channel in (*sources, *table.aliases):
        for kind in ("amplitudes", "locations", "mask"):
            assert f"source_{kind}{'_' * bool(channel)}{channel}" in form
    for channel in receivers:
        for kind in ("locations", "mask"):
            assert f"receiver_{kind}{'_' * bool(channel)}{channel}" in form
    assert set(table.wavefields) <= set(form)
    assert ("source_tensors_moment" in form) == (equation == "elastic")
    assert function.__name__ == equation


@pytest.mark.parametrize(
    ("name", "equation", "ndim"),
    rows(
        itertools.product(FRONT_ENDS, NAMES, (1, 2, 3)),
        lambda name, equation, ndim: equation == "damped" or (name == "torch" and ndim < 3),
    ),
)
def test_compiled_is_eager(name, equation, ndim):
    """Results and both modes in everything jointly, in JAX under jit, against PyTorch's engine."""
    inputs, _ = joint_case(equation, ndim)
    rng = np.random.default_rng(6)
    direction = {k: 0.1 * np.abs(x).max() * rng.normal(size=x.shape) for k, x in inputs.items()}
    eager = derivatives("torch", equation, ndim, "eager")
    (found,) = eager(inputs)
    cotangent = {k: rng.normal(size=x.shape) / np.linalg.norm(x) for k, x in found.items()}
    expected = eager(inputs, direction, cotangent)
    ours = derivatives(name, equation, ndim)(inputs, direction, cotangent)
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


@pytest.mark.parametrize(
    ("equation", "ndim", "dtype"),
    rows(
        itertools.product(NAMES, (1, 2, 3), ("float64", "float32")),
        lambda equation, ndim, dtype: ndim < 3 and (ndim == 2) == (dtype == "float64"),
    ),
)
def test_torch_and_jax_agree(equation, ndim, dtype):
    """Every result, and the gradients of all that is a float: the weights are each framework's."""
    arguments = case_of(equation, ndim, nt=40, dtype=dtype)
    names = [k for k, x in arguments.items() if getattr(x, "dtype", None) == dtype]
    assert len(names) > len(EQUATIONS[equation].parameters)
    torch, jax = (FRONT_ENDS[name]() for name in ("torch", "jax"))
    ours, theirs = (named(front.call(arguments, equation)) for front in (torch, jax))
    assert ours.keys() == theirs.keys()
    for k, x in theirs.items():
        assert numpy(ours[k]).dtype == numpy(x).dtype == dtype
        assert_close(ours[k], x, {"float64": 1e-12, "float32": 1e-5}[dtype])
    found = (front.gradients(loss, arguments, names, equation) for front in (torch, jax))
    for k, own, other in zip(names, *found, strict=True):
        scale = np.abs(other).max()
        assert scale > 0, k
        assert np.abs(own - other).max() < {"float64": 1e-12, "float32": 3e-5}[dtype] * scale, k


@EVERY
@BOTH
def test_float32(name, equation):
    front = FRONT_ENDS[name]()
    arguments = case_of(equation)
    expected = named(front.call(arguments, equation))
    found = named(front.call(cast(arguments, "float32"), equation))
    assert found.keys() == expected.keys()
    for k, x in found.items():
        assert numpy(x).dtype == "float32"
        assert_close(x, expected[k], 1e-5)


@EVERY
@BOTH
def test_a_run_cut_in_two_gives_the_same_bits(name, equation):
    front = FRONT_ENDS[name]()
    arguments = case_of(equation)
    signals = {k: x for k, x in arguments.items() if k.startswith("source_amplitudes")}
    whole = named(front.call(arguments, equation))
    halves = ({k: x[..., at] for k, x in signals.items()} for at in (np.s_[:19], np.s_[19:]))
    start, rest = (arguments | half for half in halves)
    first = front.call(start, equation)
    for state in (first, first.final_state):
        second = named(front.call(rest | {"initial_state": state}, equation))
        for k, x in whole.items():
            if k.startswith("receiver"):
                early, late = numpy(getattr(first, k)), numpy(second[k])
                second[k] = np.concatenate([early, late], axis=-1)
            np.testing.assert_array_equal(numpy(second[k]), numpy(x), err_msg=k)
            assert np.abs(numpy(x)).max() > 0, k


@EVERY
def test_second_derivatives_in_both_front_ends(equation):
    """The Hessian of a loss times a direction in all models, against the engine's."""
    arguments = case_of(equation, nt=25)
    rng = np.random.default_rng(8)
    models = {k: arguments.pop(k) for k in EQUATIONS[equation].parameters}
    direction = {k: 0.1 * x.max() * rng.normal(size=x.shape) for k, x in models.items()}
    found = {}
    for name, backend in [("torch", "eager"), ("torch", "compiled"), ("jax", "compiled")]:
        front = FRONT_ENDS[name]()
        given = {k: front.array(x) for k, x in arguments.items()} | {"backend": backend}
        function = front.function(equation)

        def total(models, function=function, given=given):
            out = function(**models, **given)
            return (out[-1] ** 2).sum() + (out[0] ** 2).sum()

        own = [{k: front.array(x) for k, x in part.items()} for part in (models, direction)]
        transforms = front.jax if name == "jax" else front.torch.func
        product = transforms.jvp(transforms.grad(total), tuple(own[:1]), tuple(own[1:]))
        found[name, backend] = product[1]
    for k, oracle in found.pop(("torch", "eager")).items():
        for own in found.values():
            assert_close(own[k], oracle, 1e-12)


@EVERY
def test_custom_vjp_form(equation):
    front = FRONT_ENDS["jax"]()
    arguments = case_of(equation, nt=25)
    names = EQUATIONS[equation].parameters
    forms = {ad: arguments | {"ad": ad} for ad in ("primitives", "custom_vjp")}
    expected, found = (front.gradients(loss, given, names, equation) for given in forms.values())
    for ours, theirs in zip(found, expected, strict=True):
        assert_close(ours, theirs, 1e-13)


@BOTH
def test_damping_damps_and_none_is_the_scalar_equation(name):
    front = FRONT_ENDS[name]()
    arguments = case_of("damped")
    lossy = front.call(arguments, "damped")
    arguments["d"] = 0 * arguments["d"]
    free = front.call(arguments, "damped")
    del arguments["d"]
    for k, x in named(front.call(arguments)).items():
        assert_close(named(free)[k], x, 1e-12)
    assert np.linalg.norm(numpy(lossy[0])) < 0.9 * np.linalg.norm(numpy(free[0]))
