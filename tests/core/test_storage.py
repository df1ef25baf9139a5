"""Kept states and repeated steps: they change no bit of a gradient, and the fewest are chosen."""

import dataclasses
import functools

import numpy as np
import pytest

from dualwave import native
from dualwave.layout import PLACES, Description
from dualwave.maps import MAPS, accepted_inputs, possible_outputs
from dualwave.memory import Footing, total_bytes
from dualwave.storage import balanced, parse_limit, repeated_steps, steps_more, within
from helpers.calls import least_said
from helpers.equations import NAMES
from helpers.native_runs import all_operands

NAMES_OF_STORAGE = ("checkpoint_interval", "history_steps", "inner_states")
STORAGES = [
    dict(zip(NAMES_OF_STORAGE, numbers, strict=True))
    for numbers in (
        *((13, 13, 0), (1, 1, 0), (13, 1, 0), (13, 1, 1)),
        *((13, 2, 2), (5, 2, 0), (8, 3, 9)),
    )
]
STORAGES += [{"full_history": True, "place": place} for place in PLACES]
GRADIENT = "coefficients_gradient0"
MODEL = Description(
    "scalar", 2, 4, (90, 80), (5.0, 5.0), (8,) * 4, nt=700, shots=2, sources=1, receivers=3
)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_storage_changes_no_bit(name, ndim, tmp_path):
    """Of the two maps that march back; adjoint also with the residual of an earlier forward, or,
    to rounding, with that of a tangent."""
    described, given = all_operands(name, ndim, 4, "float64")
    inputs = {name: {k: given[k] for k in accepted_inputs(name) if k in given} for name in MAPS}
    want = {}
    for storage in STORAGES:
        d = dataclasses.replace(described, **storage, folder=str(tmp_path))
        kept = native.evaluate("forward", d, inputs["forward"], ("residual",))
        turned = native.evaluate("tangent", d, inputs["tangent"], ("residual",))
        for map_name, residual, tolerance in (
            ("adjoint", {}, 0),
            ("adjoint", kept, 0),
            ("adjoint", turned, 1e-12),
            ("tangent_adjoint", {}, 0),
        ):
            operands = inputs[map_name] | residual
            got = native.evaluate(map_name, d, operands, set(possible_outputs(map_name)))
            for slot, x in want.setdefault(map_name, got).items():
                scale = np.abs(x).max()
                assert scale > 0, slot
                np.testing.assert_allclose(
                    got[slot], x, rtol=0, atol=tolerance * scale, err_msg=f"{map_name} {slot}"
                )
    assert not any(tmp_path.iterdir())


# What rounding to nearest may change a value by, of the largest in its row; of float16 and bfloat16
# the smaller values less. Sums of products of rounded values come out closer.
ROUNDING = {"float32": 2**-25, "bfloat16": 2**-9, "float16": 2**-12, "int8": 1 / 254}


@pytest.mark.parametrize("packing", ROUNDING)
@pytest.mark.parametrize("name", NAMES)
def test_a_packed_history(name, packing, tmp_path):
    """It rounds the gradient of the coefficients, wherever it is kept, and nothing else."""
    described, given = all_operands(name, 2, 4, "float64")
    d = dataclasses.replace(described, full_history=True, packing=packing)
    inputs = {name: {k: given[k] for k in accepted_inputs(name) if k in given} for name in MAPS}
    kept = native.evaluate("forward", d, inputs["forward"], ("residual",))
    turned = native.evaluate("tangent", d, inputs["tangent"], ("residual",))
    exact = dataclasses.replace(d, packing="")
    of_all_bits = native.evaluate("forward", exact, inputs["forward"], ("residual",))
    size = kept["residual"].nbytes / of_all_bits["residual"].nbytes
    # Beside the values a row has its scale, 8 bytes.
    row = 8 + d.n[1] * {"float32": 4, "bfloat16": 2, "float16": 2, "int8": 1}[packing]
    assert size < 1.25 * row / (8 * d.n[1])
    for map_name in ("adjoint", "tangent_adjoint"):
        slots = set(possible_outputs(map_name))
        want = native.evaluate(map_name, described, inputs[map_name], slots)
        got = native.evaluate(map_name, d, inputs[map_name], slots)
        for slot, x in want.items():
            scale = np.abs(x).max()
            assert scale > 0, slot
            error = np.abs(got[slot] - x).max() / scale
            if slot.startswith("coefficients_gradient"):
                assert 1e-3 * ROUNDING[packing] < error < 4 * ROUNDING[packing], slot
            else:
                assert error == 0, slot
        for place in PLACES[1:]:
            away = dataclasses.replace(d, place=place, folder=str(tmp_path))
            again = native.evaluate(map_name, away, inputs[map_name], slots)
            for slot, x in got.items():
                np.testing.assert_array_equal(again[slot], x)
        if map_name == "adjoint":
            again = native.evaluate(map_name, d, inputs[map_name] | kept, slots)
            np.testing.assert_array_equal(again[GRADIENT], got[GRADIENT])
            again = native.evaluate(map_name, d, inputs[map_name] | turned, slots)
            error = np.abs(again[GRADIENT] - want[GRADIENT]).max()
            assert error < 4 * ROUNDING[packing] * np.abs(want[GRADIENT]).max()


@pytest.mark.parametrize("packing", ROUNDING)
@pytest.mark.parametrize(("dtype", "power"), [("float64", 300), ("float32", 30)])
def test_a_packed_history_has_the_exponents_of_its_fields(dtype, power, packing):
    """A wave 2^power times as large, or as small, has as much larger or smaller a gradient."""
    described, given = all_operands("acoustic", 2, 4, dtype)
    d = dataclasses.replace(described, full_history=True, packing=packing)
    inputs = {k: x for k, x in given.items() if k in accepted_inputs("adjoint")}
    want = native.evaluate("adjoint", d, inputs, (GRADIENT,))[GRADIENT]
    assert np.abs(want).max() > 0
    for size in (2.0**power, 2.0**-power):
        scaled = {k: np.asarray(inputs[k] * size, dtype) for k in ("amplitudes0", "state0")}
        got = native.evaluate("adjoint", d, inputs | scaled, (GRADIENT,))[GRADIENT]
        np.testing.assert_array_equal(got, np.asarray(want * size, dtype))


def gradient_by_steps(described, given, interval):
    """Of the coefficients: every step a run of its own, and the shares of some of them."""
    one = dataclasses.replace(described, nt=1)
    inputs = {k: x for k, x in given.items() if k in accepted_inputs("adjoint")}
    series = ("amplitudes0", "receivers_bar0")

    def at(step, **change):
        return inputs | {k: inputs[k][..., step : step + 1].copy() for k in series} | change

    states = [inputs["state0"]]
    for step in range(described.nt):
        run = {k: x for k, x in at(step, state0=states[-1]).items() if "_bar" not in k}
        states.append(native.evaluate("forward", one, run, ("state0",))["state0"])
    bar, total = inputs["state_bar0"], 0.0
    for step in reversed(range(described.nt)):
        run = at(step, state0=states[step], state_bar0=bar)
        found = native.evaluate("adjoint", one, run, (GRADIENT, "state_gradient0"))
        bar = found["state_gradient0"]
        total = total + interval * found[GRADIENT] * (step % interval == 0)
    return total


@pytest.mark.parametrize("name", NAMES)
def test_sampled_gradients(name, tmp_path):
    """Of every interval-th step, whatever is kept; the other outputs keep their bits."""
    described, given = all_operands(name, 2, 4, "float64")
    inputs = {k: x for k, x in given.items() if k in accepted_inputs("adjoint")}
    slots = set(possible_outputs("adjoint"))
    exact = native.evaluate("adjoint", described, inputs, slots)
    # Half nodes past the last cell are held by zeros; the state has no memory variables of theirs.
    used = given["coefficients0"] != 0
    for interval in (1, 2, 5):
        want = gradient_by_steps(described, given, interval) * used
        scale = np.abs(want).max()
        assert scale > 0
        for storage in STORAGES:
            d = dataclasses.replace(described, **storage, sampling=interval, folder=str(tmp_path))
            got = native.evaluate("adjoint", d, inputs, slots)
            assert np.abs(got[GRADIENT] * used - want).max() < 1e-12 * scale
            for slot in slots - {GRADIENT}:
                np.testing.assert_array_equal(got[slot], exact[slot])
        assert interval == 1 or np.abs(want - exact[GRADIENT] * used).max() > 1e-3 * scale


@functools.cache
def fewest(steps, history, states):
    """Steps marched in going back over some, the last time for each included: every plan tried."""
    if steps <= history:
        return steps
    if states == 1:
        return min(steps + fewest(first, history, 1) for first in range(steps - history, steps))
    return min(
        first + fewest(steps - first, history, states - 1) + fewest(first, history, states)
        for first in range(1, steps)
    )


@pytest.mark.parametrize("history", [1, 3, 4])
def test_repeated_steps_are_the_fewest(history):
    for steps in range(1, 41):
        for states in range(1, 7):
            d = dataclasses.replace(
                MODEL,
                nt=steps,
                checkpoint_interval=steps,
                history_steps=history,
                inner_states=states - 1,
            )
            assert repeated_steps(d) == fewest(steps, history, states)


def test_a_limit_is_kept_at_the_price_of_repeats():
    default = total_bytes(MODEL)
    assert within(MODEL, default) == balanced(MODEL)
    assert repeated_steps(MODEL) == MODEL.nt
    before = MODEL.nt
    for part in (0.9, 0.7, 0.5, 0.4):
        chosen = within(MODEL, int(part * default))
        assert total_bytes(chosen) <= part * default
        assert before <= repeated_steps(chosen) < 12 * MODEL.nt
        before = repeated_steps(chosen)
    assert before > MODEL.nt
    sampled = dataclasses.replace(MODEL, sampling=4)
    assert total_bytes(sampled) < default
    chosen = within(sampled, default // 2)
    assert total_bytes(chosen) <= default // 2
    assert repeated_steps(chosen) < repeated_steps(within(MODEL, default // 2))


@pytest.mark.parametrize("arithmetic", [0.0, 8.0])
def test_every_limit_from_the_least_on_is_kept(arithmetic, monkeypatch):
    """Though bytes do not grow evenly with a history: from some length on it goes past the caches,
    and a workspace makes room for arithmetic, which comes before or after it."""
    monkeypatch.setattr(native, "get_num_threads", lambda: 8)
    d = dataclasses.replace(MODEL, n=(300, 400), shots=8, dtype="float64", gradients=8)
    footing = Footing(arithmetic=arithmetic)
    with pytest.raises(ValueError, match="at least") as error:
        within(d, 1000, footing)
    least = least_said(error)
    default = total_bytes(d, footing)
    assert least < 0.6 * default
    before = np.inf
    for limit in range(least, default, (default - least) // 40):
        chosen = within(d, limit, footing)
        assert total_bytes(chosen, footing) <= limit
        assert steps_more(chosen, footing) <= before
        before = steps_more(chosen, footing)


def test_a_workspace_is_given_back_where_memory_is_not_found_again():
    """But for a limit that the default fits."""
    footing = Footing(reused=False)
    default = total_bytes(MODEL, footing)
    assert not within(MODEL, default, footing).lean
    for part in (0.99, 0.7, 0.5):
        assert within(MODEL, int(part * default), footing).lean
        assert not within(MODEL, int(part * default)).lean


@pytest.mark.parametrize(("arithmetic", "lean"), [(0.0, False), (2.0, False), (24.0, True)])
def test_a_workspace_is_given_back_where_that_costs_less_than_repeats(arithmetic, lean):
    """It makes room for the arithmetic between models and coefficients, which comes before or after
    it. Every schedule is tried."""
    d, footing = dataclasses.replace(MODEL, nt=40), Footing(arithmetic=arithmetic)
    limit = int(0.7 * total_bytes(d, footing))
    chosen = within(d, limit, footing)
    assert chosen.lean == lean
    every = (
        dataclasses.replace(
            d, checkpoint_interval=interval, history_steps=history, inner_states=inner, lean=lean
        )
        for interval in range(1, 41)
        for history in range(1, interval + 1)
        for inner in range(4)
        for lean in (False, True)
    )
    fitting = (one for one in every if total_bytes(one, footing) <= limit)
    best = min(steps_more(one, footing) for one in fitting)
    assert d.nt <= best <= steps_more(chosen, footing) < 1.1 * best


@pytest.fixture
def two_threads():
    before = native.get_num_threads()
    native.set_num_threads(2)
    yield
    native.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("cells", [50, 300])
def test_shots_that_take_turns_keep_fewer_states(cells):
    """Their histories are not there at once: the least memory of all intervals, nothing repeated
    more. A shot by itself, and those of a GPU, have the core's interval."""
    d = dataclasses.replace(MODEL, n=(cells, cells), shots=20)
    chosen, default = balanced(d), native.storage(d)[0]
    assert native.storage(chosen)[0] > 1.5 * default
    assert repeated_steps(chosen) == repeated_steps(d) == d.nt
    every = (dataclasses.replace(d, checkpoint_interval=k) for k in range(1, d.nt + 1))
    assert total_bytes(chosen) <= 1.02 * min(map(total_bytes, every)) < 0.8 * total_bytes(d)
    device = Footing(device=True)
    assert total_bytes(balanced(d, device), device) > 0.99 * total_bytes(d, device)
    for same in ({"shots": 1}, {"full_history": True}):
        one = dataclasses.replace(d, **same)
        assert balanced(one) == one


def test_a_full_history_is_kept_or_refused():
    full = dataclasses.replace(MODEL, full_history=True)
    assert repeated_steps(full) == 0
    needed = total_bytes(full)
    of_history = MODEL.nt * MODEL.shots * MODEL.cells * 4
    assert of_history < needed < 1.6 * of_history
    assert within(full, needed) == full
    with pytest.raises(ValueError, match=f"at least {needed}.*gradient_storage='checkpoint'"):
        within(full, needed - 1)


def test_what_cannot_fit_says_the_least_that_does():
    with pytest.raises(ValueError, match=r"memory_limit: got 1000 bytes.*survey_pad") as error:
        within(MODEL, 1000)
    least = least_said(error)
    assert total_bytes(within(MODEL, least)) == least
    with pytest.raises(ValueError, match=f"{least} bytes or more"):
        within(MODEL, least - 1)


def test_limits():
    for given, wanted in {
        None: None,
        12345: 12345,
        2.5e9: 2500000000,
        "4GB": 4 * 10**9,
        " 1.5 GiB ": 3 * 2**29,
        "500mb": 5 * 10**8,
    }.items():
        assert parse_limit(given) == wanted
    for wrong in ("4", "4 G", "GB", "-1GB", -1, 0, "0 GB"):
        with pytest.raises(ValueError, match="memory_limit: got"):
            parse_limit(wrong)
    with pytest.raises(TypeError, match="memory_limit: got"):
        parse_limit([1])
