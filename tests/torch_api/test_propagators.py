"""Whole calls in PyTorch against Deepwave 0.1.0, an independent code of the same scheme."""

import itertools
import warnings

import numpy as np
import pytest
import torch

import dualwave
from dualwave import IGNORE_LOCATION, resampling
from dualwave.coefficients import arithmetic
from dualwave.torch import Scalar, scalar
from helpers.calls import Torch, assert_close, backends, case, case_of, clustered, least_limit
from helpers.equations import EQUATIONS

pytestmark = pytest.mark.filterwarnings("ignore:there are:UserWarning")  # coarse on purpose

deepwave = pytest.importorskip("deepwave", exc_type=ImportError)

FRONT = Torch()
WEIGHTS = np.random.default_rng(9)


def off_grid(points, axes):
    """Locations between cells whose windows of halfwidth 2 lie in the model."""
    size = np.array(axes)
    return WEIGHTS.uniform(2.0, size - 3.5, (2, points, len(axes)))


def final_field(ndim, **more):
    """A call that starts from fields over the grid: random inside, zero in the PML."""
    arguments = case(ndim, **more)
    widths = np.reshape(arguments["pml_width"], (-1, 2))
    for name in ("wavefield_0", "wavefield_m1"):
        field = WEIGHTS.normal(size=(2, *arguments["v"].shape))
        arguments[name] = np.pad(field, [(0, 0), *map(tuple, widths)])
    return arguments | {"origin": [0] * ndim}


def ignored(arguments):
    for name in ("source_locations", "receiver_locations"):
        arguments[name][0, 1] = IGNORE_LOCATION
    return arguments


CASES = {
    "1-D": case(1),
    "2-D": case(2),
    "3-D": case(3, nt=25),
    **{f"order {order}": case(2, accuracy=order) for order in (2, 6, 8)},
    "order 8 in 3-D": case(3, nt=15, accuracy=8),
    "no PML": case(2, pml_width=0),
    "PML on some faces": case(2, pml_width=[0, 6, 3, 0]),
    "speed per shot": case(2, v=WEIGHTS.uniform(1500, 2500, (2, 12, 15))),
    "off-grid": case(
        2,
        source_locations=off_grid(2, (12, 15)),
        receiver_locations=off_grid(3, (12, 15)),
        location_interpolation_halfwidth=2,
    ),
    "off-grid in 3-D": case(
        3,
        nt=20,
        source_locations=off_grid(2, (7, 8, 9)),
        location_interpolation_halfwidth=2,
    ),
    "survey_pad": clustered(2, survey_pad=[1, None, 0, 2]),
    "initial wavefields": final_field(2),
    "fields alone": final_field(1)
    | {"source_amplitudes": None, "source_locations": None, "nt": 40},
    "inferred": case(2, max_vel=None, pml_freq=None),
    "ignored points": ignored(case(2)),
    "masks": case(
        2,
        source_mask=np.array([[True, False], [True, True]]),
        receiver_mask=np.array([[True, False, True], [False, True, True]]),
    ),
    "longer nt": case(2, nt=40) | {"nt": 55},
    "shorter nt": case(2, nt=60) | {"nt": 45},
    "negative dt": case(2, dt=-6e-4),
    "courant_number": case(2, dt=9e-4, courant_number=0.85),
}


def theirs(arguments, names):
    """Deepwave's results, and gradients of a random sum of them, in float64."""
    tensors = {k: FRONT.array(x) for k, x in arguments.items()}
    wanted = [tensors[name].requires_grad_() for name in names]
    torch.set_default_dtype(torch.float64)  # its interpolation weights pass through the default
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out = deepwave.scalar(**tensors)
    finally:
        torch.set_default_dtype(torch.float32)
    return out, torch.autograd.grad(weighted(out), wanted)


def weighted(out):
    """A sum of all results with fixed random weights, so that all of them count."""
    rng = np.random.default_rng(5)
    parts = (out[0], out[1], out[-1])
    return sum((torch.tensor(rng.normal(size=x.shape)) * x).sum() for x in parts)


@pytest.mark.parametrize("backend", backends("torch"))
@pytest.mark.parametrize("name", CASES)
def test_deepwave(name, backend):
    """Data, final fields, and the gradients of speed, amplitudes and initial fields."""
    arguments = CASES[name]
    wanted = [k for k in ("v", "source_amplitudes", "wavefield_0") if arguments.get(k) is not None]
    expected, expected_gradients = theirs(arguments, wanted)
    assert expected.info.step_ratio == 1
    out = FRONT.call(arguments | {"backend": backend})
    for ours, other in zip((out[0], out[1], out[-1]), (*expected[:2], expected[-1]), strict=True):
        assert_close(ours, other, 1e-11)
    found = FRONT.gradients(weighted, arguments | {"backend": backend}, wanted)
    for ours, other in zip(found, expected_gradients, strict=True):
        assert_close(ours, other, 1e-11)


@pytest.mark.parametrize("backend", backends("torch"))
@pytest.mark.parametrize("taper", [{}, {"freq_taper_frac": 0.2, "time_pad_frac": 0.3}])
def test_deepwave_with_sub_stepping(taper, backend):
    """Not the gradient of speed, which Deepwave samples at the caller's steps."""
    arguments = case(2, dt=2e-3, **taper)
    arguments["source_amplitudes"] = arguments["source_amplitudes"][..., ::2]
    expected, (expected_gradient,) = theirs(arguments, ["source_amplitudes"])
    assert expected.info.step_ratio > 1
    out = FRONT.call(arguments | {"backend": backend})
    for ours, other in zip((out[0], out[1], out[-1]), (*expected[:2], expected[-1]), strict=True):
        assert_close(ours, other, 1e-6)
    (gradient,) = FRONT.gradients(weighted, arguments | {"backend": backend}, ["source_amplitudes"])
    assert_close(gradient, expected_gradient, 1e-6)


@pytest.mark.parametrize("dt", [{}, {"dt": 2e-3}])
@pytest.mark.parametrize("interval", [2, 5])
def test_sampled_gradient_is_deepwaves(interval, dt):
    """With sub-stepping too: both take the caller's steps."""
    arguments = case(2, **dt)
    sampled = arguments | {"model_gradient_sampling_interval": interval}
    _, (expected,) = theirs(sampled, ["v"])
    (found,) = FRONT.gradients(weighted, sampled, ["v"])
    assert_close(found, expected, 1e-11)
    (exact,) = FRONT.gradients(weighted, arguments, ["v"])
    assert np.abs(found - exact).max() > 1e-3 * np.abs(exact).max()


@pytest.mark.parametrize("backend", backends("torch"))
def test_gradient_of_speed_is_exact_with_sub_stepping(backend):
    """Differences of the loss are the oracle; Deepwave's gradient is a sum over fewer steps."""
    arguments = case(2, dt=2e-3)
    arguments["source_amplitudes"] = arguments["source_amplitudes"][..., ::2]
    direction = np.random.default_rng(3).normal(size=arguments["v"].shape)
    step = 1e-2
    ends = [
        weighted(FRONT.call(arguments | {"v": arguments["v"] + sign * step * direction}))
        for sign in (1, -1)
    ]
    slope = float(ends[0] - ends[1]) / (2 * step)
    (gradient,) = FRONT.gradients(weighted, arguments | {"backend": backend}, ["v"])
    _, (other,) = theirs(arguments, ["v"])
    assert abs((gradient * direction).sum() - slope) < 1e-6 * abs(slope)
    assert abs((other.numpy() * direction).sum() - slope) > 1e-3 * abs(slope)


def test_receivers_may_share_a_cell_unlike_in_deepwave():
    arguments = case(2) | {"receiver_locations": np.full((2, 2, 2), 7)}
    with pytest.raises(RuntimeError, match="unique"):
        theirs(arguments, ["v"])
    out = FRONT.call(arguments | {"backend": "eager"})[-1]
    assert torch.equal(out[:, 0], out[:, 1])
    assert out.abs().max() > 0


def test_negative_speeds_are_refused_unlike_in_deepwave():
    """Deepwave takes their absolute value; here a sign is taken for a mistake."""
    arguments = case(2)
    negative = arguments | {"v": -arguments["v"]}
    (same, _), (expected, _) = (theirs(x, ["v"]) for x in (negative, arguments))
    assert_close(same[-1], expected[-1], 1e-14)
    with pytest.raises(ValueError, match="180 of 180 speeds are negative"):
        FRONT.call(negative)


def test_gradient_of_locations_is_deepwaves():
    arguments = CASES["off-grid"]
    names = ["source_locations", "receiver_locations"]
    _, expected = theirs(arguments, names)
    found = FRONT.gradients(weighted, arguments | {"backend": "eager"}, names)
    for ours, other in zip(found, expected, strict=True):
        assert_close(ours, other, 1e-11)


def test_python_backend_is_deepwaves_name_for_eager():
    arguments = case(1)
    expected = FRONT.call(arguments | {"backend": "eager"})[-1]
    for alias in ("eager", True):
        assert torch.equal(FRONT.call(arguments | {"python_backend": alias})[-1], expected)


@pytest.mark.parametrize("backend", backends("torch"))
def test_module(backend):
    """The module is the function with the model kept."""
    arguments = {k: FRONT.array(x) for k, x in case(2).items()} | {"backend": backend}
    expected = scalar(**arguments)[-1]
    v, spacing, dt = (arguments.pop(name) for name in ("v", "grid_spacing", "dt"))
    module = Scalar(v, spacing, v_requires_grad=True)
    out = module(dt, **arguments)[-1]
    assert torch.equal(out, expected)
    assert out.abs().max() > 0
    out.square().sum().backward()
    assert module.v.grad.abs().max() > 0
    assert dict(module.named_parameters()).keys() == {"v"}
    assert not Scalar(v, spacing).v.requires_grad
    assert Scalar(module.v, spacing).v is module.v
    assert "12, 15" in repr(module)


def test_module_refuses_what_it_would_cut_off():
    v = torch.full((4, 4), 1500.0, requires_grad=True)
    with pytest.raises(ValueError, match="v: is computed from other tensors"):
        Scalar(v * 2, 5.0)
    with pytest.raises(TypeError, match="v: got"):
        Scalar(np.ones((4, 4)), 5.0)


@pytest.mark.parametrize("backend", backends("torch"))
def test_results_pass_through_torch_func(backend):
    """vmap over amplitudes is a loop over them, and the PML memory comes along."""
    arguments = {k: FRONT.array(x) for k, x in case(1).items()} | {"backend": backend}
    amplitudes = arguments.pop("source_amplitudes")
    both = torch.stack([amplitudes, -2 * amplitudes])
    out = torch.func.vmap(lambda a: scalar(**arguments, source_amplitudes=a))(both)
    single = scalar(**arguments, source_amplitudes=both[1])
    assert_close(out.receiver_amplitudes[1], single.receiver_amplitudes, 1e-13)
    for name, memory in single.auxiliary_state.items():
        assert_close(out.auxiliary_state[name][1], memory, 1e-13)
    assert out.auxiliary_state.settings == single.auxiliary_state.settings


def test_vmap_over_models_needs_no_max_vel():
    """Values are known under vmap; the largest of all models counts."""
    arguments = {k: FRONT.array(x) for k, x in case(1, max_vel=None).items()}
    v = arguments.pop("v")
    both = torch.stack([v, 1.1 * v])
    run = torch.func.vmap(lambda v: scalar(v, **arguments, backend="eager"))
    out = run(both)
    assert out.auxiliary_state.settings.max_vel == float(both.max())
    single = scalar(both[0], **arguments | {"max_vel": float(both.max())}, backend="eager")
    assert_close(out[-1][0], single[-1], 1e-13)


@pytest.mark.parametrize("equation", ["acoustic", "elastic"])
def test_vmap_over_one_of_several_models(equation):
    """Where the others are of each shot, or are mapped by another vmap: all combinations count."""
    arguments = {k: FRONT.array(x) for k, x in case_of(equation, 2, 20).items()}
    names, vmap = EQUATIONS[equation].parameters[:2], torch.func.vmap
    one, other = (arguments.pop(name) for name in names)
    ones, others = torch.stack([one, 1.1 * one]), torch.stack([other, 0.9 * other, 0.8 * other])

    def run(*models, max_vel=None):
        given = dict(zip(names, models, strict=True)) | {"max_vel": max_vel}
        return FRONT.function(equation)(**arguments | given)

    def fastest(out):
        return out.auxiliary_state.settings.max_vel

    of_shots, pairs = vmap(run, (None, 0))(ones, others), [*itertools.product(ones, others)]
    grid = vmap(vmap(run, (None, 0)), (0, None))(ones, others)
    assert fastest(of_shots) == max(fastest(run(ones, x)) for x in others)
    assert fastest(grid) == max(fastest(run(*pair)) for pair in pairs)
    for ours, x in zip(of_shots[-1], others, strict=True):
        assert_close(ours, run(ones, x, max_vel=fastest(of_shots))[-1], 1e-13)
    for ours, pair in zip(grid[-1].flatten(0, 1), pairs, strict=True):
        assert_close(ours, run(*pair, max_vel=fastest(grid))[-1], 1e-13)


def test_a_negative_that_has_not_been_formed():
    """PyTorch keeps a sign apart, in the imaginary part of a conjugate."""
    arguments = {k: FRONT.array(x) for k, x in case(2, nt=30).items()}
    whole = scalar(**arguments, backend="eager")
    for name in ("v", "source_amplitudes"):
        pair = torch.complex(torch.zeros_like(arguments[name]), -arguments[name])
        lazy = pair.conj().imag
        assert lazy.is_neg()
        out = scalar(**arguments | {name: lazy})
        assert_close(out[-1], whole[-1], 1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_a_plan_whatever_the_default_dtype_is(dtype):
    arguments = {k: FRONT.array(x) for k, x in case(2, nt=30, dt=2e-3).items()}

    def planned():
        for looked_at in (arithmetic, resampling.held):
            looked_at.cache_clear()
        return dualwave.plan(scalar, **arguments).gradient_memory

    want, before = planned(), torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        found = planned()
    finally:
        torch.set_default_dtype(before)
    assert found == want
    assert min(want["model arithmetic"], want["resampling"]) > 0


def test_vmap_over_locations():
    """Between cells and on them: a mapped axis is a loop."""
    arguments = {k: FRONT.array(x) for k, x in CASES["off-grid"].items()} | {"backend": "eager"}
    places = arguments.pop("receiver_locations")
    cells = places.int()
    for both in (torch.stack([places, places.flip(1)]), torch.stack([cells, cells + 1])):
        out = torch.func.vmap(lambda r: scalar(**arguments, receiver_locations=r)[-1])(both)
        for one, ours in zip(both, out, strict=True):
            assert_close(ours, scalar(**arguments, receiver_locations=one)[-1], 1e-13)


def test_a_model_changed_before_it_is_computed_with_again():
    least = least_limit(FRONT, case(2, nt=30))
    arguments = {k: FRONT.array(x) for k, x in case(2, nt=30).items()}
    speed = arguments.pop("v").clone().requires_grad_()
    loss = (scalar(speed, **arguments, memory_limit=least)[-1] ** 2).sum()
    with torch.no_grad():
        speed.mul_(0.5)
    with pytest.raises(RuntimeError, match="memory_limit: a model was changed in place"):
        loss.backward()


def test_every_mode_under_a_memory_limit():
    """The models' arithmetic is done again on the way back, and differentiates as it did."""
    least = least_limit(FRONT, case(2, nt=30))
    arguments = {k: FRONT.array(x) for k, x in case(2, nt=30).items()}
    v = arguments.pop("v")
    turn = torch.tensor(np.random.default_rng(3).normal(size=v.shape))

    def found(**limit):
        def loss(v):
            return (scalar(v, **arguments, **limit)[-1] ** 2).sum()

        outermost = torch.func.grad(loss)(v)
        speed = v.clone().requires_grad_()
        first = torch.autograd.grad(loss(speed), speed, create_graph=True)[0]
        second = torch.autograd.grad((first * turn).sum(), speed)[0]
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(v, turn)
            slope = torch.autograd.forward_ad.unpack_dual(loss(dual)).tangent
        return first.detach(), second, slope, outermost

    # What the arithmetic takes is measured at the first call, inside the first of these.
    arithmetic.cache_clear()
    # Inside a transform the arithmetic is kept.
    limited = found(memory_limit=int(1.02 * least))
    for ours, kept in zip(limited, found(), strict=True):
        assert kept.abs().max() > 0
        assert_close(ours, kept, 1e-13)
