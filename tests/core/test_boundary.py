"""Histories rebuilt from the boundary: gradients agree to rounding, and less is kept."""

import contextlib
import dataclasses

import numpy as np
import pytest

from dualwave import native
from dualwave.equations import ELASTIC
from dualwave.equations.table import Piece, Stage, Term
from dualwave.maps import accepted_inputs, possible_outputs
from dualwave.storage import check_reversible
from helpers.emulation import emulation, run_emulated  # noqa: F401
from helpers.equations import EQUATIONS, NAMES
from helpers.native_runs import all_operands

REVERSIBLE = [name for name in NAMES if name != "damped"]
# With cells that no layer reaches.
SHAPES = {1: (70,), 2: (15, 57), 3: (20, 16, 40)}
BOUNDARY = {"full_history": True, "boundary": True}
RESIDUAL = ("residual",)


@contextlib.contextmanager
def settings(threads, blocked):
    before = native.get_num_threads()
    native.set_num_threads(threads)
    if blocked:
        native.set_blocking(1, 1)
    try:
        yield
    finally:
        native.set_num_threads(before)
        native.set_blocking()


def check(want, got):
    for slot, x in want.items():
        scale = np.abs(x).max()
        assert scale > 0, slot
        # What is not of the models does not need the history, but of receivers' weights the traces.
        tolerance = 1e-12 if slot.startswith("coefficients") else 0
        np.testing.assert_allclose(got[slot], x, rtol=0, atol=tolerance * scale, err_msg=slot)


def case(name, ndim, **change):
    described, given = all_operands(name, ndim, 4, "float64", region=SHAPES[ndim])
    described = dataclasses.replace(described, **change)
    maps = ("forward", "tangent", "adjoint", "tangent_adjoint")
    return described, {m: {k: given[k] for k in accepted_inputs(m) if k in given} for m in maps}


@pytest.mark.parametrize(("threads", "blocked"), [(1, False), (2, False), (2, True)])
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("name", REVERSIBLE)
def test_gradients(name, ndim, threads, blocked):
    described, inputs = case(name, ndim)
    d = dataclasses.replace(described, **BOUNDARY)
    with settings(threads, blocked):
        kept = native.evaluate("forward", d, inputs["forward"], RESIDUAL)
        turned = native.evaluate("tangent", d, inputs["tangent"], RESIDUAL)
        for map_name, residual in (
            *(("adjoint", {}), ("adjoint", kept), ("adjoint", turned)),
            ("tangent_adjoint", {}),
        ):
            slots = set(possible_outputs(map_name))
            want = native.evaluate(map_name, described, inputs[map_name], slots)
            check(want, native.evaluate(map_name, d, inputs[map_name] | residual, slots))


@pytest.mark.parametrize("change", [{"sampling": 2}, {"window": (3, 16, 20, 55)}, {"accuracy": 8}])
@pytest.mark.parametrize("name", REVERSIBLE)
def test_what_else_is_asked_of_a_gradient(name, change):
    described, inputs = case(name, 2, **change)
    d = dataclasses.replace(described, **BOUNDARY)
    slots = set(possible_outputs("adjoint"))
    want = native.evaluate("adjoint", described, inputs["adjoint"], slots)
    check(want, native.evaluate("adjoint", d, inputs["adjoint"], slots))


@pytest.mark.usefixtures("emulation")
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("name", REVERSIBLE)
def test_on_the_emulated_device(name, ndim):
    described, inputs = case(name, ndim)
    d = dataclasses.replace(described, **BOUNDARY)
    kept = run_emulated("forward", d, inputs["forward"], RESIDUAL)
    for map_name, residual in (("adjoint", {}), ("adjoint", kept), ("tangent_adjoint", {})):
        slots = set(possible_outputs(map_name))
        want = run_emulated(map_name, described, inputs[map_name], slots)
        check(want, run_emulated(map_name, d, inputs[map_name] | residual, slots))


@pytest.mark.parametrize("name", REVERSIBLE)
def test_what_is_kept(name):
    """The cells that the layers reach, and beside the others half the order of each field read."""
    described, _ = case(name, 2)
    full = dataclasses.replace(described, full_history=True)
    d = dataclasses.replace(full, boundary=True)
    ny, nx = described.n
    stages = EQUATIONS[name].stages(2)
    more = 4 if any(p.op == "second" for s in stages for p in s.pieces) else 2
    # Layers of 5, 7 and 0, 8 cells, `more` beyond them, and whole vectors along x.
    (y0, y1), (x0, x1) = (5 + more, ny - 7 - more), (0, (nx - 8 - more) // 8 * 8)
    quantities = sum(len({t.quantity for t in s.terms if t.coefficient}) for s in stages)
    reads = [{(p.field, p.axis) for p in s.pieces if p.op != "value"} for s in stages]
    along = [sum(axis == a for pairs in reads for _, axis in pairs) for a in (0, 1)]
    strips = along[0] * 2 * 2 * (x1 - x0) + along[1] * 1 * 2 * (y1 - y0)
    frame = quantities * (ny * nx - (y1 - y0) * (x1 - x0))
    kept = native.residual_shape(d)[2]
    traces = d.nt * d.receivers * d.receiver_taps
    rest = kept - traces - d.nt * (frame + strips)
    fields = len(EQUATIONS[name].fields(2))
    assert fields * ny * nx < rest < fields * 2.5 * ny * nx
    assert kept - rest < native.residual_shape(full)[2]


def test_of_an_interior_alone_no_quantity_is_kept():
    described, _ = case("acoustic", 2)
    d = dataclasses.replace(described, **BOUNDARY)
    part = dataclasses.replace(d, window=(10, 15, 4, 40))
    assert native.residual_shape(part)[2] < native.residual_shape(d)[2] / 2


def test_equations_that_lose_energy_are_refused():
    check_reversible(ELASTIC, 2)
    with pytest.raises(ValueError, match="in the equation damped waves lose energy"):
        check_reversible(EQUATIONS["damped"], 2)
    described, inputs = case("damped", 1, **BOUNDARY)
    with pytest.raises(ValueError, match="loses energy"):
        native.evaluate("forward", described, inputs["forward"], ("state0",))


SLOPE, RATE = Piece("slope", "v", "backward"), Piece("rate", "p")


def stage(terms, accumulate, pieces=(SLOPE, RATE)):
    return Stage(pieces, terms, accumulate=accumulate)


def test_a_stage_that_can_be_taken_back():
    added = Term("p", "slope", "K")
    assert stage((added,), True, (SLOPE,)).reversible
    # p += K slope - d p: the sign of d reversed does not take it back.
    assert not stage((added, Term("p", "rate", "d", -1.0)), True).reversible
    assert not stage((added, Term("p", "slope")), True).reversible
    pieces = (Piece("old", "a", scale=-1.0), Piece("slope", "u", "second"))
    new = (Term("a", "old"), Term("a", "slope", "c"))
    assert stage(new, False, pieces).reversible
    assert not stage((Term("a", "old", "c"), new[1]), False, pieces).reversible
    # Two targets that take each other's old values.
    both = (*pieces, Piece("other", "b", scale=-1.0))
    assert not stage((*new, Term("b", "other"), Term("a", "other")), False, both).reversible


def test_only_a_plain_history_is_rebuilt():
    for change in ({"packing": "int8"}, {"place": "disk"}, {"full_history": False}):
        described, inputs = case("scalar", 1, **(BOUNDARY | change))
        with pytest.raises(ValueError, match="is rebuilt"):
            native.evaluate("forward", described, inputs["forward"], ("state0",))
