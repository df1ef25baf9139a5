"""What sources do to fields and receivers read of them: stencils, and single steps by hand."""

import itertools

import numpy as np
import pytest
import torch

import dualwave
from dualwave.actions import stencil_taps
from dualwave.equations import Action
from helpers.calls import Torch, assert_close, backends, case_of, numpy

pytestmark = pytest.mark.filterwarnings("ignore:there are:UserWarning")  # coarse on purpose

FRONT = Torch()
BACKENDS = pytest.mark.parametrize("backend", backends("torch"))
SPACING = {2: (5.0, 6.0), 3: (5.0, 6.0, 5.5)}


def applied(stencil, accuracy, function, half=(0.0, 0.0)):
    """A stencil at the origin, on the function at the nodes of a field."""
    taps = stencil_taps(Action("f", stencil=stencil), SPACING[2], accuracy)
    return sum(
        weight * function(*((k + h) * d for k, h, d in zip(offset, half, SPACING[2], strict=True)))
        for offset, weight in taps
    )


@pytest.mark.parametrize("accuracy", [2, 4, 6, 8])
@pytest.mark.parametrize(("operation", "half"), [("backward", 0.5), ("central", 0.0)])
@pytest.mark.parametrize("axis", [0, 1])
def test_derivatives_are_exact_for_polynomials_up_to_the_order(axis, operation, half, accuracy):
    polynomial = np.polynomial.Polynomial(np.linspace(1, -0.5, accuracy + 1), [-9, 9], [-1, 1])
    halves = tuple(half * (k == axis) for k in (0, 1))
    found = applied(((axis, operation),), accuracy, lambda *at: polynomial(at[axis]), halves)
    exact = polynomial.deriv()(0.0)
    assert abs(exact) > 0.01
    assert abs(found - exact) < 1e-12


def test_average_is_the_mean_of_both_sides_and_stencils_multiply():
    """The shear of a field half a cell on along x: averaged along it, differentiated across."""
    assert stencil_taps(Action("f"), SPACING[2], 4) == [((0, 0), 1.0)]
    taps = stencil_taps(Action("f", stencil=((1, "average"),)), SPACING[2], 4)
    assert sorted(taps) == [((0, -1), 0.5), ((0, 0), 0.5)]
    found = applied(
        ((1, "average"), (0, "central")),
        4,
        lambda y, x: (2 + 3 * y - 0.1 * y**2 + 0.05 * y**4) * (1 + 7 * x),
        (0.0, 0.5),
    )
    assert abs(found - 3.0) < 1e-12


def survey(equation, ndim, **changes):
    """A call that nothing but its changes gives sources, receivers and fields; no PML."""
    shared = ("grid_spacing", "dt", "max_vel", "pml_freq", "lamb", "mu", "buoyancy", "v", "rho")
    arguments = {k: x for k, x in case_of(equation, ndim).items() if k in shared}
    return arguments | {"pml_width": 0} | changes


def one_step(equation, ndim, channel, place, **changes):
    """The arguments and results of a step with one source of amplitude 2."""
    where = {
        f"source_amplitudes_{channel}": np.full((1, 1, 1), 2.0),
        f"source_locations_{channel}": np.array([[place]]),
    }
    arguments = survey(equation, ndim, **where, **changes)
    return arguments, FRONT.call(arguments, equation)


def only(field, *nodes):
    """The values at these nodes, the only ones that are not zero."""
    field = numpy(field)[0]
    assert {tuple(int(i) for i in node) for node in np.argwhere(field)} == set(nodes)
    return np.array([field[node] for node in nodes])


@BACKENDS
def test_one_sample_of_each_source_by_hand(backend):
    """dt K a, dt b f, -dt a, and -dt M a: the factors of the equations, at the node given."""
    place, chosen = (4, 6), {"backend": backend}
    given, out = one_step("acoustic", 2, "volume_rate", place, **chosen)
    modulus = given["rho"] * given["v"] ** 2
    expected = given["dt"] * modulus[place] * 2.0
    np.testing.assert_allclose(only(out.pressure_0, place), expected, rtol=1e-14)
    given, out = one_step("acoustic", 2, "x", place, **chosen)
    density = given["rho"][4, 6:8].mean()
    # Pressure has moved too, but not within the step before the source.
    np.testing.assert_allclose(numpy(out.vx_0)[0][place], given["dt"] / density * 2.0, rtol=1e-14)
    given, out = one_step("elastic", 2, "y", place, **chosen)
    mean = (1 / given["buoyancy"][4:6, 6]).mean()
    np.testing.assert_allclose(numpy(out.vy_0)[0][place], given["dt"] / mean * 2.0, rtol=1e-14)
    given, out = one_step("elastic", 2, "pressure_rate", place, **chosen)
    for field in (out.sigmayy_0, out.sigmaxx_0):
        np.testing.assert_allclose(only(field, place), -2.0 * given["dt"], rtol=1e-14)
    assert not numpy(out.sigmaxy_0).any()


@BACKENDS
def test_moment_tensor_by_hand(backend):
    """Its symmetric part; the shear a quarter at each of the four nodes around the point."""
    tensor, place = np.array([[[[1.0, 5.0], [3.0, -2.0]]]]), (4, 6)
    more = {"source_tensors_moment": tensor, "backend": backend}
    given, out = one_step("elastic", 2, "moment", place, **more)
    dt = given["dt"]
    np.testing.assert_allclose(only(out.sigmayy_0, place), -2.0 * dt, rtol=1e-14)
    np.testing.assert_allclose(only(out.sigmaxx_0, place), 4.0 * dt, rtol=1e-14)
    around = list(itertools.product((3, 4), (5, 6)))
    np.testing.assert_allclose(only(out.sigmaxy_0, *around), -2.0 * 4.0 * dt / 4, rtol=1e-14)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_an_isotropic_moment_is_a_rate_of_pressure(ndim):
    arguments = case_of("elastic", ndim)
    moment = {k: arguments.pop(k) for k in list(arguments) if "moment" in k}
    moment["source_tensors_moment"] = np.broadcast_to(np.eye(ndim), (2, 2, ndim, ndim)).copy()
    for kind in ("amplitudes", "locations"):
        moment[f"source_{kind}_moment"] = arguments.pop(f"source_{kind}_pressure_rate")
    expected = FRONT.call(
        arguments
        | {
            f"source_{kind}_pressure_rate": moment[f"source_{kind}_moment"]
            for kind in ("amplitudes", "locations")
        },
        "elastic",
    )
    out = FRONT.call(arguments | moment, "elastic")
    assert_close(out.receiver_amplitudes_p, expected.receiver_amplitudes_p, 1e-13)
    assert_close(out.vx_0, expected.vx_0, 1e-13)


@BACKENDS
@pytest.mark.parametrize("accuracy", [2, 8])
@pytest.mark.parametrize("ndim", [2, 3])
def test_strain_rates_of_a_linear_velocity(ndim, accuracy, backend):
    """Exact: (d_i v_j + d_j v_i) / 2 at whole nodes, in sample 0, which is the initial state."""
    gradient = np.random.default_rng(3).normal(size=(ndim, ndim))
    arguments = survey("elastic", ndim, accuracy=accuracy, nt=1, origin=[0] * ndim)
    space, axes = (12,) * ndim, "zyx"[3 - ndim :]
    for name in ("lamb", "mu", "buoyancy"):
        arguments[name] = np.full(space, arguments[name].mean())
    for i, a in enumerate(axes):
        at = [
            (k + 0.5 * (j == i)) * d
            for j, (k, d) in enumerate(zip(np.indices(space), SPACING[ndim], strict=True))
        ]
        arguments[f"v{a}_0"] = sum(gradient[i, j] * at[j] for j in range(ndim))[None] + 1.0
    place = np.array([[[5] * ndim, [6] * ndim]])
    pairs = list(itertools.combinations_with_replacement(range(ndim), 2))
    for i, j in pairs:
        arguments[f"receiver_locations_strain_rate_{axes[j]}{axes[i]}"] = place
    out = FRONT.call(arguments | {"backend": backend}, "elastic")
    for i, j in pairs:
        found = numpy(getattr(out, f"receiver_amplitudes_strain_rate_{axes[j]}{axes[i]}"))
        exact = (gradient[i, j] + gradient[j, i]) / 2
        assert np.abs(found - exact).max() < 1e-12


@BACKENDS
def test_strain_rates_are_differences_of_recorded_velocities(backend):
    """Of the second order, by hand, in a run with every source."""
    arguments = case_of("elastic") | {"accuracy": 2, "backend": backend}
    y, x, (dy, dx) = 5, 7, SPACING[2]
    places = {
        "x": [(y + i, x - k) for i in (-1, 0, 1) for k in (1, 0)],
        "y": [(y - k, x + i) for i in (-1, 0, 1) for k in (1, 0)],
        "strain_rate_yy": [(y, x)],
        "strain_rate_xx": [(y, x)],
        "strain_rate_xy": [(y, x)],
        "p": [(y, x)],
    }
    for channel, nodes in places.items():
        arguments[f"receiver_locations_{channel}"] = np.array([nodes, nodes])
    out = FRONT.call(arguments, "elastic")
    vx, vy = (
        numpy(getattr(out, f"receiver_amplitudes_{a}")).reshape(2, 3, 2, -1) for a in ("x", "y")
    )
    shear = (vx.mean(2)[:, 2] - vx.mean(2)[:, 0]) / dy + (vy.mean(2)[:, 2] - vy.mean(2)[:, 0]) / dx
    expected = {
        "xx": (vx[:, 1, 1] - vx[:, 1, 0]) / dx,
        "yy": (vy[:, 1, 1] - vy[:, 1, 0]) / dy,
        "xy": shear / 4,
    }
    for name, theirs in expected.items():
        ours = getattr(out, f"receiver_amplitudes_strain_rate_{name}")
        assert_close(ours[:, 0], theirs, 1e-12)


LAST = {  # equation, argument, cell of a grid of 12 times 15 without PML -> axis, or None
    ("acoustic", "receiver_locations_x", (4, 14)): 1,
    ("acoustic", "receiver_locations_x", (11, 4)): None,
    ("acoustic", "receiver_locations_p", (11, 14)): None,
    ("acoustic", "source_locations_y", (11, 4)): 0,
    ("elastic", "source_locations_x", (4, 14)): 1,
    ("elastic", "source_locations_moment", (11, 14)): None,
    ("elastic", "receiver_locations_strain_rate_xy", (11, 14)): None,
}


@pytest.mark.parametrize(("equation", "name", "cell"), LAST)
def test_half_nodes_beyond_the_grid_are_refused(equation, name, cell):
    """Where there is no PML; with one behind the cell there is a node."""
    arguments, axis = case_of(equation), LAST[equation, name, cell]
    arguments[name] = np.array(arguments[name])
    arguments[name][1, 0] = cell
    dualwave.plan(equation, **arguments)
    arguments["pml_width"] = 0
    if axis is None:
        dualwave.plan(equation, **arguments)
        return
    text = f"{name}: a point uses cell {cell[axis]} of axis {axis}, the last of the grid"
    with pytest.raises(ValueError, match=text):
        dualwave.plan(equation, **arguments)


@pytest.mark.parametrize(
    ("equation", "channel"), [("acoustic", "volume_rate"), ("elastic", "pressure_rate")]
)
def test_p_is_another_name_of_a_source(equation, channel):
    """Deepwave's; together with the first name it is refused."""
    arguments = case_of(equation)
    expected = FRONT.call(arguments, equation).receiver_amplitudes_p
    own = {kind: arguments.pop(f"source_{kind}_{channel}") for kind in ("amplitudes", "locations")}
    aliased = arguments | {f"source_{kind}_p": x for kind, x in own.items()}
    out = FRONT.call(aliased, equation).receiver_amplitudes_p
    assert out.abs().max() > 0
    assert torch.equal(out, expected)
    clash = aliased | {f"source_amplitudes_{channel}": own["amplitudes"]}
    text = f"source_amplitudes_p: is given, and so is source_amplitudes_{channel}"
    with pytest.raises(ValueError, match=text):
        FRONT.call(clash, equation)


def test_tensors_of_moments_are_checked():
    arguments = case_of("elastic")
    tensors = arguments.pop("source_tensors_moment")
    with pytest.raises(ValueError, match="source_tensors_moment: is missing, but source_locations"):
        dualwave.plan("elastic", **arguments)
    with pytest.raises(ValueError, match=r"source_tensors_moment: has shape \[2, 2, 2\]"):
        dualwave.plan("elastic", **arguments, source_tensors_moment=tensors[..., 0])
    tensors[0, 1, 0, 0] = np.nan
    with pytest.raises(ValueError, match="source_tensors_moment: 1 of 16 values are NaN"):
        dualwave.plan("elastic", **arguments, source_tensors_moment=tensors)
