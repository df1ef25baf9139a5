"""The systems of first order in PyTorch against Deepwave 0.1.0, an independent code of the schemes.

In SI units, unlike the tables of the tests, whose units make pressures and velocities alike.
"""

import itertools
import warnings

import numpy as np
import pytest
import torch

from helpers.calls import Torch, assert_close, backends, wavelet
from helpers.equations import rows

pytestmark = pytest.mark.filterwarnings("ignore:there are:UserWarning")  # coarse on purpose

deepwave = pytest.importorskip("deepwave", exc_type=ImportError)

FRONT = Torch()
EQUATIONS = ("acoustic", "elastic")
MODELS = {"acoustic": ("v", "rho"), "elastic": ("lamb", "mu", "buoyancy")}
INJECTED = {"acoustic": "volume_rate", "elastic": "pressure_rate"}
SPACE = {1: (30,), 2: (15, 18), 3: (9, 11, 10)}
PML = [7, 4, 5, 0, 3, 6]


def models_of(equation, space, rng):
    """Rough media, in SI units."""
    vp, rho = rng.uniform(1500, 2500, space), rng.uniform(1000, 2000, space)
    if equation == "acoustic":
        return {"v": vp, "rho": rho}
    mu = rho * (vp * rng.uniform(0.4, 0.6, space)) ** 2
    return {"lamb": rho * vp**2 - 2 * mu, "mu": mu, "buoyancy": 1 / rho}


def staggered(equation, ndim=2, nt=50, accuracy=4, off_grid=False):
    """Arguments in NumPy: two shots, two sources and three receivers in every channel of both."""
    rng = np.random.default_rng(ndim)
    space, dt = SPACE[ndim], 3.5e-4

    def places(count):
        if off_grid:
            return rng.uniform(2.0, np.array(space) - 4.5, (2, count, ndim))
        # Not at the last cell, whose half node is outside the grid where there is no PML.
        allowed = tuple(cells - 1 for cells in space)
        flat = np.stack([rng.permutation(np.prod(allowed))[:count] for _ in range(2)])
        return np.stack(np.unravel_index(flat, allowed), axis=-1)

    arguments = models_of(equation, space, rng)
    for channel in (INJECTED[equation], *"zyx"[3 - ndim :]):
        # A rate of pressure that makes waves as large as the forces make.
        size = 1e6 if channel == "pressure_rate" else 1.0
        signal = size * rng.normal(size=(2, 2, 1)) * wavelet(nt, dt, 60.0)
        arguments[f"source_amplitudes_{channel}"] = signal
        arguments[f"source_locations_{channel}"] = places(2)
    for channel in ("p", *"zyx"[3 - ndim :]):
        arguments[f"receiver_locations_{channel}"] = places(3)
    return arguments | {
        "grid_spacing": [5.0, 6.5, 5.5][:ndim],
        "dt": dt,
        "accuracy": accuracy,
        "pml_width": PML[: 2 * ndim],
        "pml_freq": 20.0,
        # Deepwave's bound of the speed in rough models is above 4000.
        "max_vel": 4500.0,
        "location_interpolation_halfwidth": 2,
    }


def per_shot(equation):
    """All models but the last with a shot axis."""
    arguments, rng = staggered(equation), np.random.default_rng(9)
    own = models_of(equation, (2, *SPACE[2]), rng)
    del own[MODELS[equation][-1]]
    return arguments | own


def moving(equation):
    """Starting from fields: random inside, zero in the PML."""
    arguments, rng = staggered(equation), np.random.default_rng(10)
    widths = np.reshape(arguments["pml_width"], (-1, 2))
    sizes = {"acoustic": {"pressure_0": 1e3}, "elastic": {"sigmaxx_0": 1e3, "sigmaxy_0": 1e3}}
    for name, size in (sizes[equation] | {"vy_0": 3e-4, "vx_0": 3e-4}).items():
        field = size * rng.normal(size=(2, *SPACE[2]))
        # The last half node is outside the grid where there is no PML.
        field[:, -1], field[:, :, -1] = 0, 0
        arguments[name] = np.pad(field, [(0, 0), *map(tuple, widths)])
    return arguments | {"origin": [0, 0]}


def with_cells(mu_only, ndim=2):
    """Elastic with a block of cells and the upper rows that are a fluid, or nothing at all."""
    arguments = staggered("elastic", ndim)
    for name in ("mu",) if mu_only else MODELS["elastic"]:
        arguments[name][:3] = 0
        arguments[name][(slice(6, 9),) * ndim] = 0
    return arguments


VARIANTS = {
    "off-grid in 1-D": lambda equation: staggered(equation, 1, off_grid=True),
    "off-grid": lambda equation: staggered(equation, 2, off_grid=True),
    "off-grid in 3-D": lambda equation: staggered(equation, 3, 20, off_grid=True),
    "models per shot": per_shot,
    "initial fields": moving,
    "no PML": lambda equation: staggered(equation) | {"pml_width": 0},
    "survey_pad": lambda equation: staggered(equation) | {"survey_pad": 1},
    "negative dt": lambda equation: staggered(equation) | {"dt": -3.5e-4},
}


def in_cells(arguments):
    """The arguments for Deepwave, whose floats are places in the model and no nodes of a field."""
    found, axes = dict(arguments), "zyx"[3 - arguments[next(iter(arguments))].ndim :]
    for name, x in arguments.items():
        axis = axes.find(name[-1])
        if "_locations_" in name and axis >= 0 and x.dtype == np.float64:
            found[name] = x + 0.5 * (np.arange(len(axes)) == axis)
    return found


def parts(out, both):
    """Results that both have, by name."""
    return {k: getattr(out, k) for k in both if k != "auxiliary_state" and getattr(out, k).numel()}


def weighted(both, sizes):
    """A sum of all results, each as important as the others, with fixed random weights."""

    def loss(out):
        rng = np.random.default_rng(5)
        found = parts(out, both).items()
        return sum((torch.tensor(rng.normal(size=x.shape)) * x).sum() / sizes[k] for k, x in found)

    return loss


def compare(equation, arguments, backend):
    """Receivers, final fields, and gradients of models, amplitudes, fields and float locations."""
    names = [k for k, x in arguments.items() if getattr(x, "dtype", None) == np.float64]
    assert set(MODELS[equation]) < set(names)
    tensors = {k: FRONT.array(x) for k, x in in_cells(arguments).items()}
    wanted = [tensors[name].requires_grad_() for name in names]
    torch.set_default_dtype(torch.float64)  # its interpolation weights pass through the default
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = getattr(deepwave, equation)(**tensors)
    finally:
        torch.set_default_dtype(torch.float32)
    assert expected.info.step_ratio == 1
    out = FRONT.call(arguments | {"backend": backend}, equation)
    both = [k for k in out._fields if hasattr(expected, k)]
    # Receivers and fields of each axis, and the pressure or stresses.
    assert len(both) == len(out._fields) - sum("strain_rate" in k for k in out._fields)
    # Scripts count the receivers from the end.
    receivers = sum("receiver" in k for k in both)
    for ours, x in zip(out[-receivers:], tuple(expected)[-receivers:], strict=True):
        if x.numel():
            assert_close(ours, x, 1e-11)
        else:
            assert not ours.numel()
    theirs = parts(expected, both)
    sizes = {k: float(x.detach().abs().max()) for k, x in theirs.items()}
    for k, x in parts(out, both).items():
        assert_close(x, theirs[k], 1e-11)
    loss = weighted(both, sizes)
    gradients = torch.autograd.grad(loss(expected), wanted)
    given = arguments | {"backend": backend}
    found = FRONT.gradients(loss, given, names, equation)
    for ours, other in zip(found, gradients, strict=True):
        assert_close(ours, other, 1e-11)


@pytest.mark.parametrize("backend", backends("torch"))
@pytest.mark.parametrize(
    ("equation", "ndim", "accuracy"),
    rows(
        itertools.product(EQUATIONS, (1, 2, 3), (2, 4, 6, 8)),
        lambda equation, ndim, accuracy: ndim < 3 or accuracy in (2, 8),
    ),
)
def test_orders_and_dimensions(equation, ndim, accuracy, backend):
    compare(equation, staggered(equation, ndim, 50 if ndim < 3 else 25, accuracy), backend)


@pytest.mark.parametrize("backend", backends("torch"))
@pytest.mark.parametrize("equation", EQUATIONS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_variants(variant, equation, backend):
    compare(equation, VARIANTS[variant](equation), backend)


@pytest.mark.parametrize("backend", backends("torch"))
@pytest.mark.parametrize(("mu_only", "ndim"), [(True, 2), (False, 2), (False, 3)])
def test_fluid_and_vacuum_cells(mu_only, ndim, backend):
    """Deepwave's `surface_method="ivm"`, its default."""
    compare("elastic", with_cells(mu_only, ndim), backend)
