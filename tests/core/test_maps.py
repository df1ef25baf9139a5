"""Slots, masks and signatures of the five maps."""

import pytest

from dualwave import maps
from dualwave.layout import Description

RUN = Description("scalar", 1, 2, (10,), (1.0,), (2, 3), nt=7, shots=2, sources=3, receivers=4)
RUN_STATE = 2 * 10 + 2 * 5


def all_of(map_name):
    return (
        maps.input_mask(maps.accepted_inputs(map_name)),
        maps.output_mask(maps.possible_outputs(map_name)),
    )


def test_bits_are_those_of_the_compiled_core():
    bits = {name: bit for bit, name in enumerate(maps.INPUT_SLOTS)}
    assert (bits["coefficients0"], bits["coefficients1"], bits["state3"]) == (0, 5, 19)
    assert [bits[f"{name}_bar{level}"] for level in (0, 1) for name in ("receivers", "state")] == [
        20,
        21,
        22,
        23,
    ]
    assert (bits["residual"], bits["source_nodes"], bits["profiles"]) == (24, 25, 28)
    outputs = {name: bit for bit, name in enumerate(maps.OUTPUT_SLOTS)}
    assert (outputs["receivers0"], outputs["state3"]) == (0, 7)
    assert (outputs["coefficients_gradient0"], outputs["state_gradient1"]) == (8, 17)
    assert outputs["residual"] == 18


def test_masks_and_names_are_inverse():
    names = ("amplitudes0", "state2", "profiles")
    assert maps.input_names(maps.input_mask(reversed(names))) == names
    names = ("state0", "coefficients_gradient1", "residual")
    assert maps.output_names(maps.output_mask(names)) == names
    with pytest.raises(ValueError, match="'receivers_bar2' is not a slot"):
        maps.input_mask(["receivers_bar2"])


@pytest.mark.parametrize(
    ("map_name", "inputs", "outputs"),
    [
        ("forward", 9, 3),
        ("tangent", 14, 5),
        ("second_tangent", 24, 8),
        ("adjoint", 12, 7),
        ("tangent_adjoint", 18, 14),
    ],
)
def test_every_map_takes_and_fills_its_own(map_name, inputs, outputs):
    signature = maps.signature(RUN, map_name, *all_of(map_name))
    assert len(signature.inputs) == inputs
    assert len(signature.outputs) == outputs


def test_shapes():
    signature = maps.signature(RUN, "adjoint", *all_of("adjoint"))
    shapes = {x.slot: x.shape for x in signature.inputs}
    assert shapes["coefficients0"] == (None, 1, 10)
    assert shapes["amplitudes0"] == (2, 3, 7)
    assert shapes["receivers_bar0"] == (*shapes["receiver_nodes"][:2], 7) == (2, 4, 7)
    assert shapes["state_bar0"] == (2, RUN_STATE)
    assert shapes["model_index"] == (5, 2)
    assert shapes["profiles"] == (50,)
    filled = {x.slot: x.shape for x in signature.outputs}
    assert filled["coefficients_gradient0"] == (1, 1, 10)
    assert filled["receiver_weights_gradient0"] == (2, 4, 1)
    assert filled["receivers0"] == (2, 4, 7)
    dtypes = {x.slot: x.dtype for x in signature.inputs}
    assert dtypes["source_nodes"] == "int32"
    assert dtypes["profiles"] == "float32"


def test_what_a_map_cannot_do_is_refused():
    inputs, outputs = all_of("forward")
    with pytest.raises(ValueError, match="lacks coefficients0"):
        maps.signature(RUN, "forward", inputs & ~1, outputs)
    with pytest.raises(ValueError, match="forward does not take coefficients1"):
        maps.signature(RUN, "forward", inputs | maps.input_mask(["coefficients1"]), outputs)
    with pytest.raises(ValueError, match="tangent has no coefficients_gradient0"):
        maps.signature(RUN, "tangent", inputs, maps.output_mask(["coefficients_gradient0"]))
    with pytest.raises(ValueError, match="map 'backward' is unknown"):
        maps.signature(RUN, "backward", inputs, outputs)
