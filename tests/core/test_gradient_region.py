"""Gradients of some cells alone: the same there, nothing elsewhere, and only these are kept."""

import dataclasses

import numpy as np
import pytest

from dualwave import native
from dualwave.gradient_region import parse, window
from dualwave.layout import PLACES
from dualwave.maps import accepted_inputs, possible_outputs
from dualwave.survey import Region
from helpers.emulation import emulation, run_emulated  # noqa: F401
from helpers.equations import NAMES
from helpers.native_runs import all_operands

# Grids of more than one vector of cells along x. Windows that begin, and end, inside a vector; in
# the PML and out of it; and one of a single cell.
SHAPES = {1: (70,), 2: (15, 57), 3: (8, 9, 40)}
WINDOWS = {
    1: [(20, 41), (0, 7), (84, 85)],
    2: [(4, 9, 20, 41), (0, 27, 60, 65), (26, 27, 0, 1)],
    3: [(2, 7, 0, 9, 17, 30), (0, 15, 5, 6, 0, 50), (14, 15, 13, 14, 49, 50)],
}
TOLERANCE = {"": 0, "float32": 1e-6, "float16": 1e-3}
GRADIENT = "coefficients_gradient0"
STORAGES = [
    {},
    {"checkpoint_interval": 5, "history_steps": 2},
    *({"full_history": True, "place": place} for place in PLACES),
    {"full_history": True, "packing": "float32"},
]


def inside(description):
    box = tuple(map(slice, description.window[::2], description.window[1::2]))
    mask = np.zeros(description.n, bool)
    mask[box] = True
    return mask


def check(want, got, description):
    """Gradients of coefficients are cut, every other result is what it was."""
    mask, tolerance = inside(description), TOLERANCE[description.packing]
    for slot, x in want.items():
        if slot.startswith("coefficients_gradient"):
            x = np.where(mask, x, 0)
        scale = np.abs(x).max()
        assert scale > 0, slot
        np.testing.assert_allclose(got[slot], x, rtol=0, atol=tolerance * scale, err_msg=slot)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_a_window_cuts_the_gradient(name, ndim, tmp_path):
    described, given = all_operands(name, ndim, 4, "float64", region=SHAPES[ndim])
    for map_name in ("adjoint", "tangent_adjoint"):
        inputs = {k: given[k] for k in accepted_inputs(map_name) if k in given}
        slots = set(possible_outputs(map_name))
        want = native.evaluate(map_name, described, inputs, slots)
        for i, cells in enumerate(WINDOWS[ndim]):
            for storage in STORAGES if i == 0 else STORAGES[:1]:
                d = dataclasses.replace(described, window=cells, folder=str(tmp_path), **storage)
                check(want, native.evaluate(map_name, d, inputs, slots), d)


@pytest.mark.usefixtures("emulation")
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_on_the_emulated_device(name, ndim, tmp_path):
    described, given = all_operands(name, ndim, 4, "float64", region=SHAPES[ndim])
    inputs = {k: given[k] for k in accepted_inputs("adjoint") if k in given}
    slots = set(possible_outputs("adjoint"))
    want = run_emulated("adjoint", described, inputs, slots)
    for i, cells in enumerate(WINDOWS[ndim]):
        for storage in STORAGES if i == 0 else STORAGES[:1]:
            d = dataclasses.replace(described, window=cells, folder=str(tmp_path), **storage)
            check(want, run_emulated("adjoint", d, inputs, slots), d)


@pytest.mark.parametrize("packing", ["", "float16"])
def test_a_history_has_the_windows_cells(packing):
    described, given = all_operands("acoustic", 3, 4, "float64", region=SHAPES[3])
    full = dataclasses.replace(described, full_history=True, packing=packing)
    cells = WINDOWS[3][0]
    d = dataclasses.replace(full, window=cells)
    shape = native.residual_shape(d)
    rows = (cells[1] - cells[0]) * (cells[3] - cells[2])
    values = 4 * d.nt * rows * (16 if not packing else 16 * 2 / 8 + 1)
    traces = d.nt * d.receivers * d.receiver_taps
    assert values + traces <= shape[2] <= values + traces + 16
    assert native.workspace_bytes("adjoint", d) < native.workspace_bytes("adjoint", full)
    inputs = {k: given[k] for k in accepted_inputs("forward") if k in given}
    kept = native.evaluate("forward", d, inputs, ("residual",))
    inputs = {k: given[k] for k in accepted_inputs("adjoint") if k in given}
    want = native.evaluate("adjoint", described, inputs, (GRADIENT,))
    got = native.evaluate("adjoint", d, inputs | kept, (GRADIENT,))
    check(want, got, d)


def test_cells_of_the_grid():
    region = Region(origin=(10, 0), shape=(20, 30), pml=(4, 5, 6, 0))
    assert window(None, region) == ()
    # Inside: a cell more to each side, for averages.
    assert window(((12, 15), (3, 8)), region) == (5, 10, 8, 15)
    # At an edge: the layer that continues it, too.
    assert window(((10, 15), (3, 30)), region) == (0, 10, 8, 36)
    assert window(((0, 30), (0, 30)), region) == (0, 29, 0, 36)
    # Outside the region, where no cell of the model is used, a cell is there.
    assert window(((0, 3), (0, 30)), region) == (0, 5, 0, 36)
    assert window(((40, 50), (0, 30)), region) == (23, 29, 0, 36)


def test_parse():
    assert parse(None, (9, 8)) is None
    assert parse([None, (2, None)], (9, 8)) == ((0, 9), (2, 8))
    assert parse(np.array([[1, 4], [2, 8]]), (9, 8)) == ((1, 4), (2, 8))
    for value, text in [
        ("all", "got 'all'"),
        (3, r"got 3 \(int\)"),
        ([(0, 2)], r"got \[\(0, 2\)\]"),
        ([(0, 2), 3], r"has 3 \(int\) for axis 1"),
        ([(0, 2), (3, 3)], r"has \(3, 3\) for axis 1"),
        ([(0, 10), None], r"has \(0, 10\) for axis 0"),
        ([(-1, 2), None], r"grad_region\[0\]: got -1"),
    ]:
        with pytest.raises(ValueError, match=text):
            parse(value, (9, 8))
    with pytest.raises(TypeError, match=r"grad_region\[1\]: got 1.5"):
        parse([None, (1.5, 3)], (9, 8))


def test_a_window_outside_the_grid_is_refused():
    described, given = all_operands("scalar", 2, 4, "float64")
    inputs = {k: given[k] for k in accepted_inputs("forward") if k in given}
    for cells in [(0, 200, 0, 5), (3, 3, 0, 5), (-1, 3, 0, 5)]:
        with pytest.raises(ValueError, match="cells of the grid"):
            native.evaluate(
                "forward", dataclasses.replace(described, window=cells), inputs, ("state0",)
            )
