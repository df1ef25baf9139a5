"""Several time steps in one sweep change no bit of the maps, which take one after the other."""

import dataclasses

import numpy as np
import pytest

from dualwave import native
from dualwave.maps import INPUT_SLOTS, MAPS, accepted_inputs, possible_outputs
from helpers.equations import NAMES
from helpers.native_runs import cast, make_case

REGIONS = {2: (70, 21), 3: (60, 7, 11)}
WHOLE = {"cache_bytes": 1 << 40}


@pytest.fixture(autouse=True)
def restored():
    threads = native.get_num_threads()
    yield
    native.set_num_threads(threads)
    native.set_blocking()


def evaluate(map_name, description, inputs, blocking, threads):
    native.set_num_threads(threads)
    native.set_blocking(**blocking)
    slots = set(possible_outputs(map_name))
    return native.evaluate(map_name, description, inputs, slots)


def operands(name, ndim, accuracy, dtype):
    """A run of 13 steps, and all inputs of all maps but the residual."""
    run, d = make_case(name, ndim, accuracy, taps=3, nt=13, region=REGIONS[ndim])
    description, p, step, constants = cast(dtype, run, d)
    rng = np.random.default_rng(1)
    shots = (description.shots, description.receivers, description.nt)
    inputs = {f"{k}0": x for k, x in p._asdict().items()} | constants._asdict()
    for level, scale in ((1, 1), (2, -0.5), (3, 0.3)):
        inputs |= {f"{k}{level}": scale * x for k, x in step._asdict().items()}
    for level in (0, 1):
        inputs[f"receivers_bar{level}"] = rng.normal(size=shots).astype(dtype)
        inputs[f"state_bar{level}"] = rng.normal(size=p.state.shape).astype(dtype)
    return dataclasses.replace(description, checkpoint_interval=6), inputs


# Bytes of the cache: one step at a time, and several, the more the smaller the equation is.
@pytest.mark.parametrize("cache", [1, 1 << 18])
@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blocking_in_time_changes_no_bit(name, ndim, cache, dtype):
    description, given = operands(name, ndim, 4 if ndim == 3 else 8, dtype)
    for map_name in MAPS:
        accepted = accepted_inputs(map_name)
        inputs = {k: x for k, x in given.items() if k in accepted}
        assert set(inputs) == set(INPUT_SLOTS) & set(accepted) - {"checkpoints"}
        want = evaluate(map_name, description, inputs, WHOLE, 1)
        for threads in (1, 2):
            blocking = {"cache_bytes": cache, "front_cells": 1}
            got = evaluate(map_name, description, inputs, blocking, threads)
            for slot, x in want.items():
                assert np.abs(x).max() > 0, slot
                np.testing.assert_array_equal(got[slot], x, err_msg=f"{map_name} {slot}")


def test_what_set_blocking_accepts():
    with pytest.raises(ValueError, match="1 or more"):
        native.set_blocking(cache_bytes=0)
