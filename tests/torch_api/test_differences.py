"""Where a call differs from Deepwave 0.1.0 on purpose: both sides, as docs/deepwave.md says.

The rows of its table that compare numbers are in test_propagators.py.
"""

import warnings

import numpy as np
import pytest
import torch
from scipy.special import i0

from dualwave.framework import NumpyFramework
from dualwave.interpolation import location_weights
from dualwave.resampling import upsample
from dualwave.torch import Scalar
from helpers.calls import Torch, case

pytestmark = pytest.mark.filterwarnings("ignore:there are:UserWarning")  # coarse on purpose

deepwave = pytest.importorskip("deepwave", exc_type=ImportError)

FRONT = Torch()
SIGNAL = case(2)["source_amplitudes"]


def theirs(arguments):
    """Deepwave's results."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return deepwave.scalar(**{k: FRONT.array(x) for k, x in arguments.items()})


def refused(arguments, text):
    """Whether this package raises a ValueError that says so."""
    with pytest.raises(ValueError, match=text):
        FRONT.call(arguments)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"dt": 0.0}, "dt: got 0"),
        ({"pml_freq": 0.0}, "pml_freq: got 0"),
        ({"nt": 0}, "nt: got 0"),
        ({"origin": [1, 1]}, "origin: is given without initial wavefields"),
        ({"v": 0 * case(2)["v"]}, "all speeds are zero"),
    ],
    ids=lambda x: next(iter(x)) if isinstance(x, dict) else "",
)
def test_accepted_there_and_refused_here(changes, text):
    """Deepwave returns something finite; here the argument is taken for a mistake."""
    assert torch.isfinite(theirs(case(2) | changes)[-1]).all()
    refused(case(2) | changes, text)


def test_origin_has_no_effect_there():
    expected = theirs(case(2))[-1]
    assert expected.abs().max() > 0
    assert torch.equal(theirs(case(2, origin=[1, 1]))[-1], expected)


@pytest.mark.parametrize(
    ("changes", "their_error", "text"),
    [
        (
            {"source_amplitudes": SIGNAL + np.where(np.arange(50) == 7, np.nan, 0)},
            deepwave.DeepwaveFloatingPointError,
            "source_amplitudes: 4 of 200 values are NaN",
        ),
        (
            {
                "source_amplitudes": SIGNAL[:0],
                "source_locations": case(2)["source_locations"][:0],
                "receiver_locations": None,
            },
            ZeroDivisionError,
            "source_locations: has no shots",
        ),
        (
            {"source_amplitudes": None, "source_locations": None, "nt": 9},
            RuntimeError,
            "source_amplitudes: there are no sources and no initial wavefields",
        ),
    ],
    ids=["NaN amplitudes", "no shots", "nothing moves"],
)
def test_refused_by_both_and_named_here(changes, their_error, text):
    with pytest.raises(their_error):
        theirs(case(2) | changes)
    refused(case(2) | changes, text)


def test_unknown_amplitudes_do_not_choose_the_boundary(monkeypatch):
    """What Deepwave does while torch.compile traces it; here tests/jax_api says it raises."""
    arguments = case(1, pml_freq=None)
    known = theirs(arguments).info.pml_freq
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert theirs(arguments).info.pml_freq == pytest.approx(0.1 / arguments["dt"])
    assert known < 0.05 / arguments["dt"]
    refused(arguments | {"backend": "eager"}, "pml_freq: is missing, and the amplitudes")


def test_a_module_of_a_computed_model():
    """Deepwave keeps the values, and the gradient ends there."""
    slowness = torch.full((12, 15), 1 / 2000.0, dtype=torch.float64, requires_grad=True)
    v = 1 / slowness
    module = deepwave.Scalar(v, 5.0, v_requires_grad=True)
    arguments = {k: FRONT.array(x) for k, x in case(2).items()}
    call = {k: x for k, x in arguments.items() if k not in ("v", "grid_spacing", "dt")}
    module(arguments["dt"], **call)[-1].square().sum().backward()
    assert module.v.grad.abs().max() > 0
    assert slowness.grad is None
    with pytest.raises(ValueError, match="v: is computed from other tensors"):
        Scalar(v, 5.0)


def test_pml_memory_is_kept_in_the_layers_alone():
    grid, other = (2, 18, 23), theirs(case(2)).auxiliary_state
    assert {tuple(x.shape) for x in other.values()} == {grid}
    ours = FRONT.call(case(2)).auxiliary_state
    slabs = {"psi_y": (2, 6, 23), "zeta_y": (2, 6, 23), "psi_x": (2, 18, 8), "zeta_x": (2, 18, 8)}
    assert {name: tuple(x.shape) for name, x in ours.items()} == slabs
    assert len(other) == len(slabs)


def test_interpolation_has_the_precision_of_the_positions():
    """Both in float64, with PyTorch's usual default dtype, in which Deepwave has its constants."""
    at, halfwidth, beta = 20.3, 4, 4.14
    x = np.arange(17, 25) - at
    formula = np.sinc(x) * i0(beta * np.sqrt(1 - (x / halfwidth) ** 2)) / i0(beta)
    places = torch.tensor([[[at]]], dtype=torch.float64)
    hicks = deepwave.Hicks(places, halfwidth, dtype=torch.float64)
    other = hicks.source(torch.ones(1, 1, 1, dtype=torch.float64))[0, :, 0].numpy()
    _, ours = location_weights(NumpyFramework(), places.numpy(), (45,), "hicks", halfwidth)
    assert 1e-10 < np.abs(other - formula).max() < 1e-7
    np.testing.assert_allclose(ours[0, 0], formula, rtol=0, atol=1e-14)


def test_each_point_has_its_own_weights():
    """Deepwave looks weights up by the position's fraction, rounded to 1e-5 of a cell."""
    places = torch.tensor([[[20.300001], [40.300008]]], dtype=torch.float64)
    hicks = deepwave.Hicks(places, 4, dtype=torch.float64)
    one, other = hicks.source(torch.ones(1, 2, 1, dtype=torch.float64))[0, :, 0].reshape(2, 8)
    assert one.abs().max() > 0.5
    assert torch.equal(one, other)
    _, weights = location_weights(NumpyFramework(), places.numpy(), (60,), "hicks", 4)
    assert np.abs(weights[0, 0] - weights[0, 1]).max() > 1e-6


def test_tapers_have_the_precision_of_the_signal():
    """Deepwave makes them in PyTorch's default dtype; test_resampling.py compares the rest."""
    signal = np.random.default_rng(0).normal(size=40)
    ours = upsample(NumpyFramework(), signal, 3, 0.3, 0.25, True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = deepwave.common.upsample(torch.tensor(signal), 3, 0.3, 0.25, True).numpy()
    assert 1e-9 < np.abs(ours - other).max() / np.abs(ours).max() < 1e-6
