"""The engine's finite differences, against the derivatives of polynomials and of sines."""

import math
from dataclasses import replace

import numpy as np
import pytest

from dualwave import stencils
from dualwave.framework import NumpyFramework

FW = NumpyFramework()
CELLS, STEP = 24, 0.5
HALF = {"forward_difference": (0.0, 0.5), "backward_difference": (0.5, 0.0)}
FIRST = ("first_difference", "forward_difference", "backward_difference")


def profile_of(accuracy, axis=-1, spacing=STEP):
    return stencils.Profile(0, 0, 0, 0, 0, axis, spacing, accuracy, absorbing=False)


def interior(name, function, accuracy, spacing=STEP):
    """The stencil on f at the nodes, and the positions of its results, away from the ends."""
    starts, lands = HALF.get(name, (0.0, 0.0))
    nodes = np.arange(CELLS)
    values = function((nodes + starts) * spacing)
    profile = profile_of(accuracy, spacing=spacing)
    result = getattr(stencils, name)(FW, values[None], profile)[0]
    part = slice(accuracy // 2, -accuracy // 2)
    return result[part], ((nodes + lands) * spacing)[part]


@pytest.mark.parametrize("accuracy", [2, 4, 6, 8])
@pytest.mark.parametrize("name", [*FIRST, "second_difference"])
def test_exact_for_polynomials_up_to_the_order(name, accuracy):
    polynomial = np.polynomial.Polynomial(np.linspace(1, -0.5, accuracy + 1), [0, 12], [-1, 1])
    result, x = interior(name, polynomial, accuracy)
    exact = polynomial.deriv(2 if name == "second_difference" else 1)(x)
    assert abs(exact).max() > 0
    np.testing.assert_allclose(result, exact, rtol=0, atol=1e-12 * abs(exact).max())


@pytest.mark.parametrize("accuracy", [2, 4, 6, 8])
@pytest.mark.parametrize("name", [*FIRST, "second_difference"])
def test_error_falls_with_the_order(name, accuracy):
    errors = []
    for spacing in (0.4, 0.2):
        result, x = interior(name, np.sin, accuracy, spacing)
        exact = -np.sin(x) if name == "second_difference" else np.cos(x)
        errors.append(abs(result - exact).max())
    assert math.log2(errors[0] / errors[1]) > accuracy - 0.4


@pytest.mark.parametrize("accuracy", [2, 8])
@pytest.mark.parametrize("axis", [-1, -2, -3])
@pytest.mark.parametrize("name", [*FIRST, "second_difference"])
def test_every_axis_is_the_same_operator(name, axis, accuracy):
    x = np.random.default_rng(1).standard_normal((2, 5, 5, 5))
    stencil = getattr(stencils, name)
    moved = np.moveaxis(x, axis, -1)
    theirs = np.moveaxis(stencil(FW, moved, profile_of(accuracy)), -1, axis)
    ours = stencil(FW, x, profile_of(accuracy, axis))
    assert abs(ours).max() > 0
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("accuracy", [2, 4, 6, 8])
def test_zero_outside_makes_them_symmetric_or_antisymmetric(accuracy):
    one = np.eye(9)
    profile = profile_of(accuracy)

    def matrix(name):
        return getattr(stencils, name)(FW, one, profile).T

    first, second = matrix("first_difference"), matrix("second_difference")
    np.testing.assert_allclose(first, -first.T, rtol=0, atol=1e-15)
    np.testing.assert_allclose(second, second.T, rtol=0, atol=1e-15)
    ahead, back = matrix("forward_difference"), matrix("backward_difference")
    # At the last half node, which is outside the grid, the coefficients are zero.
    np.testing.assert_allclose(ahead, -back.T, rtol=0, atol=1e-15)


def test_pml_of_the_second_derivative_step_by_step():
    """Two steps with loops, as the formulas are published, against the arrays."""
    rng = np.random.default_rng(2)
    a, b, db = rng.uniform(0, 1, (3, 12))
    fields = rng.standard_normal((2, 12))
    profile = replace(profile_of(2), a=a, b=b, db=db, absorbing=True)
    psi, zeta = np.zeros(12), np.zeros(12)
    memory = [psi[None], zeta[None]]
    for field in fields:
        result, memory = stencils.differentiate(FW, "second", field[None], memory, profile)
        around, beside = np.pad(field, 1), np.pad(a * psi, 1)
        new_psi, new_zeta, expected = psi.copy(), zeta.copy(), np.zeros(12)
        for i in range(12):
            d1 = (around[i + 2] - around[i]) / (2 * STEP)
            d2 = (around[i + 2] - 2 * around[i + 1] + around[i]) / STEP**2
            t = (1 + b[i]) * d2 + db[i] * d1 + (beside[i + 2] - beside[i]) / (2 * STEP)
            expected[i] = (1 + b[i]) * t + a[i] * zeta[i]
            new_psi[i] = b[i] * d1 + a[i] * psi[i]
            new_zeta[i] = b[i] * t + a[i] * zeta[i]
        psi, zeta = new_psi, new_zeta
        np.testing.assert_allclose(result[0], expected, rtol=1e-12)
    np.testing.assert_allclose(memory[0][0], a * psi, rtol=1e-12)  # kept times a
    np.testing.assert_allclose(memory[1][0], zeta, rtol=1e-12)
