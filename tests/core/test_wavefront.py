"""Several time steps in one sweep change no bit of the maps, which take one after the other."""

import dataclasses
import itertools

import numpy as np
import pytest

from dualwave import native
from dualwave.maps import INPUT_SLOTS, MAPS, accepted_inputs, possible_outputs
from helpers.equations import NAMES
from helpers.native_runs import all_operands

REGIONS = {2: (70, 21), 3: (60, 7, 11)}
WHOLE = {"cache_bytes": 1 << 40}


@pytest.fixture(autouse=True)
def restored():
    threads = native.get_num_threads()
    yield
    native.set_num_threads(threads)
    native.set_blocking()


def evaluate(map_name, description, inputs, blocking, threads, without=()):
    native.set_num_threads(threads)
    native.set_blocking(**blocking)
    slots = set(possible_outputs(map_name)) - set(without)
    return native.evaluate(map_name, description, inputs, slots)


# Bytes of the cache: one step at a time, with histories that go past it; and several, the more the
# smaller the equation is.
@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blocking_in_time_changes_no_bit(name, ndim, dtype):
    accuracy = 4 if ndim == 3 else 8
    description, given = all_operands(name, ndim, accuracy, dtype, region=REGIONS[ndim])
    description = dataclasses.replace(description, checkpoint_interval=6)
    for map_name in MAPS:
        accepted = accepted_inputs(map_name)
        inputs = {k: x for k, x in given.items() if k in accepted}
        assert set(inputs) == set(INPUT_SLOTS) & set(accepted) - {"residual"}
        want = evaluate(map_name, description, inputs, WHOLE, 1)
        # Of three threads, one has others on both sides.
        for cache, threads in itertools.product((1, 1 << 18), (1, 3)):
            blocking = {"cache_bytes": cache, "front_cells": 1}
            got = evaluate(map_name, description, inputs, blocking, threads)
            for slot, x in want.items():
                assert np.abs(x).max() > 0, slot
                np.testing.assert_array_equal(got[slot], x, err_msg=f"{map_name} {slot}")


@pytest.mark.parametrize("cache", [1, 1 << 18, 1 << 40])
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("name", ["scalar", "acoustic", "elastic"])
def test_where_cotangents_are_scaled(name, ndim, cache):
    """Residuals of receivers of a field whose neighbours the transpose reads, an acoustic velocity
    for instance, come in when these have been read."""
    description, given = all_operands(name, ndim, 4, "float64", region=REGIONS.get(ndim))
    description = dataclasses.replace(description, checkpoint_interval=6)
    inputs = {k: x for k, x in given.items() if k in accepted_inputs("adjoint")}
    fields = np.unique(given["receiver_nodes"] // description.cells)
    assert len(fields) > 1 or name == "scalar"
    state = ["state_gradient0"]
    want = evaluate("adjoint", description, inputs, WHOLE, 1, without=state)
    if name == "acoustic" or (name == "elastic" and ndim == 1):
        # With the gradient of the initial state they are not.
        plain = evaluate("adjoint", description, inputs, WHOLE, 1)
        assert (want["amplitudes_gradient0"] != plain["amplitudes_gradient0"]).any()
    for threads in (1, 3):  # of three, one has others on both sides
        blocking = {"cache_bytes": cache, "front_cells": 1}
        got = evaluate("adjoint", description, inputs, blocking, threads, without=state)
        for slot, x in want.items():
            assert np.abs(x).max() > 0, slot
            np.testing.assert_array_equal(got[slot], x, err_msg=slot)


@pytest.mark.parametrize("storage", [{}, {"packing": "float16"}, {"place": "disk"}])
@pytest.mark.parametrize("ndim", [2, 3])
def test_blocking_with_a_full_history(ndim, storage, tmp_path):
    """Of both reverse maps, and of an adjoint with what a forward or a tangent left."""
    description, given = all_operands("acoustic", ndim, 4, "float64", region=REGIONS[ndim])
    description = dataclasses.replace(
        description, full_history=True, folder=str(tmp_path), **storage
    )
    inputs = {name: {k: given[k] for k in accepted_inputs(name) if k in given} for name in MAPS}

    def run(blocking, threads):
        found = {}
        for name in ("forward", "tangent", "tangent_adjoint"):
            found[name] = evaluate(name, description, inputs[name], blocking, threads)
            residual = {k: found[name].pop(k) for k in ["residual"] if k in found[name]}
            operands = inputs["adjoint"] | residual
            found[f"{name}, adjoint"] = evaluate(
                "adjoint", description, operands, blocking, threads
            )
        return found

    want = run(WHOLE, 1)
    for threads in (1, 3):  # of three, one has others on both sides
        got = run({"cache_bytes": 1 << 18, "front_cells": 1}, threads)
        for name, outputs in want.items():
            for slot, x in outputs.items():
                assert np.abs(x).max() > 0, slot
                np.testing.assert_array_equal(got[name][slot], x, err_msg=f"{name} {slot}")


def test_what_set_blocking_accepts():
    with pytest.raises(ValueError, match="1 or more"):
        native.set_blocking(cache_bytes=0)
