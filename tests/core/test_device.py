"""The device backend, emulated on the host, against the CPU's maps: all five.

The emulation compiles the sources of the CUDA backend with a loop in place of each launch, so that
its layout, its PML, its sources and receivers and its time loop are checked without a GPU; only the
launches themselves are not.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import itertools

import numpy as np
import pytest

from dualwave import native
from dualwave.layout import PACKINGS, PLACES
from dualwave.maps import MAPS, OPERANDS, possible_outputs
from helpers.emulation import emulation, run_emulated  # noqa: F401
from helpers.equations import NAMES, rows
from helpers.native_runs import cast, make_case
from helpers.runs import random_direction

pytestmark = pytest.mark.usefixtures("emulation")
DIRECTIONS = {"tangent": 1, "second_tangent": 3, "tangent_adjoint": 1}
OUTPUTS = {
    "forward": ("receivers0", "state0"),
    "tangent": ("receivers0", "receivers1", "state1"),
    "second_tangent": ("receivers3", "state3"),
}


def case(name, ndim, dtype, map_name):
    """Slots of inputs and the names of the outputs wanted from a map."""
    run, d1 = make_case(name, ndim, 4, per_shot=ndim == 2, taps=3, nt=23)
    more = [random_direction(run.p, seed) for seed in (3, 4)]
    description, p, *directions, constants = cast(dtype, run, d1, *more)
    inputs = {f"{key}0": x for key, x in p._asdict().items()} | constants._asdict()
    for k in range(DIRECTIONS.get(map_name, 0)):
        inputs |= {f"{key}{k + 1}": x for key, x in directions[k]._asdict().items()}
    if map_name in OUTPUTS:
        return description, inputs, OUTPUTS[map_name]
    rng = np.random.default_rng(9)
    levels = range(1 + DIRECTIONS.get(map_name, 0))
    for k in levels:
        receivers = (description.shots, description.receivers, description.nt)
        inputs[f"receivers_bar{k}"] = rng.standard_normal(receivers).astype(dtype)
        inputs[f"state_bar{k}"] = rng.standard_normal(p.state.shape).astype(dtype)
    return description, inputs, [f"{key}_gradient{max(levels)}" for key in p._fields]


@pytest.mark.parametrize("map_name", MAPS)
@pytest.mark.parametrize(
    ("name", "ndim", "dtype"),
    rows(
        itertools.product(NAMES, (1, 2, 3), ("float64", "float32")),
        lambda name, ndim, dtype: name == "scalar" or (ndim < 3 and dtype == "float64"),
    ),
)
def test_emulated_device_equals_cpu(name, ndim, dtype, map_name):
    description, inputs, wanted = case(name, ndim, dtype, map_name)
    want = native.evaluate(map_name, description, inputs, wanted)
    got = run_emulated(map_name, description, inputs, wanted)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    for slot, x in want.items():
        scale = np.abs(x).max()
        assert scale > 0
        assert np.abs(got[slot] - x).max() < tolerance * scale, slot


@pytest.mark.parametrize("map_name", ["forward", "tangent", "second_tangent", "tangent_adjoint"])
@pytest.mark.parametrize("name", ["scalar", "elastic"])
def test_memory_is_what_the_plan_says(name, map_name):
    description, inputs, wanted = case(name, 3, "float64", map_name)
    given = []
    run_emulated(map_name, description, inputs, wanted, given)
    planned = native.workspace_bytes(map_name, description, device=True)
    assert given[0].size == pytest.approx(planned, rel=0.03)


@pytest.mark.parametrize(
    "storage",
    [
        {"checkpoint_interval": 9, "history_steps": 2, "inner_states": 1},
        {"full_history": True},
        *({"full_history": True, "packing": packing} for packing in PACKINGS[1:]),
        *({"full_history": True, "place": place} for place in PLACES[1:]),
        {"full_history": True, "packing": "int8", "place": "disk"},
    ],
    ids=["states", "history", *PACKINGS[1:], *PLACES[1:], "int8 on disk"],
)
@pytest.mark.parametrize("name", ["scalar", "acoustic"])
def test_residual_of_the_device_serves_its_adjoint(name, storage, tmp_path):
    description, inputs, wanted = case(name, 2, "float64", "adjoint")
    description = dataclasses.replace(description, sampling=2, folder=str(tmp_path), **storage)
    primal = {slot: x for slot, x in inputs.items() if "_bar" not in slot}
    turned = {f"{name}1": primal[f"{name}0"] for name in OPERANDS}
    left = [
        run_emulated("forward", description, primal, ("residual",)),
        run_emulated("tangent", description, primal | turned, ("residual",)),
    ]
    want = native.evaluate("adjoint", description, inputs, wanted)
    # A rounding to nearest that goes the other way on the CPU.
    tolerance = {"bfloat16": 1e-3, "float16": 1e-4, "int8": 1e-3}.get(description.packing, 1e-7)
    tolerance = tolerance if description.packing else 1e-12
    for residual in ({}, *left):
        got = run_emulated("adjoint", description, inputs | residual, wanted)
        for slot, x in want.items():
            assert np.abs(x).max() > 0
            np.testing.assert_allclose(got[slot], x, rtol=0, atol=tolerance * np.abs(x).max())


@pytest.mark.parametrize("points", ["source_nodes", "receiver_nodes"])
@pytest.mark.parametrize("map_name", MAPS)
def test_node_outside_the_grid_gives_nan(map_name, points):
    """In every output, whichever are asked for."""
    description, inputs, _ = case("scalar", 1, "float64", map_name)
    inputs[points] = inputs[points].copy()
    inputs[points][0, 0, 0] = 10**6
    for slot in sorted(set(possible_outputs(map_name)) - {"residual"}):
        assert np.isnan(run_emulated(map_name, description, inputs, (slot,))[slot]).all(), slot
    with pytest.raises(ValueError, match="outside the grid"):
        native.evaluate(map_name, description, inputs, (slot,))


def test_an_ignored_receiver_has_no_part_in_gradients():
    """Whatever its cotangent is: that of a trace of zeros may be no number."""
    description, inputs, _ = case("scalar", 1, "float64", "adjoint")
    inputs |= {k: inputs[k].copy() for k in ("receiver_nodes", "receivers_bar0")}
    inputs["receiver_nodes"][0, 0] = -1
    inputs["receivers_bar0"][0, 0] = np.nan
    slots = ("receiver_weights_gradient0", "coefficients_gradient0")
    for run in (run_emulated, native.evaluate):
        got = run("adjoint", description, inputs, slots)
        assert (got[slots[0]][0, 0] == 0).all()
        for x in got.values():
            assert np.isfinite(x).all()
            assert np.abs(x).max() > 0


def test_cuda_module_imports_without_a_driver():
    """Its runtime is linked statically: one build serves machines with and without a GPU."""
    if importlib.util.find_spec("dualwave._cuda") is None:
        pytest.skip("no nvcc when the package was built")
    assert importlib.import_module("dualwave._cuda").ffi_handler() is not None
