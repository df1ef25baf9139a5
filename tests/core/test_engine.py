"""The eager engine in its three frameworks, and its own promises."""

from dataclasses import replace

import numpy as np
import pytest

from dualwave.engine import forward
from dualwave.framework import NumpyFramework
from dualwave.maps import Constants, Primal
from dualwave.oracle import tangent
from helpers.equations import EQUATIONS, random_models
from helpers.runs import Setup, make_run, random_direction

NUMPY = NumpyFramework()
REGION = {1: (24,), 2: (9, 11), 3: (5, 6, 7)}
PML = {1: (5, 3), 2: (3, 0, 2, 4), 3: (2, 1, 0, 3, 2, 2)}
TABLES = pytest.mark.parametrize("table", EQUATIONS)


def setup_of(table="scalar", ndim=2, models=1, **more):
    models_by_name = random_models(table, (models, *REGION[ndim]), np.random.default_rng(2))
    values = {
        "region": REGION[ndim],
        "spacing": (5.0, 6.0, 5.5)[:ndim],
        "pml": PML[ndim],
        "dt": 0.0007,
        "parameters": models_by_name,
        "nt": 20,
        "state_scale": 0.1,
        "taps": 2,
    }
    return Setup(EQUATIONS[table], **{**values, **more})


def run_numpy(run, equation, **changes):
    return forward(NUMPY, equation, run.description, run.p._replace(**changes), run.constants)


def assert_close(ours, theirs, tolerance=1e-12):
    scale = np.abs(theirs).max()
    assert scale > 0
    assert np.abs(np.asarray(ours) - np.asarray(theirs)).max() <= tolerance * scale


@TABLES
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_torch_equals_numpy(table, ndim):
    torch = pytest.importorskip("torch")
    from dualwave.torch.framework import TorchFramework

    setup = setup_of(table, ndim, models=2)
    run = make_run(setup)
    p, constants = to_framework(torch.tensor, run)
    ours = forward(TorchFramework(), setup.equation, run.description, p, constants)
    for mine, theirs in zip(ours, run_numpy(run, setup.equation), strict=True):
        assert_close(mine, theirs)


@pytest.mark.parametrize(
    ("table", "traced"),
    [("scalar", "nothing"), ("scalar", "all"), *((table, "operands") for table in EQUATIONS)],
)
def test_jax_equals_numpy(table, traced):
    jax = pytest.importorskip("jax")
    from dualwave.jax.framework import JaxFramework

    setup = setup_of(table, models=2)
    run = make_run(setup)
    with jax.enable_x64(True):
        p, constants = to_framework(jax.numpy.asarray, run)

        def call(p, constants):
            return forward(JaxFramework(), setup.equation, run.description, p, constants)

        if traced == "nothing":
            ours = call(p, constants)
        elif traced == "operands":
            ours = jax.jit(lambda p: call(p, constants))(p)
        else:
            ours = jax.jit(call)(p, constants)
        for mine, theirs in zip(ours, run_numpy(run, setup.equation), strict=True):
            assert_close(mine, theirs)


@TABLES
def test_float32_follows_float64(table):
    setup = setup_of(table)
    run = make_run(setup)
    p = Primal(*(x.astype(np.float32) for x in run.p))
    constants = run.constants._replace(profiles=run.constants.profiles.astype(np.float32))
    ours = forward(NUMPY, setup.equation, run.description, p, constants)
    assert all(x.dtype == np.float32 for x in ours)
    for mine, theirs in zip(ours, run_numpy(run, setup.equation), strict=True):
        assert_close(mine, theirs, 1e-5)


@TABLES
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_cut_run_gives_the_same_bits(table, ndim):
    setup = setup_of(table, ndim, accuracy=8)
    run = make_run(setup)
    whole, final = run_numpy(run, setup.equation)
    state, parts = run.p.state, []
    for start, stop in ((0, 7), (7, 7), (7, setup.nt)):
        description = replace(run.description, nt=stop - start)
        p = run.p._replace(amplitudes=run.p.amplitudes[..., start:stop], state=state)
        part, state = forward(NUMPY, setup.equation, description, p, run.constants)
        parts.append(part)
    assert np.abs(final).max() > 0
    np.testing.assert_array_equal(np.concatenate(parts, -1), whole)
    np.testing.assert_array_equal(state, final)


def test_shots_do_not_mix():
    setup = setup_of(models=2, shots=3)
    run = make_run(setup)
    whole, final = run_numpy(run, setup.equation)
    for shot in range(3):
        part = slice(shot, shot + 1)
        p = Primal(run.p.coefficients, *(x[part] for x in run.p[1:]))
        c = run.constants
        own = Constants(
            c.source_nodes[part], c.receiver_nodes[part], c.model_index[:, part], c.profiles
        )
        description = replace(run.description, shots=1)
        one, state = forward(NUMPY, setup.equation, description, p, own)
        np.testing.assert_array_equal(one, whole[part])
        np.testing.assert_array_equal(state, final[part])
    assert (whole[0] != whole[2]).any()


def test_ignored_nodes_do_nothing():
    setup = setup_of(sources=3, receivers=3)
    run = make_run(setup)
    nodes = [run.constants.source_nodes.copy(), run.constants.receiver_nodes.copy()]
    for some in nodes:
        some[:, 1] = -1
    constants = run.constants._replace(source_nodes=nodes[0], receiver_nodes=nodes[1])
    ours, state = forward(NUMPY, setup.equation, run.description, run.p, constants)
    quiet = run.p.source_weights.copy()
    quiet[:, 1] = 0
    theirs, other = run_numpy(run, setup.equation, source_weights=quiet)
    assert not ours[:, 1].any()
    assert_close(ours[:, [0, 2]], theirs[:, [0, 2]])
    assert_close(state, other)


def test_no_sources_and_no_receivers():
    setup = setup_of()
    run = make_run(setup)
    description = replace(run.description, sources=0, receivers=0)
    empty = np.zeros((setup.shots, 0, 2))
    p = run.p._replace(
        amplitudes=np.zeros((setup.shots, 0, setup.nt)),
        source_weights=empty,
        receiver_weights=empty,
    )
    none = empty.astype(np.int32)
    constants = run.constants._replace(source_nodes=none, receiver_nodes=none)
    receivers, state = forward(NUMPY, setup.equation, description, p, constants)
    silent = run_numpy(run, setup.equation, amplitudes=0 * run.p.amplitudes)[1]
    assert receivers.shape == (setup.shots, 0, setup.nt)
    assert_close(state, silent)


def test_first_sample_is_the_initial_field_and_the_last_amplitude_is_unheard():
    setup = setup_of(taps=1, state_scale=1.0)
    run = make_run(setup)
    receivers, _ = run_numpy(run, setup.equation)
    cells = run.constants.receiver_nodes[..., 0]
    initial = np.take_along_axis(run.p.state, cells, axis=1)
    np.testing.assert_array_equal(receivers[..., 0], initial)
    louder = run.p.amplitudes.copy()
    louder[..., -1] *= 2
    same, state = run_numpy(run, setup.equation, amplitudes=louder)
    np.testing.assert_array_equal(same, receivers)
    assert (state != run_numpy(run, setup.equation)[1]).any()


@TABLES
def test_gradient_is_the_transpose_of_the_tangent(table):
    """<T d, g> from the complex step equals <d, A g> from reverse mode, all operands jointly."""
    torch = pytest.importorskip("torch")
    from dualwave.torch.framework import TorchFramework

    setup = setup_of(table, models=2, shots=3)
    run = make_run(setup)
    d = random_direction(run.p)
    dr, ds = tangent(setup.equation, run.description, run.p, d, run.constants)
    rng = np.random.default_rng(8)
    g = rng.standard_normal(dr.shape) / np.abs(dr).max()
    h = rng.standard_normal(ds.shape) / np.abs(ds).max()
    p, constants = to_framework(torch.tensor, run)
    p = Primal(*(x.requires_grad_() for x in p))
    receivers, state = forward(TorchFramework(), setup.equation, run.description, p, constants)
    product = (receivers * torch.tensor(g)).sum() + (state * torch.tensor(h)).sum()
    gradients = torch.autograd.grad(product, tuple(p))
    assert all(x.abs().max() > 0 for x in gradients)
    ours = sum((x.numpy() * y).sum() for x, y in zip(gradients, d, strict=True))
    theirs = (dr * g).sum() + (ds * h).sum()
    size = np.abs(dr * g).sum() + np.abs(ds * h).sum()
    assert abs(theirs) > 1e-6 * size
    assert abs(ours - theirs) <= 1e-12 * size


def to_framework(convert, run):
    return (
        Primal(*(convert(np.array(x)) for x in run.p)),
        Constants(*(convert(np.array(x)) for x in run.constants)),
    )
