"""Model parameters between their nodes: values by hand, vacuum, and gradients at zero."""

import numpy as np
import pytest

from dualwave.equations import ACOUSTIC, ELASTIC
from dualwave.equations.averages import (
    harmonic_mean,
    reciprocal_mean,
    reciprocal_mean_of_reciprocals,
)
from helpers.calls import FRONT_ENDS
from helpers.equations import random_models

BOTH = pytest.mark.parametrize("name", FRONT_ENDS)


def test_densities_by_hand():
    """1 / mean of two, and zero at the last half node of the axis."""
    rho = np.array([[1000.0, 3000.0, 2000.0], [500.0, 1500.0, 2500.0]])
    along_x = [[1 / 2000, 1 / 2500, 0], [1 / 1000, 1 / 2000, 0]]
    np.testing.assert_allclose(reciprocal_mean(rho, 1, 2), along_x, rtol=1e-15)
    along_y = [[1 / 750, 1 / 2250, 1 / 2250], [0, 0, 0]]
    np.testing.assert_allclose(reciprocal_mean(rho, 0, 2), along_y, rtol=1e-15)
    # A shot axis in front changes nothing.
    both = reciprocal_mean(np.stack([rho, 2 * rho]), 1, 2)
    np.testing.assert_allclose(both, [along_x, np.array(along_x) / 2], rtol=1e-15)


def test_buoyancies_by_hand():
    """The same mean of densities; beside a vacuum half the cell's, in it no motion."""
    rho = np.array([1000.0, 3000.0, 2000.0])
    found = reciprocal_mean_of_reciprocals(1 / rho, 0, 1)
    np.testing.assert_allclose(found, reciprocal_mean(rho, 0, 1), rtol=1e-15)
    buoyancy = np.array([0.0, 0.0, 1e-3, 5e-4, 0.0])
    mean = [0, 2e-3, 1 / 1500, 1e-3, 0]
    found = reciprocal_mean_of_reciprocals(buoyancy, 0, 1)
    np.testing.assert_allclose(found, mean, rtol=1e-15)


def test_shear_moduli_by_hand():
    """The harmonic mean of four corners, zero where one is, and at the ends of both axes."""
    mu = np.array([[1.0, 2.0, 4.0], [4.0, 4.0, 8.0], [1.0, 0.0, 2.0]])
    first, second = 4 / (1 + 1 / 2 + 1 / 4 + 1 / 4), 4 / (1 / 2 + 1 / 4 + 1 / 4 + 1 / 8)
    expected = [[first, second, 0], [0, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(harmonic_mean(mu, (0, 1), 2), expected, rtol=1e-15)


@pytest.mark.parametrize("axes", [(0, 1), (0, 2), (1, 2)])
def test_faces_in_3d_have_the_corners_of_their_two_axes(axes):
    mu = np.random.default_rng(1).uniform(1, 2, (2, 4, 5, 6))
    found = harmonic_mean(mu, axes, 3)
    corners = [np.roll(mu, (-i, -j), (axes[0] + 1, axes[1] + 1)) for i in (0, 1) for j in (0, 1)]
    expected = 4 / sum(1 / x for x in corners)
    for axis in axes:
        np.moveaxis(expected, axis + 1, 0)[-1] = 0
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def value_and_gradient(front, function, x):
    """A function of an array, and the gradient of the sum of its values times 1, 2, 3..."""
    if front.name == "torch":
        x = front.array(x).requires_grad_()
        value = function(x)
        (value.flatten() * front.torch.arange(1.0, value.numel() + 1)).sum().backward()
        return value.detach().numpy(), x.grad.numpy()

    def total(x):
        value = function(x)
        return (value.ravel() * front.jax.numpy.arange(1.0, value.size + 1)).sum(), value

    gradient, value = front.jax.grad(total, has_aux=True)(front.array(x))
    return np.asarray(value), np.asarray(gradient)


@BOTH
def test_gradients_with_vacuum_and_fluid_cells(name, x64):
    """Finite, zero for the empty cells, and differences of the mean for the others."""
    rng, front = np.random.default_rng(2), FRONT_ENDS[name]()
    x = rng.uniform(1, 2, (1, 5, 6))
    x[0, :2], x[0, 3, 3] = 0, 0
    for function in (
        lambda x: harmonic_mean(x, (0, 1), 2),
        lambda x: reciprocal_mean_of_reciprocals(x, 0, 2),
        lambda x: reciprocal_mean_of_reciprocals(x, 1, 2),
    ):
        value, gradient = value_and_gradient(front, function, x)
        np.testing.assert_allclose(value, function(x), rtol=1e-14)
        assert np.isfinite(gradient).all()
        assert not gradient[x == 0].any()
        step = 1e-6 * (x != 0) * rng.normal(size=x.shape)
        weights = np.arange(1.0, value.size + 1).reshape(value.shape)
        slope = ((function(x + step) - function(x - step)) * weights).sum() / 2
        assert abs(slope) > 0
        assert abs((gradient * step).sum() - slope) < 1e-8 * np.abs(gradient * step).sum()


@pytest.mark.parametrize("table", [ACOUSTIC, ELASTIC], ids=lambda table: table.name)
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_all_coefficients_at_the_last_half_nodes_are_zero(table, ndim):
    """There a field has no node in the grid, and whatever is added to it is nothing."""
    models = random_models(table.name, (2, *(4, 5, 6)[:ndim]), np.random.default_rng(3))
    coefficients = table.coefficient_map(models, 1e-3)
    checked = 0
    for stage in table.stages(ndim):
        for term in stage.terms:
            for axis, half in enumerate(table.half(ndim, term.target)):
                values = np.moveaxis(coefficients[term.coefficient], axis + 1, 0)
                assert half == (not values[-1].any())
                checked += half
    assert checked >= ndim
