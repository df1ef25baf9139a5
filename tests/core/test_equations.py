"""The equation tables: what they contain, what they refuse, and the registry."""

from dataclasses import replace

import numpy as np
import pytest
from equations.damped import DAMPED

from dualwave import equations
from dualwave.equations import Action, Piece, Stage, Term
from dualwave.form import Form

SCALAR, ACOUSTIC, ELASTIC = (equations.get(name) for name in ("scalar", "acoustic", "elastic"))


def with_stage(**changes):
    """The scalar table with its stage changed."""
    return replace(SCALAR, stages=lambda ndim: (replace(SCALAR.stages(ndim)[0], **changes),))


def test_scalar_coefficient_is_the_squared_courant_length():
    v = np.array([[1500.0, 3000.0]])
    c = SCALAR.coefficient_map({"v": v}, 0.002)["c"]
    np.testing.assert_allclose(c, [[9.0, 36.0]], rtol=1e-15)
    np.testing.assert_array_equal(SCALAR.speed({"v": -v}), v)
    assert SCALAR.coefficient_names(3) == ("c",)


def test_scalar_stage_updates_the_current_field():
    (stage,) = SCALAR.stages(2)
    assert stage.targets == ("u_prev",)
    assert stage.updated == ("u",)
    assert [piece.axis for piece in stage.pieces if piece.op == "second"] == [0, 1]


def test_what_exists_depends_on_the_number_of_dimensions():
    """Channels, wavefields and coefficients; `all_channels` is what a signature lists."""
    assert list(ACOUSTIC.sources(1)) == ["volume_rate", "x"]
    assert list(ELASTIC.sources(2)) == ["pressure_rate", "y", "x", "moment"]
    assert list(ELASTIC.receivers(2)) == [
        *("strain_rate_yy", "strain_rate_xx", "strain_rate_xy", "p", "y", "x")
    ]
    assert Form(ACOUSTIC).wavefields_in(1) == {"pressure_0": (0, "p"), "vx_0": (0, "vx")}
    assert list(Form(ELASTIC).wavefields_in(1)) == ["vx_0", "sigmaxx_0"]
    assert list(Form(ELASTIC).wavefields_in(2)) == [
        *("vy_0", "vx_0", "sigmayy_0", "sigmaxy_0", "sigmaxx_0")
    ]
    assert ELASTIC.coefficient_names(1) == ("lamb_2mu", "Bx")
    assert ELASTIC.coefficient_names(2) == ("lamb_2mu", "lamb", "mu_yx", "By", "Bx")
    assert ACOUSTIC.all_channels() == (("volume_rate", "z", "y", "x"), ("p", "z", "y", "x"))
    assert SCALAR.all_channels() == (("",), ("",))


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_where_the_nodes_of_a_staggered_grid_lie(ndim):
    """Virieux 1984 and 1986: velocities half a cell on along their axis, shears along both."""
    axes = "zyx"[3 - ndim :]
    for i, a in enumerate(axes):
        along = tuple(k == i for k in range(ndim))
        assert ACOUSTIC.half(ndim, f"v{a}") == ELASTIC.half(ndim, f"v{a}") == along
        assert ELASTIC.half(ndim, f"sigma{a}{a}") == (False,) * ndim
        for j, b in list(enumerate(axes))[i + 1 :]:
            both = tuple(k in (i, j) for k in range(ndim))
            assert ELASTIC.half(ndim, f"sigma{b}{a}") == both
    assert ACOUSTIC.half(ndim, "p") == SCALAR.half(ndim, "u") == (False,) * ndim


def test_coefficients_that_no_stage_uses_are_left_out():
    assert replace(SCALAR, coefficients=("unused", "c")).coefficient_names(2) == ("c",)
    assert ACOUSTIC.coefficient_names(3) == ("K", "Bz", "By", "Bx")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pieces": (Piece("lap", "w", "second"),)}, "field 'w' is not among u, u_prev"),
        ({"pieces": (Piece("lap", "u", "second", 3),)}, "axis 3 does not exist"),
        ({"terms": (Term("w", "lap"),)}, "target 'w'"),
        ({"terms": (Term("u_prev", "other"),)}, "quantity 'other'"),
        ({"terms": (Term("u_prev", "lap", "k"),)}, "coefficient 'k'"),
        ({"swap": (("u", "w"),)}, "field 'w'"),
        ({"swap": ()}, "source field 'u'"),
    ],
)
def test_a_wrong_table_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        with_stage(**changes)


def test_a_field_updated_twice_is_refused():
    with pytest.raises(ValueError, match="updated by two stages"):
        replace(SCALAR, stages=lambda ndim: SCALAR.stages(ndim) * 2)


def test_fields_and_wavefields_are_checked():
    with pytest.raises(ValueError, match="named twice"):
        replace(SCALAR, fields=lambda ndim: ("u", "u_prev", "u"))
    with pytest.raises(ValueError, match="wavefield 'w'"):
        replace(SCALAR, wavefields={"wavefield_0": "w"})
    with pytest.raises(ValueError, match="source coefficient 'k'"):
        replace(SCALAR, sources=lambda ndim: {"": (Action("u", "k"),)})
    with pytest.raises(ValueError, match="receiver field 'w'"):
        replace(SCALAR, receivers=lambda ndim: {"": (Action("w"),)})


def test_an_unknown_operator_is_refused():
    with pytest.raises(ValueError, match="op is 'third'; use one of value, second"):
        Piece("lap", "u", "third")


def test_updated_follows_the_swaps_in_order():
    terms = (Term("a", "q"), Term("b", "q"))
    assert Stage((), terms, (("a", "c"),)).updated == ("c", "b")
    assert Stage((), terms, (("a", "c"), ("c", "d"))).updated == ("d", "b")


def test_registry():
    assert equations.names()[0] == "scalar"
    assert equations.register(DAMPED) is DAMPED
    assert equations.register(DAMPED) is equations.get("damped")
    with pytest.raises(ValueError, match="'damped' exists already"):
        equations.register(replace(DAMPED, parameters=("v", "damping")))
    with pytest.raises(ValueError, match="'scaler' is unknown; there are scalar"):
        equations.get("scaler")
