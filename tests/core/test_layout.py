"""The description of a run and the packed state."""

from dataclasses import replace

import numpy as np
import pytest

from dualwave.equations import get
from dualwave.equations.table import Piece, Stage, Term
from dualwave.framework import NumpyFramework
from dualwave.layout import Description, memories, pack, slabs, state_entries, unpack

RUN = Description(
    equation="scalar",
    ndim=2,
    accuracy=4,
    n=(30, 40),
    spacing=(4.0, 5.0),
    pml=(3, 4, 5, 0),
    nt=10,
    shots=2,
    sources=1,
    receivers=7,
    source_taps=8,
    receiver_taps=9,
    gradients=6,
    checkpoint_interval=11,
    dtype="float64",
)


def test_integers_for_the_compiled_core():
    numbers = [5, 2, 4, 10, 2, 1, 7, 8, 9, 11, 6, 64, 1, 30, 40, 0, 0, 3, 4, 5, 0]
    every = [0, 0, 0, 1, 30, 40]  # cells that have a gradient, of three axes
    assert RUN.ints(5) == [*numbers, *(0,) * 8, 1, 0, 0, 0, *every, 0, 0]
    walls = replace(RUN, pml=(0, 4, 5, 0), faces=("rigid", "pml", "pml", "free"))
    assert walls.ints(5)[-26:-8] == [0, 0, 0, 4, 5, 0, 0, 0, 2, 0, 0, 1, 0, 0, 1, 0, 0, 0]
    kept = replace(RUN, history_steps=4, inner_states=3, sampling=2, full_history=True)
    assert kept.ints(5)[-14:-8] == [4, 3, 2, 1, 0, 0]
    away = replace(kept, packing="float16", place="disk", folder="/é")
    assert away.ints(5)[-13:-11] == [3, 2]
    assert away.ints(5)[-3:] == [ord("/"), 0xC3, 0xA9]
    part = replace(kept, window=(3, 9, 0, 7), boundary=True, lean=True)
    assert part.ints(5)[-8:] == [0, 3, 0, 1, 9, 7, 1, 1]
    assert RUN.spacings() == [1.0, 4.0, 5.0]
    assert replace(RUN, dtype="float32").ints(5)[11] == 32


def test_sizes():
    fields, along_y, along_x = 2 * 1200, 2 * 7 * 40, 2 * 30 * 5
    assert RUN.cells == 1200
    assert RUN.state_size == fields + along_y + along_x
    assert RUN.coefficients == 1
    assert RUN.widths(1) == (5, 0)


def test_state_is_fields_then_memory_in_the_order_of_the_pieces():
    assert list(RUN.state_entries()) == [
        ("u", (30, 40)),
        ("u_prev", (30, 40)),
        ("psi_y", (7, 40)),
        ("zeta_y", (7, 40)),
        ("psi_x", (30, 5)),
        ("zeta_x", (30, 5)),
    ]


def test_memory_names_carry_more_only_where_they_clash():
    found = memories(get("acoustic"), 2)
    names = ["m_slope_y_p_y", "m_slope_x_p_x", "m_dilation_vy_y", "m_dilation_vx_x"]
    assert [memory.name for memory in found] == names
    assert [memory.half for memory in found] == [True, True, False, False]
    assert [m.name for m in memories(get("scalar"), 1)] == ["psi_x", "zeta_x"]


def test_clash_within_one_quantity_still_gives_different_names():
    table = get("scalar")
    pieces = (Piece("lap", "u", "second"), Piece("lap", "u_prev", "second"))
    stage = Stage(pieces, (Term("u_prev", "lap", "c"),), (("u", "u_prev"),))
    names = [m.name for m in memories(replace(table, stages=lambda ndim: (stage,)), 1)]
    assert len(set(names)) == 4


def test_slabs():
    cells = np.arange(20)
    low, high = slabs(20, 3, 4, half=False)
    assert [list(cells[s]) for s in (low, high)] == [[0, 1, 2], [16, 17, 18, 19]]
    low, high = slabs(20, 3, 4, half=True)
    assert [list(cells[s]) for s in (low, high)] == [[0, 1, 2], [15, 16, 17, 18]]
    assert all(not cells[s].size for half in (False, True) for s in slabs(20, 0, 0, half))


def test_pack_and_unpack_are_inverse():
    fw = NumpyFramework()
    entries = state_entries(get("acoustic"), 2, (6, 7), (2, 0, 1, 3))
    size = sum(np.prod(shape) for _, shape in entries)
    state = np.arange(3 * size, dtype=float).reshape(3, -1)
    arrays = unpack(fw.split, entries, state)
    assert list(arrays) == [name for name, _ in entries]
    assert arrays["vy"].shape == (3, 6, 7)
    assert arrays["vy"][1, 0, 0] == size + 42
    np.testing.assert_array_equal(pack(fw, entries, arrays), state)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": (30,)}, "entries"),
        ({"pml": (3, 4)}, "entries"),
        ({"accuracy": 5}, "accuracy is 5; use 2, 4, 6 or 8"),
        ({"dtype": "float16"}, "float16"),
        ({"pml": (15, 15, 0, 0)}, "do not fit in the 30 cells of axis 0"),
        ({"pml": (-1, 0, 0, 0)}, "negative"),
    ],
)
def test_a_wrong_description_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(RUN, **changes)


def test_a_description_can_be_a_key():
    assert len({RUN, replace(RUN), replace(RUN, nt=11)}) == 2
