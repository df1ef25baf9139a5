"""What both front ends promise together: one test body, run in PyTorch and in JAX."""

import inspect
import pickle
import re
import warnings

import numpy as np
import pytest
from equations.damped import DAMPED

from dualwave.equations import get
from helpers.calls import (
    FRONT_ENDS,
    ROWS,
    assert_close,
    case,
    clustered,
    least_limit,
    numpy,
    wavelet,
)

pytestmark = [
    pytest.mark.usefixtures("x64"),
    pytest.mark.filterwarnings("ignore:there are:UserWarning"),  # coarse on purpose
]

BOTH = pytest.mark.parametrize("name", FRONT_ENDS)
ALL = pytest.mark.parametrize(("name", "backend"), ROWS)
# The eager engine is one piece of code, and compiling it in JAX takes seconds for each call.
MOST = pytest.mark.parametrize(("name", "backend"), [r for r in ROWS if r != ("jax", "eager")])
BACKENDS = pytest.mark.parametrize("backend", sorted({backend for _, backend in ROWS}))

KEYWORDS = """source_amplitudes source_locations receiver_locations accuracy=4 pml_width=20
pml_freq max_vel survey_pad origin nt model_gradient_sampling_interval=1 grad_region
freq_taper_frac=0.0 time_pad_frac=0.0 time_taper=False
forward_callback backward_callback callback_frequency=1
wavefield_0 wavefield_m1 initial_state boundary courant_number source_mask receiver_mask
location_interpolation='auto' location_interpolation_halfwidth=4 check_output_finite=True
gradient_storage='auto' storage_mode='device' storage_path storage_dtype memory_limit
backend='auto' python_backend"""


def loss(out):
    return (out.receiver_amplitudes**2).sum() + (out.wavefield_0**2).sum()


def test_signature_is_the_promised_one_in_both():
    for name, front in FRONT_ENDS.items():
        form = inspect.signature(front().module.scalar)
        parameters = list(form.parameters.values())
        assert [p.name for p in parameters[:3]] == ["v", "grid_spacing", "dt"]
        assert all(p.default is p.empty for p in parameters[:3])
        shown = [p.name if p.default is None else f"{p.name}={p.default!r}" for p in parameters[3:]]
        extra = ["ad='primitives'"] if name == "jax" else []
        assert shown == KEYWORDS.split() + extra
        assert all(p.kind is p.KEYWORD_ONLY for p in parameters[3:])


@BOTH
def test_docstring_explains_every_argument(name):
    function = FRONT_ENDS[name]().module.scalar
    text = inspect.getdoc(function)
    assert "$" not in text
    for argument in inspect.signature(function).parameters:
        assert re.search(rf"^ .*\b{argument}\b.*:", text, re.MULTILINE), argument
    assert {"torch": "torch.Tensor", "jax": "jax.Array"}[name] in text


@BOTH
def test_storage_changes_no_bit_and_sampling_the_gradient_alone(name):
    """Within the least memory that a limit may ask for; Deepwave is the oracle of sampling."""
    front, arguments = FRONT_ENDS[name](), case(2)
    least = least_limit(front, arguments)
    (exact,) = front.gradients(loss, arguments, ["v"])
    (frugal,) = front.gradients(loss, arguments | {"memory_limit": least}, ["v"])
    assert np.abs(exact).max() > 0
    np.testing.assert_array_equal(frugal, exact)
    sampled = {"model_gradient_sampling_interval": 5}
    (found,) = front.gradients(loss, arguments | sampled, ["v"])
    (want,) = FRONT_ENDS["torch"]().gradients(loss, arguments | sampled, ["v"])
    assert np.abs(found - want).max() < 1e-13 * np.abs(want).max()
    assert np.abs(found - exact).max() > 1e-3 * np.abs(exact).max()
    out, other = front.call(arguments), front.call(arguments | sampled | {"memory_limit": "1GB"})
    for ours, theirs in zip(out[:2], other[:2], strict=True):
        np.testing.assert_array_equal(numpy(ours), numpy(theirs))


@ALL
def test_result_is_named_and_indexable(name, backend):
    front = FRONT_ENDS[name]()
    arguments = case(2) | {"backend": backend}
    out = front.call(arguments)
    fields = ("wavefield_0", "wavefield_m1", "auxiliary_state", "receiver_amplitudes")
    assert out._fields == fields
    assert out.receiver_amplitudes is out[-1]
    assert out.wavefield_0.shape == (2, 12 + 4 + 2, 15 + 3 + 5)
    assert out.receiver_amplitudes.shape == (2, 3, 50)
    assert list(out.auxiliary_state) == ["psi_y", "zeta_y", "psi_x", "zeta_x"]
    assert set(out.final_state) == set(fields[:3])
    again = pickle.loads(pickle.dumps(out))
    assert type(again) is type(out)
    assert again.auxiliary_state.settings == out.auxiliary_state.settings
    np.testing.assert_array_equal(numpy(again[-1]), numpy(out[-1]))
    none = front.call({**arguments, "receiver_locations": None})
    assert none.receiver_amplitudes.shape == (2, 0, 50)
    np.testing.assert_array_equal(numpy(none[0]), numpy(out[0]))


# Every two of backend, dtype and time step meet.
@pytest.mark.parametrize(
    ("backend", "dtype", "dt"),
    [
        ("compiled", "float64", 2e-3),
        ("compiled", "float32", 6e-4),
        ("eager", "float64", 6e-4),
        ("eager", "float32", 2e-3),
    ],
)
def test_torch_and_jax_agree(backend, dtype, dt):
    """Data, final fields and gradients over 120 inner steps, with and without sub-stepping."""
    tolerance = {"float64": 1e-13, "float32": 2e-5}[dtype]
    nt = 120 if dt < 1e-3 else 40
    arguments = case(2, nt=nt, dtype=dtype, dt=dt, backend=backend)
    arguments["source_amplitudes"] *= wavelet(nt, dt, 40.0).astype(dtype)
    torch, jax = (FRONT_ENDS[name]() for name in ("torch", "jax"))
    one, other = torch.call(arguments), jax.call(arguments)
    for ours, theirs in zip((*one[:2], one[-1]), (*other[:2], other[-1]), strict=True):
        assert str(ours.dtype).endswith(dtype)
        assert_close(ours, theirs, tolerance)
    names = ("v", "source_amplitudes")
    for ours, theirs in zip(
        torch.gradients(loss, arguments, names), jax.gradients(loss, arguments, names), strict=True
    ):
        assert_close(ours, theirs, tolerance)


@MOST
def test_a_run_cut_in_two_gives_the_same_bits(name, backend):
    front = FRONT_ENDS[name]()
    whole = case(2, pml_freq=None, max_vel=None) | {"backend": backend}
    # Without its end the wavelet has another spectrum: the second run must take over pml_freq.
    signal, cut = whole["source_amplitudes"], 33
    expected = front.call(whole)
    used = expected.auxiliary_state.settings
    first = front.call({**whole, "source_amplitudes": signal[..., :cut], "pml_freq": used.pml_freq})
    rest = {**whole, "source_amplitudes": signal[..., cut:]}
    for state in (first, first.final_state):
        second = front.call({**rest, "initial_state": state})
        both = np.concatenate([numpy(first[-1]), numpy(second[-1])], axis=-1)
        np.testing.assert_array_equal(both, numpy(expected[-1]))
        np.testing.assert_array_equal(numpy(second[0]), numpy(expected[0]))
        np.testing.assert_array_equal(numpy(second[1]), numpy(expected[1]))
        for key, memory in expected.auxiliary_state.items():
            np.testing.assert_array_equal(numpy(second.auxiliary_state[key]), numpy(memory))
    assert np.abs(both).max() > 0
    assert second.auxiliary_state.settings == used


@MOST
def test_gradient_through_a_cut_run_is_that_of_the_whole(name, backend):
    front = FRONT_ENDS[name]()
    arguments = case(1) | {"backend": backend}
    signal = arguments["source_amplitudes"]
    whole = front.gradients(loss, arguments, ("v",))[0]

    def cut(v):
        given = {k: front.array(x) for k, x in arguments.items()} | {"v": v}
        parts = [front.array(signal[..., part]) for part in (slice(0, 20), slice(20, None))]
        first = front.module.scalar(**{**given, "source_amplitudes": parts[0]})
        second = front.module.scalar(
            **{**given, "source_amplitudes": parts[1], "initial_state": first}
        )
        return loss(second) + (first.receiver_amplitudes**2).sum()

    v = front.array(arguments["v"])
    if name == "torch":
        v.requires_grad_()
        cut(v).backward()
        found = v.grad
    else:
        found = front.jax.grad(cut)(v)
    assert_close(found, whole, 1e-12)


@MOST
def test_shots_of_one_call_equal_calls_of_one_shot(name, backend):
    front = FRONT_ENDS[name]()
    arguments = case(2) | {"backend": backend}
    together = front.call(arguments)
    for shot in range(2):
        part = dict(arguments)
        for key in ("source_amplitudes", "source_locations", "receiver_locations"):
            part[key] = part[key][shot : shot + 1]
        alone = front.call(part)
        np.testing.assert_array_equal(numpy(alone[-1][0]), numpy(together[-1][shot]))
        np.testing.assert_array_equal(numpy(alone[0][0]), numpy(together[0][shot]))
    assert np.abs(numpy(together[-1])).max() > 0


@BOTH
def test_any_equation_has_its_function(name):
    """From its table alone; without damping it is the scalar equation."""
    front = FRONT_ENDS[name]()
    damped = front.module.propagator(DAMPED)
    arguments = {k: front.array(x) for k, x in case(2).items()} | {"backend": "eager"}
    v = arguments.pop("v")
    form = list(inspect.signature(damped).parameters)
    assert form[:4] == ["v", "d", "grid_spacing", "dt"]
    assert damped.__name__ == "damped"
    assert "throw-away equation" in damped.__doc__
    out = damped(v, 0 * v, **arguments)
    assert type(out).__name__ == "DampedOutput"
    scalar = front.module.scalar(v, **arguments)
    assert_close(out.receiver_amplitudes, scalar.receiver_amplitudes, 1e-12)
    lossy = damped(v, 0 * v + 100.0, **arguments)
    assert np.abs(numpy(lossy[0])).max() < 0.9 * np.abs(numpy(out[0])).max()
    broken = numpy(v).copy()
    broken[2, 3] = np.nan
    with pytest.raises(ValueError, match="d: 1 of 180 values are NaN"):
        damped(v, front.array(broken), **arguments)
    # The other path to the same function.
    assert inspect.signature(front.module.propagator(get("scalar"))) == inspect.signature(
        front.module.scalar
    )


@MOST
def test_final_fields_span_the_region_and_come_back_in(name, backend):
    front = FRONT_ENDS[name]()
    arguments = clustered(2, survey_pad=1) | {"backend": backend}
    out = front.call(arguments)
    settings = out.auxiliary_state.settings
    region = [n - low - high for n, (low, high) in zip(settings.n, [(4, 2), (3, 5)], strict=True)]
    assert out.wavefield_0.shape == (2, *settings.n)
    assert region != [12, 15]
    # survey_pad is not repeated: the region is taken over.
    following = {**arguments, "survey_pad": None, "initial_state": out}
    assert front.call(following).auxiliary_state.settings == settings
    fields = {k: numpy(out.final_state[k]) for k in ("wavefield_0", "wavefield_m1")}
    bare = {**arguments, "survey_pad": None, "origin": settings.origin, **fields}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "initial wavefields of shape")
        assert front.call(bare).wavefield_0.shape == out.wavefield_0.shape


@MOST
def test_a_state_that_does_not_fit_is_refused(name, backend):
    front = FRONT_ENDS[name]()
    arguments = case(2) | {"backend": backend}
    out = front.call(arguments)
    for change, text in [
        ({"accuracy": 2}, "accuracy = 4"),
        ({"dt": 3e-4}, "internal_dt = 0.0006"),
        ({"grid_spacing": 5.0}, "spacing = "),
        ({"survey_pad": 0}, "origin = |n = |pml = "),
    ]:
        with pytest.raises(ValueError, match=text):
            front.call({**arguments, **change, "initial_state": out})
    with pytest.warns(UserWarning, match="computed with pml_freq=60, and this call has 50"):
        front.call({**arguments, "pml_freq": 50.0, "initial_state": out})
    with pytest.raises(ValueError, match="wavefield_0: is given twice"):
        front.call({**arguments, "initial_state": out, "wavefield_0": numpy(out[0])})
    with pytest.raises(ValueError, match="initial_state: has an entry 'velocity'"):
        front.call({**arguments, "initial_state": {"velocity": out[0]}})


@ALL
def test_nan_in_the_results_raises(name, backend):
    front = FRONT_ENDS[name]()
    arguments = case(1, nt=30, dtype="float32") | {"backend": backend}
    arguments["source_amplitudes"] = np.full((2, 2, 30), 3e38, np.float32)
    with pytest.raises(FloatingPointError, match="wavefield_0: has values that are NaN or inf"):
        front.call(arguments)
    out = front.call({**arguments, "check_output_finite": False})
    assert not np.isfinite(numpy(out[0])).all()
