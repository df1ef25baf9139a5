"""The NumPy engine against Deepwave 0.1.0, another implementation of the same published schemes."""

import numpy as np
import pytest

from dualwave.engine import forward
from dualwave.equations import get
from dualwave.framework import NumpyFramework, slices
from dualwave.layout import unpack
from helpers.runs import Setup, make_run

deepwave = pytest.importorskip("deepwave")
torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore::deepwave.ZeroWidthFaceWarning")

REGION = {1: (40,), 2: (17, 20), 3: (9, 11, 10)}
SPACING = {1: (5.0,), 2: (5.0, 6.0), 3: (5.0, 6.5, 5.5)}
PML = {1: (7, 4), 2: (5, 3, 0, 6), 3: (3, 2, 0, 4, 3, 5)}
DT = {1: 0.0011, 2: 0.0008, 3: 0.0007}
FREQ, FASTEST = 20.0, 2600.0


def to_torch(x):
    return torch.as_tensor(np.ascontiguousarray(x))


def close(ours, theirs, tolerance=1e-11):
    theirs = np.asarray(theirs)
    scale = np.abs(theirs).max()
    assert scale > 0
    assert np.abs(ours - theirs).max() <= tolerance * scale


def scalar_setup(ndim, accuracy, models, **more):
    v = np.random.default_rng(5).uniform(1500, 2500, (models, *REGION[ndim]))
    values = {
        "region": REGION[ndim],
        "spacing": SPACING[ndim],
        "pml": PML[ndim],
        "dt": DT[ndim],
        "parameters": {"v": v},
        "accuracy": accuracy,
        "nt": 60,
        "max_vel": FASTEST,
        "pml_freq": FREQ,
    }
    return Setup(get("scalar"), **{**values, **more})


def deepwave_options(setup):
    return {
        "accuracy": setup.accuracy,
        "pml_width": list(setup.pml),
        "pml_freq": FREQ,
        "max_vel": FASTEST,
    }


def run_both(setup):
    run = make_run(setup)
    receivers, state = forward(
        NumpyFramework(), setup.equation, run.description, run.p, run.constants
    )
    fields = unpack(slices, run.description.state_entries(), state)
    v = to_torch(setup.parameters["v"])
    theirs = deepwave.scalar(
        v[0] if len(v) == 1 else v,
        list(setup.spacing),
        setup.dt,
        source_amplitudes=to_torch(run.p.amplitudes),
        source_locations=to_torch(run.source_cells[""]),
        receiver_locations=to_torch(run.receiver_cells[""]),
        **deepwave_options(setup),
    )
    return receivers, fields, theirs


@pytest.mark.parametrize("accuracy", [2, 4, 6, 8])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_scalar(ndim, accuracy):
    receivers, fields, theirs = run_both(scalar_setup(ndim, accuracy, models=2))
    close(receivers, theirs[-1])
    close(fields["u"], theirs[0])
    close(fields["u_prev"], theirs[1])


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_scalar_without_pml_shared_model(ndim):
    setup = scalar_setup(ndim, 4, models=1, pml=(0, 0) * ndim)
    receivers, fields, theirs = run_both(setup)
    close(receivers, theirs[-1])
    close(fields["u"], theirs[0])
