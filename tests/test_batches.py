"""Shots, threads and repeated calls: what must not change a bit of the results."""

import dataclasses
import itertools
import threading

import numpy as np
import pytest

from dualwave import native
from dualwave.maps import MAPS, accepted_inputs, possible_outputs
from helpers.calls import FRONT_ENDS, assert_close, case_of, cast, named, numpy
from helpers.equations import EQUATIONS, NAMES, random_models
from helpers.runs import Setup, make_run, random_direction

pytestmark = [
    pytest.mark.usefixtures("x64"),
    pytest.mark.filterwarnings("ignore:there are:UserWarning"),  # coarse on purpose
]
# Small grids are marched by one thread each, large ones by all together: see `divide` in the core.
SPACES = {"small": (14, 17), "large": (95, 100)}


@pytest.fixture(autouse=True)
def _threads():
    """As many threads as before, for the tests that follow."""
    before = native.get_num_threads()
    yield
    native.set_num_threads(before)


def shots_case(equation, size, dtype="float64", per_shot=False, nt=30):
    """Three shots with points in every channel, NumPy arguments and models."""
    space = SPACES[size]
    arguments = case_of(equation, 2, nt, dtype, shots=3, space=space)
    models = {k: arguments.pop(k) for k in EQUATIONS[equation].parameters}
    if per_shot:
        models = cast(random_models(equation, (3, *space), np.random.default_rng(7)), dtype)
    return arguments, models


def gradient_function(front, equation, arguments):
    """A function of the models: results, and gradients of a loss of all of them, as NumPy."""
    function = front.function(equation)
    given = {k: front.array(x) for k, x in arguments.items()}

    def loss(models):
        out = named(function(**models, **given))
        squares = ((x**2).sum() / x.shape[-1] for k, x in out.items() if k[:2] != "m_")
        return sum(squares), out

    def by_torch(models):
        for model in models.values():
            model.requires_grad_()
        value, out = loss(models)
        found = front.torch.autograd.grad(value, list(models.values()))
        return dict(zip(models, found, strict=True)), out

    gradient = by_torch
    if front.name == "jax":
        gradient = front.jax.jit(front.jax.grad(loss, has_aux=True))

    def call(models):
        found, out = gradient({k: front.array(x) for k, x in models.items()})
        return tuple({k: numpy(x) for k, x in part.items()} for part in (out, found))

    return call


def gradients(front, equation, arguments, models):
    return gradient_function(front, equation, arguments)(models)


def shot(arguments, number):
    """The arguments of one shot."""
    own = {
        k: x[number : number + 1] for k, x in arguments.items() if k[:7] in ("source_", "receive")
    }
    return arguments | own


ROWS = [
    *itertools.product(["torch"], NAMES, SPACES, ["float64", "float32"]),
    # Compiling in JAX takes a second for each call.
    ("jax", "scalar", "large", "float32"),
    ("jax", "damped", "small", "float64"),
    ("jax", "elastic", "small", "float64"),
]


@pytest.mark.parametrize(("name", "equation", "size", "dtype"), ROWS)
def test_three_shots_are_three_runs_of_one(name, equation, size, dtype):
    """Data and final fields to the bit, the gradient of a shared model to rounding."""
    front = FRONT_ENDS[name]()
    arguments, models = shots_case(equation, size, dtype)
    out, found = gradients(front, equation, arguments, models)
    sums = dict.fromkeys(models, 0.0)
    for number in range(3):
        alone, part = gradients(front, equation, shot(arguments, number), models)
        for k, ours in alone.items():
            assert ours.dtype == dtype
            assert np.abs(ours).max() > 0, k
            np.testing.assert_array_equal(ours[0], out[k][number], err_msg=k)
        sums = {k: sums[k] + part[k].astype("float64") for k in sums}
    for k, total in sums.items():
        assert_close(found[k], total, {"float64": 1e-14, "float32": 1e-6}[dtype])


@pytest.mark.parametrize(
    ("name", "equation", "size"), [row[:3] for row in ROWS if row[::3] != ("torch", "float32")]
)
def test_three_models_are_three_runs(name, equation, size):
    """A model per shot: the gradient too is the same to the bit."""
    front = FRONT_ENDS[name]()
    arguments, models = shots_case(equation, size, per_shot=True)
    out, found = gradients(front, equation, arguments, models)
    for number in range(3):
        own = {k: x[number] for k, x in models.items()}
        alone, part = gradients(front, equation, shot(arguments, number), own)
        for k, ours in alone.items():
            np.testing.assert_array_equal(ours[0], out[k][number], err_msg=k)
        for k in models:
            np.testing.assert_array_equal(part[k], found[k][number])
            assert np.abs(part[k]).max() > 0


def map_case(equation, space, dtype="float64", nt=12):
    """A run of three shots off the grid in layers, and every input that a map may take."""
    rng = np.random.default_rng(11)
    ndim = len(space)
    setup = Setup(
        equation=EQUATIONS[equation],
        region=space,
        spacing=(5.0, 4.0, 6.0)[:ndim],
        pml=(5, 7, 0, 8, 4, 6)[: 2 * ndim],
        dt=5e-4,
        parameters=random_models(equation, (1, *space), rng),
        nt=nt,
        shots=3,
        taps=4,
        state_scale=0.1,
    )
    run = make_run(setup)
    levels = [run.p, *(random_direction(run.p, seed) for seed in (1, 2, 3))]
    inputs = {f"{k}{at}": x for at, p in enumerate(levels) for k, x in p._asdict().items()}
    shape = (3, run.description.receivers, nt)
    for at in (0, 1):
        inputs[f"receivers_bar{at}"] = rng.normal(size=shape)
        inputs[f"state_bar{at}"] = rng.normal(size=inputs["state0"].shape)
    inputs |= {"profiles": run.constants.profiles}
    inputs = {k: np.ascontiguousarray(x, dtype) for k, x in inputs.items()}
    description = dataclasses.replace(run.description, dtype=dtype)
    return description, {**run.constants._asdict(), **inputs}


def every_map(evaluate, description, inputs):
    """Outputs of all five maps with everything that they take and fill, by (map, slot)."""
    found = {}
    for name in MAPS:
        accepted = [slot for slot in accepted_inputs(name) if slot != "residual"]
        wanted = possible_outputs(name)
        out = evaluate(name, description, {slot: inputs[slot] for slot in accepted}, wanted)
        found |= {(name, slot): numpy(out[slot]) for slot in wanted}
    return found


def assert_same_bits(ours, theirs):
    assert ours.keys() == theirs.keys()
    for key, x in theirs.items():
        np.testing.assert_array_equal(ours[key], x, err_msg=str(key))
        assert np.abs(x).max() > 0, key


CASES = pytest.mark.parametrize(
    ("equation", "space", "dtype"),
    [
        ("scalar", (37,), "float64"),
        ("scalar", (80, 90), "float32"),
        ("scalar", (17, 18, 19), "float64"),
        ("damped", (14, 17), "float32"),
        ("damped", (80, 90), "float64"),
        ("acoustic", (80, 90), "float32"),
        ("acoustic", (11, 12, 13), "float64"),
        ("elastic", (37,), "float32"),
        ("elastic", (70, 80), "float64"),
        ("elastic", (9, 10, 11), "float32"),
    ],
)


@CASES
def test_threads_change_no_bit(equation, space, dtype):
    """Shots that one thread marches alone, that all share, and both; and twice the same."""
    description, inputs = map_case(equation, space, dtype)
    found = []
    for count in (1, 2, 3, 5, 2):
        native.set_num_threads(count)
        assert native.get_num_threads() == count
        found.append(every_map(native.evaluate, description, inputs))
    for other in found[1:]:
        assert_same_bits(other, found[0])


def by_torch(name, description, inputs, wanted):
    import torch

    from dualwave.torch.native import call

    return call(name, description, {k: torch.tensor(x) for k, x in inputs.items()}, wanted)


def by_jax(name, description, inputs, wanted):
    import jax

    from dualwave.jax import ffi

    arrays = {k: jax.numpy.asarray(x) for k, x in inputs.items()}
    return jax.jit(lambda x: ffi.call(name, description, x, wanted))(arrays)


@CASES
def test_the_maps_give_the_same_bits_in_both_front_ends(equation, space, dtype):
    description, inputs = map_case(equation, space, dtype)
    expected = every_map(native.evaluate, description, inputs)
    assert_same_bits(every_map(by_torch, description, inputs), expected)
    assert_same_bits(every_map(by_jax, description, inputs), expected)


def test_sixteen_callers_at_once():
    """Eight in PyTorch and eight in JAX, small and large runs, equal to the bit to one by one."""
    import jax

    jobs = list(itertools.product(FRONT_ENDS, SPACES, range(3)))[:12] + [
        (name, "small", number) for name in FRONT_ENDS for number in (0, 1)
    ]
    assert len(jobs) == 16
    arguments, models = zip(*(shots_case("scalar", size) for size in SPACES), strict=True)
    functions = {
        (name, size): gradient_function(FRONT_ENDS[name](), "scalar", given)
        for name in FRONT_ENDS
        for size, given in zip(SPACES, arguments, strict=True)
    }

    def run(name, size, number):
        v = models[list(SPACES).index(size)]["v"]
        return functions[name, size]({"v": v * (1 - 0.01 * number)})

    expected = {job: run(*job) for job in set(jobs)}
    native.set_num_threads(3)
    start, found = threading.Barrier(len(jobs)), {}

    def caller(index, job):
        with jax.enable_x64(True):  # for this thread
            start.wait()
            found[index] = [run(*job) for _ in range(2)]

    threads = [threading.Thread(target=caller, args=pair) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == len(jobs)
    for index, job in enumerate(jobs):
        for out, gradient in found[index]:
            for k, ours in out.items():
                np.testing.assert_array_equal(ours, expected[job][0][k])
            np.testing.assert_array_equal(gradient["v"], expected[job][1]["v"])
