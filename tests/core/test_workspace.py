"""The workspace of a call on the CPU, which waits for the next."""

import dataclasses

import numpy as np
import pytest

import dualwave
from dualwave import native
from dualwave.maps import accepted_inputs, possible_outputs
from helpers.native_runs import all_operands

MAPS = ("forward", "tangent", "adjoint", "tangent_adjoint")


@pytest.fixture(autouse=True)
def nothing_kept():
    dualwave.release_memory()
    yield
    dualwave.release_memory()


def case(ndim=2, region=(700, 810)):
    """Grids of more bytes than the C library keeps."""
    described, given = all_operands("acoustic", ndim, 4, "float64", region=region)
    return described, {m: {k: given[k] for k in accepted_inputs(m) if k in given} for m in MAPS}


def test_it_is_kept_used_again_and_given_back():
    described, inputs = case()
    native.evaluate("forward", described, inputs["forward"], ("receivers0",))
    kept = native.kept_memory()
    planned = native.workspace_bytes("forward", described)
    assert 0.9 * planned < kept < 1.5 * planned
    native.evaluate("forward", described, inputs["forward"], ("receivers0",))
    assert native.kept_memory() == kept
    dualwave.release_memory()
    assert native.kept_memory() == 0


def test_what_was_in_it_does_not_matter():
    """Not a number in every cell of what a call finds: the same bits come out."""
    described, inputs = case(region=(450, 520))
    for storage in ({}, {"full_history": True}, {"full_history": True, "boundary": True}):
        d = dataclasses.replace(described, **storage)
        for name in MAPS:
            slots = set(possible_outputs(name)) - {"residual"}
            dualwave.release_memory()
            want = native.evaluate(name, d, inputs[name], slots)
            bad = {k: x * np.nan if x.dtype.kind == "f" else x for k, x in inputs[name].items()}
            native.evaluate(name, d, bad, slots)
            assert native.kept_memory() > 0
            got = native.evaluate(name, d, inputs[name], slots)
            for slot, x in want.items():
                assert np.abs(x).max() > 0
                np.testing.assert_array_equal(got[slot], x, err_msg=f"{name} {slot} {storage}")


def test_calls_of_another_size_do_not_add_to_it_for_long():
    large, small = case(), case(region=(400, 900))
    native.evaluate("forward", large[0], large[1]["forward"], ("receivers0",))
    for _ in range(64):
        native.evaluate("forward", small[0], small[1]["forward"], ("receivers0",))
    planned = native.workspace_bytes("forward", small[0])
    assert native.kept_memory() < 1.5 * planned


def test_a_lean_call_keeps_nothing():
    described, inputs = case()
    d = dataclasses.replace(described, lean=True)
    native.evaluate("forward", d, inputs["forward"], ("receivers0",))
    assert native.kept_memory() == 0
    bad = inputs["forward"] | {"source_nodes": inputs["forward"]["source_nodes"] + 10**8}
    with pytest.raises(ValueError, match="outside the grid"):
        native.evaluate("forward", d, bad, ("receivers0",))
    assert native.kept_memory() == 0


def test_small_ones_are_the_c_librarys():
    described, inputs = case(1, (50,))
    native.evaluate("forward", described, inputs["forward"], ("receivers0",))
    assert native.kept_memory() == 0
