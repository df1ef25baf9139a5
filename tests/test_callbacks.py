"""Callbacks and snapshots: what they are given, when, and that they change nothing."""

import itertools

import numpy as np
import pytest

import dualwave
from dualwave.call import bind, signature
from dualwave.form import Form
from dualwave.framework import NumpyFramework
from dualwave.setup import prepare
from helpers.calls import FRONT_ENDS, assert_close, case_of, numpy
from helpers.equations import EQUATIONS, NAMES, rows

pytestmark = [
    pytest.mark.usefixtures("x64"),
    pytest.mark.filterwarnings("ignore:there are:UserWarning"),  # coarse on purpose
]
BOTH = pytest.mark.parametrize("name", FRONT_ENDS)
# JAX compiles for longer than it runs: one equation, and the others where time is given.
TABLE = pytest.mark.parametrize(
    ("name", "equation"),
    rows(
        itertools.product(FRONT_ENDS, NAMES),
        lambda name, equation: name != "jax" or equation == "acoustic",
    ),
)
NT, STRIDE = 23, 7
STEPS = [0, 7, 14, 21]


def gradients(front, equation, arguments, **more):
    """Gradients of a loss of all results, with respect to models and the first amplitudes."""
    names = [*EQUATIONS[equation].parameters]
    names.append(next(k for k in arguments if k.startswith("source_amplitudes")))

    def loss(out):
        found = [x for k, x in out._asdict().items() if k != "auxiliary_state" and x.shape[1]]
        return sum((x**2).sum() for x in found)

    return front.gradients(loss, arguments | more, names, equation)


def synchronise(front):
    if front.name == "jax":
        front.jax.effects_barrier()


@TABLE
def test_callbacks_that_look_change_nothing(name, equation):
    """Not even with several shots that share a model, as they do in Deepwave 0.0.27."""
    front, arguments, seen = FRONT_ENDS[name](), case_of(equation, 2, NT), []
    callbacks = {
        "forward_callback": lambda state: seen.append((state.direction, state.step)),
        "backward_callback": lambda state: seen.append((state.direction, state.step)),
        "callback_frequency": STRIDE,
    }
    want = gradients(front, equation, arguments)
    got = gradients(front, equation, arguments, **callbacks)
    synchronise(front)
    assert seen == [("forward", k) for k in STEPS] + [("backward", k) for k in STEPS[::-1]]
    for ours, plain in zip(got, want, strict=True):
        assert_close(ours, plain, 1e-12)


def test_a_part_of_a_run_keeps_the_states_of_a_run_so_long():
    """Of many shots fewer than one by itself would."""
    form, arguments = Form(EQUATIONS["scalar"]), case_of("scalar", 2, 400, shots=20)

    def setup(**options):
        call = bind(form, signature(form)[0], (), arguments | options)
        return prepare(NumpyFramework(), form, call)

    whole, part = setup(), setup(nt=100).description
    assert whole.part(100) == part
    assert 0 < part.checkpoint_interval < whole.description.checkpoint_interval


@BOTH
def test_callbacks_that_write_change_nothing(name):
    """Nor the caller's models; and one that is false, an empty list for instance, is called too."""
    front, arguments = FRONT_ENDS[name](), case_of("acoustic", 2, NT)
    models = {k: arguments[k].copy() for k in EQUATIONS["acoustic"].parameters}

    class Writer(list):
        def __call__(self, state):
            found = [state.get_model("v"), *map(state.get_wavefield, state.wavefield_names)]
            found += [state.get_wavefield("pressure_0", view) for view in ("pml", "full")]
            if state.direction == "backward":
                found += [state.get_gradient("v"), state.get_wavefield("vx_0", role="forward")]
            for x in found:
                x[...] = 7.0
            self.append(state.step)

    want = gradients(front, "acoustic", arguments)
    writers = {"forward_callback": Writer(), "backward_callback": Writer()}
    got = gradients(front, "acoustic", arguments, **writers, callback_frequency=STRIDE)
    synchronise(front)
    assert [*writers["forward_callback"], *writers["backward_callback"]] == STEPS + STEPS[::-1]
    for ours, plain in zip(got, want, strict=True):
        assert_close(ours, plain, 1e-12)
    for key, model in models.items():
        np.testing.assert_array_equal(arguments[key], model)


@pytest.mark.parametrize("dt", [6e-4, 2e-3])
@TABLE
def test_forward_states_are_those_of_shorter_runs(name, equation, dt):
    """With sub-stepping too, and the results are those of the run without callbacks."""
    front, found = FRONT_ENDS[name](), {}
    arguments = case_of(equation, 2, NT) | {"dt": dt}

    def keep(state):
        assert (state.dt, state.time, state.nt) == (dt, state.step * dt, NT)
        assert state.wavefield_names == tuple(Form(EQUATIONS[equation]).wavefields_in(2))
        assert state.model_names == EQUATIONS[equation].parameters
        for key in state.wavefield_names:
            found[state.step, key] = numpy(state.get_wavefield(key, "pml"))
        inner = state.get_wavefield(state.wavefield_names[0])
        assert tuple(inner.shape[1:]) == arguments[state.model_names[0]].shape
        with pytest.raises(ValueError, match="name: got 'w'"):
            state.get_wavefield("w")
        with pytest.raises(ValueError, match="There is no gradient yet"):
            state.get_gradient(state.model_names[0])

    whole = front.call(arguments, equation)
    out = front.call(arguments | {"forward_callback": keep, "callback_frequency": STRIDE}, equation)
    synchronise(front)
    for key, x in whole._asdict().items():
        if key != "auxiliary_state" and x.shape[1]:
            np.testing.assert_array_equal(numpy(getattr(out, key)), numpy(x))
    if dt == 6e-4:
        # Resampling looks at the whole signal, so a shorter one is another.
        short = {k: x[..., :14] if "amplitudes" in k else x for k, x in arguments.items()}
        for key, x in front.call(short, equation)._asdict().items():
            if (14, key) in found:
                assert_close(found[14, key], x, 1e-12)


@BOTH
def test_backward_states_are_derivatives(name):
    """The adjoint wavefield is the gradient of an initial state, and gradients are sums so far."""
    front, found = FRONT_ENDS[name](), {}
    arguments = case_of("acoustic", 2, NT)

    def keep(state):
        for role in ("forward", "adjoint"):
            found[state.step, role] = numpy(state.get_wavefield("pressure_0", "pml", role))
        found[state.step, "v"] = numpy(state.get_gradient("v"))
        assert numpy(state.get_model("v")).shape == (1, *arguments["v"].shape)

    want, *_ = gradients(front, "acoustic", arguments)
    gradients(front, "acoustic", arguments, backward_callback=keep, callback_frequency=STRIDE)
    synchronise(front)
    assert_close(found[0, "v"][0], want, 1e-12)
    # The run from sample 14 on, whose initial state is what a run to there ends with.
    early = {k: x[..., :14] if "amplitudes" in k else x for k, x in arguments.items()}
    late = {k: x[..., 14:] if "amplitudes" in k else x for k, x in arguments.items()}
    middle = front.call(early, "acoustic")
    assert_close(found[14, "forward"], middle.pressure_0, 1e-12)
    state = {k: numpy(x) for k, x in middle.final_state.items() if k != "auxiliary_state"}
    memory = {k: front.array(numpy(x)) for k, x in middle.auxiliary_state.items()}
    rest = late | {k: x for k, x in state.items() if k != "pressure_0"} | {"origin": [0, 0]}

    def loss(out):
        data = [x for k, x in out._asdict().items() if k != "auxiliary_state" and x.shape[1]]
        return sum((x**2).sum() for x in data)

    given = rest | {"pressure_0": state["pressure_0"]}
    given |= {"initial_state": {"auxiliary_state": memory}}
    adjoint, v = front.gradients(loss, given, ("pressure_0", "v"), "acoustic")
    assert_close(found[14, "adjoint"], adjoint, 1e-12)
    assert_close(found[14, "v"][0], v, 1e-12)


def test_under_jit_they_come_in_order():
    front, arguments, seen = FRONT_ENDS["jax"](), case_of("scalar", 2, NT), []
    given = {k: front.array(x) for k, x in arguments.items() if k != "v"}

    def loss(v):
        out = front.module.scalar(
            v,
            **given,
            forward_callback=lambda state: seen.append(state.step),
            backward_callback=lambda state: seen.append(-state.step),
            callback_frequency=STRIDE,
        )
        return (out.receiver_amplitudes**2).sum()

    gradient = front.jax.jit(front.jax.grad(loss))(front.array(arguments["v"]))
    synchronise(front)
    assert seen == STEPS + [-k for k in STEPS[::-1]]
    (want,) = front.gradients(lambda out: (out.receiver_amplitudes**2).sum(), arguments, ("v",))
    assert_close(gradient, want, 1e-12)


@BOTH
def test_snapshots(name):
    front, arguments = FRONT_ENDS[name](), case_of("elastic", 2, NT)
    snapshots = dualwave.Snapshots("vx_0", "sigmaxy_0", view="pml")
    options = {"forward_callback": snapshots, "callback_frequency": STRIDE}
    out = front.call(arguments | options, "elastic")
    synchronise(front)
    np.testing.assert_allclose(snapshots.times, np.array(STEPS) * arguments["dt"])
    assert snapshots["vx_0"].shape == (len(STEPS), *numpy(out.vx_0).shape)
    assert np.abs(snapshots["vx_0"][0]).max() == 0
    assert np.abs(snapshots["sigmaxy_0"][1:]).max(axis=(1, 2, 3)).min() > 0


@BOTH
def test_with_a_scattered_field(name):
    front, arguments, seen = FRONT_ENDS[name](), case_of("scalar", 2, NT), []
    arguments["dv"] = 0.1 * arguments["v"]
    arguments["sc_receiver_locations"] = arguments.pop("receiver_locations")
    whole = front.call(arguments, "scalar_born")
    options = {"forward_callback": seen.append, "callback_frequency": STRIDE}
    out = front.call(arguments | options, "scalar_born")
    synchronise(front)
    assert seen[-1].wavefield_names[-1] == "wavefield_sc_m1"
    np.testing.assert_array_equal(
        numpy(out.sc_receiver_amplitudes), numpy(whole.sc_receiver_amplitudes)
    )
    assert np.abs(numpy(seen[-1].get_wavefield("wavefield_sc_0"))).max() > 0


@BOTH
def test_what_is_refused(name):
    front, arguments = FRONT_ENDS[name](), case_of("scalar", 2, NT)
    with pytest.raises(TypeError, match="forward_callback: got 3"):
        front.call(arguments | {"forward_callback": 3})
    with pytest.raises(ValueError, match="callback_frequency: got 0"):
        front.call(arguments | {"callback_frequency": 0})
