"""The adjoint of cotangents times coefficients (csrc/table/scaling.hpp), against the tangent
map and against the adjoint of the cotangents themselves."""

import dataclasses
import itertools

import numpy as np
import pytest

from dualwave import native
from dualwave.maps import OPERANDS, accepted_inputs
from helpers.native_runs import all_operands, close

SCALED = ("scalar", "acoustic")
CASES = [*itertools.product(SCALED, (1, 2, 3)), ("elastic", 1)]
GRADIENTS = [f"{name}_gradient0" for name in OPERANDS if name != "state"]
COEFFICIENTS = "coefficients_gradient0"


def parts(name, ndim, accuracy=4):
    """A description and the inputs of its adjoint and of its tangent."""
    description, given = all_operands(name, ndim, accuracy, "float64")
    return description, {
        map_name: {k: x for k, x in given.items() if k in accepted_inputs(map_name)}
        for map_name in ("adjoint", "tangent")
    }


def products(description, inputs, found):
    """Of the gradients with a direction of the operands, and of the results' derivative in that
    direction with the cotangents, from the tangent map."""
    gradient = {key.replace("_gradient0", "1"): x for key, x in found.items()}
    ahead = {k: x for k, x in inputs["tangent"].items() if k[-1] == "0" or k in gradient}
    ahead |= {k: x for k, x in inputs["tangent"].items() if k[-1] not in "01"}
    moved = native.evaluate("tangent", description, ahead, ("receivers1", "state1"))
    bars = {f"{key}1": inputs["adjoint"][f"{key}_bar0"] for key in ("receivers", "state")}
    return (
        sum(np.vdot(inputs["tangent"][slot], x) for slot, x in gradient.items()),
        sum(np.vdot(moved[slot], x) for slot, x in bars.items()),
    )


@pytest.mark.parametrize("accuracy", [2, 4, 8])
@pytest.mark.parametrize(("name", "ndim"), CASES)
def test_it_is_the_transpose_of_the_tangent(name, ndim, accuracy):
    description, inputs = parts(name, ndim, accuracy=accuracy)
    found = native.evaluate("adjoint", description, inputs["adjoint"], GRADIENTS)
    # Nothing is known of coefficients that are zero past the last cell, and no model has them.
    direction = inputs["tangent"]["coefficients1"]
    inputs["tangent"]["coefficients1"] = direction * (inputs["adjoint"]["coefficients0"] != 0)
    gradients, results = products(description, inputs, found)
    assert abs(results) > 0
    assert gradients == pytest.approx(results, rel=1e-11)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_both_ways_have_the_same_gradients(ndim):
    """Where the initial state has one, cotangents past the last cell are wanted, which are lost."""
    description, inputs = parts("acoustic", ndim)
    scaled = native.evaluate("adjoint", description, inputs["adjoint"], GRADIENTS)
    slots = [*GRADIENTS, "state_gradient0"]
    plain = native.evaluate("adjoint", description, inputs["adjoint"], slots)
    past = inputs["adjoint"]["coefficients0"] == 0
    assert past.any()
    assert not scaled[COEFFICIENTS][past].any()
    plain[COEFFICIENTS][past] = 0
    for slot in GRADIENTS:
        close(scaled[slot], plain[slot], "float64")
    assert (scaled[COEFFICIENTS] != plain[COEFFICIENTS]).any(), "one of them was not run"


@pytest.mark.parametrize("value", [0.0, 1e-200])
@pytest.mark.parametrize("name", SCALED)
def test_a_coefficient_of_zero_has_a_gradient(name, value):
    """And one of which products lose their bits."""
    description, inputs = parts(name, 2)
    cell = (0, 0, 11, 12)
    for given in inputs.values():
        given["coefficients0"] = given["coefficients0"].copy()
        given["coefficients0"][cell] = value
    alone = np.zeros_like(inputs["tangent"]["coefficients1"])
    alone[cell] = 1
    inputs["tangent"]["coefficients1"] = alone
    found = native.evaluate("adjoint", description, inputs["adjoint"], (COEFFICIENTS,))
    gradients, results = products(description, inputs, found)
    assert abs(results) > 0
    assert gradients == pytest.approx(results, rel=1e-11)


def test_an_equation_that_it_is_not_for():
    """Of elastic waves a stress has several coefficients: what is wanted beside changes no bit."""
    description, inputs = parts("elastic", 2)
    alone = native.evaluate("adjoint", description, inputs["adjoint"], (COEFFICIENTS,))
    slots = (COEFFICIENTS, "state_gradient0")
    beside = native.evaluate("adjoint", description, inputs["adjoint"], slots)
    assert np.abs(beside[COEFFICIENTS]).max() > 0
    np.testing.assert_array_equal(alone[COEFFICIENTS], beside[COEFFICIENTS])


def test_sampled_and_windowed_gradients():
    """Of a part of the cells, from every third step: the sums that both ways make."""
    description, inputs = parts("acoustic", 2)
    description = dataclasses.replace(description, sampling=3, window=(4, 17, 3, 20))
    scaled = native.evaluate("adjoint", description, inputs["adjoint"], (COEFFICIENTS,))
    slots = (COEFFICIENTS, "state_gradient0")
    plain = native.evaluate("adjoint", description, inputs["adjoint"], slots)
    close(scaled[COEFFICIENTS], plain[COEFFICIENTS], "float64")
