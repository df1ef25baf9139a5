"""Models of the systems that cannot be: one clear error each, the same from every front end."""

import numpy as np
import pytest

import dualwave
from helpers.calls import FRONT_ENDS, case_of

pytestmark = pytest.mark.filterwarnings("ignore:there are:UserWarning")  # coarse on purpose


def changed(equation, name, value, index=(3, 4)):
    """The arguments of a call with one value of a model replaced."""
    arguments = case_of(equation)
    arguments[name] = np.array(arguments[name])
    arguments[name][index] = value
    return arguments


FAULTS = {
    # model: (equation, argument, value, what the message says)
    "density zero": (
        *("acoustic", "rho", 0.0),
        r"rho: 1 of 180 values do not fit, the first 0 at \[3, 4\]. Accepted: densities above 0",
    ),
    "density negative": (
        *("acoustic", "rho", -1000.0),
        r"rho: 1 of 180 values do not fit, the first -1000 at \[3, 4\]",
    ),
    "density NaN": (
        *("acoustic", "rho", np.nan),
        r"rho: 1 of 180 values are NaN or infinite, the first at \[3, 4\]",
    ),
    "speed negative": ("acoustic", "v", -1500.0, "v: 1 of 180 speeds are negative"),
    "mu negative": (
        *("elastic", "mu", -1.0),
        r"mu: 1 of 180 values do not fit, the first -1 at \[3, 4\]. Accepted: values of 0 or more",
    ),
    "buoyancy negative": (
        *("elastic", "buoyancy", -1e-3),
        r"buoyancy: 1 of 180 values do not fit, the first -0.001 at \[3, 4\]",
    ),
    "bulk modulus negative": (
        *("elastic", "lamb", -900.0),
        r"lamb: 1 of 180 values do not fit, the first -900 at \[3, 4\]. "
        r"Accepted: a bulk modulus lamb \+ 2 mu / ndim of 0 or more.*holds no energy",
    ),
    "lamb infinite": ("elastic", "lamb", np.inf, "lamb: 1 of 180 values are NaN or infinite"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_error(fault):
    equation, name, value, text = FAULTS[fault]
    with pytest.raises(ValueError, match=text) as caught:
        dualwave.plan(equation, **changed(equation, name, value))
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_the_front_ends_raise_the_same(name, x64):
    front = FRONT_ENDS[name]()
    for equation, model, value, text in FAULTS.values():
        with pytest.raises(ValueError, match=text):
            front.call(changed(equation, model, value), equation)


def test_what_may_look_wrong_but_is_not():
    """A fluid, a vacuum, a negative lamb whose bulk modulus is positive, speeds of zero."""
    dualwave.plan("elastic", **changed("elastic", "mu", 0.0))
    vacuum = changed("elastic", "mu", 0.0)
    vacuum |= {name: changed("elastic", name, 0.0)[name] for name in ("lamb", "buoyancy")}
    dualwave.plan("elastic", **vacuum)
    least = -float(case_of("elastic")["mu"][3, 4])
    dualwave.plan("elastic", **changed("elastic", "lamb", 0.999 * least))
    with pytest.raises(ValueError, match="lamb: 1 of 180 values do not fit"):
        dualwave.plan("elastic", **changed("elastic", "lamb", 1.001 * least))
    dualwave.plan("acoustic", **changed("acoustic", "v", 0.0))


def test_the_bound_of_lamb_depends_on_the_number_of_dimensions():
    """lamb + 2 mu / ndim: what a run in fewer dimensions can be compressed by."""
    for ndim, factor in ((1, 2.0), (2, 1.0), (3, 2 / 3)):
        arguments = case_of("elastic", ndim)
        arguments["lamb"] = -0.99 * factor * arguments["mu"]
        dualwave.plan("elastic", **arguments)
        arguments["lamb"] = -1.01 * factor * arguments["mu"]
        with pytest.raises(ValueError, match=r"lamb: .* values do not fit"):
            dualwave.plan("elastic", **arguments)


def test_models_of_other_shapes_and_shots():
    """Each model may have a shot axis of its own; all have the same cells."""
    arguments = case_of("acoustic")
    shots = arguments | {"rho": np.stack([arguments["rho"]] * 2)}
    assert dualwave.plan("acoustic", **shots).grid == dualwave.plan("acoustic", **arguments).grid
    with pytest.raises(
        ValueError, match="rho: has 3 shots, but source_locations_volume_rate has 2"
    ):
        dualwave.plan("acoustic", **arguments | {"rho": np.stack([arguments["rho"]] * 3)})
    with pytest.raises(ValueError, match=r"rho: has shape \[12, 14\]"):
        dualwave.plan("acoustic", **arguments | {"rho": arguments["rho"][:, :-1]})
    with pytest.raises(TypeError, match="rho: has dtype float32"):
        dualwave.plan("acoustic", **arguments | {"rho": arguments["rho"].astype("float32")})


def test_channels_of_other_dimensions_are_named():
    arguments = case_of("elastic")
    places = {"receiver_locations_z": np.zeros((2, 1, 2), int)}
    channels = ("strain_rate_yy", "strain_rate_xx", "strain_rate_xy", "p", "y", "x")
    accepted = ", ".join(f"receiver_locations_{channel}" for channel in channels)
    text = f"receiver_locations_z: does not exist in 2 dimensions. Accepted: {accepted}"
    with pytest.raises(ValueError, match=text):
        dualwave.plan("elastic", **arguments, **places)
    field = {"sigmazz_0": np.zeros((2, 18, 23)), "origin": [0, 0]}
    with pytest.raises(ValueError, match="sigmazz_0: does not exist in 2 dimensions"):
        dualwave.plan("elastic", **arguments, **field)
