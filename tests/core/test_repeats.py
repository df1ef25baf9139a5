"""Calls that take decisions over: results and errors of functions that have not been called."""

import threading
import warnings

import numpy as np
import pytest

from dualwave import at_hand, native, repeats
from helpers.calls import FRONT_ENDS, case, clustered, numpy
from helpers.equations import EQUATIONS

pytestmark = [
    pytest.mark.usefixtures("x64"),
    pytest.mark.filterwarnings("ignore:there are:UserWarning"),  # coarse on purpose
]
BOTH = pytest.mark.parametrize("name", FRONT_ENDS)
PATHS = pytest.mark.parametrize("entries", [0, 1 << 16], ids=["framework", "numpy"])


@pytest.fixture
def decided(monkeypatch):
    """One entry for each call that takes nothing over."""
    calls, decide = [], repeats.decide
    monkeypatch.setattr(repeats, "decide", lambda *a: calls.append(a) or decide(*a))
    return calls


@pytest.fixture
def front(name, entries, monkeypatch):
    monkeypatch.setattr(at_hand, "_MOST_ENTRIES", entries)
    return FRONT_ENDS[name]()


def fresh(front, equation="scalar"):
    return front.module.propagator(EQUATIONS[equation])


def call(front, function, arguments):
    return function(**{k: front.array(x) for k, x in arguments.items()})


def same(got, want):
    assert np.abs(numpy(want.receiver_amplitudes)).max() > 0
    for key in ("receiver_amplitudes", "wavefield_0"):
        np.testing.assert_array_equal(numpy(getattr(got, key)), numpy(getattr(want, key)))
    for key, x in want.auxiliary_state.items():
        np.testing.assert_array_equal(numpy(got.auxiliary_state[key]), numpy(x))
    assert got.auxiliary_state.settings == want.auxiliary_state.settings


@BOTH
@PATHS
def test_other_values_take_decisions_over(front, decided):
    function, arguments = fresh(front), case(2)
    call(front, function, arguments)
    changed = arguments | {
        "v": arguments["v"] * 0.9,
        "source_amplitudes": 2 * arguments["source_amplitudes"],
    }
    assert len(decided) == 1
    got = call(front, function, changed)
    assert len(decided) == 1
    same(got, call(front, fresh(front), changed))
    assert len(decided) == 2


CHANGES = {
    "dt": {"dt": 5e-4},
    "grid_spacing": {"grid_spacing": [5.0, 7.0]},
    "pml_width": {"pml_width": [4, 2, 3, 4]},
    "pml_freq": {"pml_freq": 50.0},
    "max_vel": {"max_vel": 2550.0},
    "accuracy": {"accuracy": 6},
    "nt": {"nt": 40},
    "survey_pad": {"survey_pad": 2},
    "boundary": {"boundary": ["free", None, None, None], "pml_width": [0, 2, 3, 5]},
    "model for each shot": {"v": np.stack([case(2)["v"], 0.9 * case(2)["v"]])},
    "locations": {"receiver_locations": clustered()["receiver_locations"] + 1},
    "float locations": {"receiver_locations": clustered()["receiver_locations"] + 0.25},
    "mask": {"receiver_mask": np.array([[True, True, False]] * 2)},
    "dtype": {k: clustered()[k].astype("float32") for k in ("v", "source_amplitudes")},
}


@BOTH
@PATHS
def test_everything_else_is_decided_anew(front, decided):
    function, arguments = fresh(front), clustered() | {"location_interpolation_halfwidth": 2}
    call(front, function, arguments)
    for change in CHANGES.values():
        want = call(front, fresh(front), arguments | change)
        decided.clear()
        same(call(front, function, arguments | change), want)
        assert len(decided) == 1
        same(call(front, function, arguments | change), want)
        assert len(decided) == 1


@BOTH
@PATHS
def test_one_and_one_point_oh_are_two(front):
    function = fresh(front)
    call(front, function, case(2) | {"accuracy": 4})
    with pytest.raises(TypeError, match=r"accuracy: got 4\.0"):
        call(front, function, case(2) | {"accuracy": 4.0})


@BOTH
@PATHS
def test_none_is_not_what_was_left_out(front):
    function = fresh(front)
    for _ in range(2):
        call(front, function, case(2) | {"max_vel": None})
    for key in ("accuracy", "pml_width", "backend"):
        with pytest.raises((TypeError, ValueError), match=f"{key}.*: got None"):
            call(front, function, case(2) | {"max_vel": None, key: None})


@BOTH
@PATHS
def test_another_number_of_threads_is_another_call(front, decided, monkeypatch):
    """By it goes how many states a gradient keeps."""
    function, arguments = fresh(front), case(2)
    for count in (1, 1, 2):
        monkeypatch.setattr(native, "get_num_threads", lambda: count)  # noqa: B023
        call(front, function, arguments)
    assert len(decided) == 2


@BOTH
@PATHS
def test_values_are_checked_at_every_call(front):
    function, arguments = fresh(front), case(2)
    call(front, function, arguments)
    bad = {"v": arguments["v"].copy(), "source_amplitudes": arguments["source_amplitudes"].copy()}
    bad["v"][3, 4] = np.nan
    bad["source_amplitudes"][1, 0, 7] = np.inf
    for key, x in bad.items():
        with pytest.raises(ValueError, match=f"{key}: 1 of .* NaN or infinite"):
            call(front, function, arguments | {key: x})
    with pytest.raises(ValueError, match="v: 180 of 180 speeds are negative"):
        call(front, function, arguments | {"v": -arguments["v"]})
    with pytest.raises(ValueError, match="max_vel: is 2600"):
        call(front, function, arguments | {"v": 2 * arguments["v"]})


@BOTH
@PATHS
def test_the_largest_speed_and_the_frequency_are_those_of_the_call(front, decided):
    function = fresh(front)
    arguments = {k: x for k, x in case(2).items() if k not in ("max_vel", "pml_freq")}
    for factor in (1.0, 1.1, 1.0):
        changed = arguments | {"v": factor * arguments["v"]}
        same(call(front, function, changed), call(front, fresh(front), changed))
    assert len(decided) == 5  # two by the function, three by fresh ones
    slow = arguments | {"source_amplitudes": arguments["source_amplitudes"][..., ::2].repeat(2, -1)}
    same(call(front, function, slow), call(front, fresh(front), slow))


@BOTH
@PATHS
def test_it_warns_at_every_call(front):
    function, coarse = fresh(front), case(2) | {"pml_freq": 400.0}
    for _ in range(3):
        with pytest.warns(UserWarning, match="cells per wavelength"):
            call(front, function, coarse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call(front, function, coarse | {"pml_freq": 30.0})


@PATHS
@pytest.mark.parametrize("name", ["torch"])
def test_locations_changed_in_place_are_seen(front):
    function, given = fresh(front), {k: front.array(x) for k, x in clustered().items()}
    function(**given)
    given["receiver_locations"] += 1
    same(function(**given), fresh(front)(**given))


@BOTH
@PATHS
def test_few_calls_are_kept(front, decided):
    function = fresh(front)
    for nt in (*range(20, 40), 39):
        call(front, function, case(2) | {"nt": nt})
    assert len(decided) == 20
    call(front, function, case(2) | {"nt": 20})
    assert len(decided) == 21


@BOTH
@PATHS
def test_large_constants_are_not_kept(front, decided, monkeypatch):
    monkeypatch.setattr(repeats, "_MOST_BYTES", 100)
    function = fresh(front)
    for _ in range(2):
        call(front, function, case(2))
    assert len(decided) == 2


@BOTH
@PATHS
def test_from_many_threads(front):
    # In float32, since other threads know nothing of the one that allows JAX more.
    function = fresh(front)
    cases = [case(2, dtype="float32") | {"nt": nt} for nt in range(30, 36)]
    want, failed = [call(front, fresh(front), c) for c in cases], []

    def run(first):
        try:
            for k in range(12):
                chosen = (first + k) % len(cases)
                same(call(front, function, cases[chosen]), want[chosen])
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_gradients_take_decisions_over(decided):
    front = FRONT_ENDS["torch"]()
    function, arguments = fresh(front), {k: front.array(x) for k, x in case(2).items()}

    def gradient(of, scale):
        v = (scale * arguments["v"]).requires_grad_()
        (of(**(arguments | {"v": v})).receiver_amplitudes ** 2).sum().backward()
        return v.grad

    gradient(function, 1.0)
    got = gradient(function, 0.9)
    assert len(decided) == 1
    assert got.abs().max() > 0
    assert front.torch.equal(got, gradient(fresh(front), 0.9))


def test_what_inference_mode_made_stays_there(monkeypatch):
    monkeypatch.setattr(at_hand, "_MOST_ENTRIES", 0)
    front = FRONT_ENDS["torch"]()
    function, arguments = fresh(front), {k: front.array(x) for k, x in case(2).items()}
    with front.torch.inference_mode():
        function(**arguments)
    v = arguments["v"].clone().requires_grad_()
    function(**(arguments | {"v": v})).receiver_amplitudes.sum().backward()
    assert v.grad.abs().max() > 0


def test_locations_that_are_differentiated_are_not_constants(decided):
    front = FRONT_ENDS["torch"]()
    arguments = {k: front.array(x) for k, x in clustered().items()}
    arguments["location_interpolation_halfwidth"] = 2
    function, places = fresh(front), arguments["receiver_locations"] + 0.25
    for _ in range(2):
        places = places.detach().requires_grad_()
        function(
            **(arguments | {"receiver_locations": places})
        ).receiver_amplitudes.sum().backward()
        assert places.grad.abs().max() > 0
    assert len(decided) == 2
