"""The JAX framework against the NumPy one, and its derivatives against finite differences."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")
from jax.test_util import check_grads  # noqa: E402

from dualwave.framework import NumpyFramework  # noqa: E402
from dualwave.jax.framework import JaxFramework  # noqa: E402

fw, oracle = JaxFramework(), NumpyFramework()
rng = np.random.default_rng(2)


@pytest.fixture(autouse=True)
def x64():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit])
def test_operations_equal_numpy(wrap):
    x = rng.standard_normal((2, 3, 5))
    index, values = rng.integers(0, 5, (3, 7)), rng.standard_normal((2, 1, 7))
    cases = [
        lambda f, x, i, v: f.index_add(x, i, v),
        lambda f, x, i, v: f.gather(x, i),
        lambda f, x, i, v: f.pad_edge(x, [(1, 0), (2, 3)]),
        lambda f, x, i, v: f.pad_zero(x, [(1, 0), (2, 3)]),
        lambda f, x, i, v: f.split(x, (2, 0, 3), 2)[2] + len(f.split(x[:0], (), 0)),
        lambda f, x, i, v: f.scan(lambda c, t: (c + t, c * t), x[0], x)[1],
    ]
    for case in cases:
        expected = case(oracle, x, index, values)
        ours = wrap(lambda *arrays, case=case: case(fw, *arrays))(
            *map(jax.numpy.asarray, (x, index, values))
        )
        assert np.abs(expected).max() > 0.1
        np.testing.assert_allclose(ours, expected, rtol=2e-14)


def test_derivatives_in_both_modes():
    index = rng.integers(0, 4, (2, 6))

    def function(x, values):
        y = fw.index_add(fw.pad_edge(x, [(1, 0)]), index, values)
        y, _ = fw.scan(lambda c, t: (c * t, None), y, 0.1 * fw.pad_zero(y, [(0, 1), (0, 0)]) + 1)
        return fw.gather(y**2, index)

    x, values = rng.standard_normal((2, 4)), rng.standard_normal((2, 6))
    check_grads(function, (x, values), order=2, modes=("fwd", "rev"), rtol=1e-4)


def test_parts_whose_cotangents_are_sums_of_another_axis():
    """XLA for CPUs leaves memory unwritten where the transpose of equal parts pads by zeros."""
    sizes = (1040, 1040)
    weights = [rng.standard_normal((4, 2, n)).astype("float32") for n in sizes]
    bars = rng.standard_normal(4).astype("float32")

    def pulled(x, bars):
        def sums(x):
            parts = fw.split(x, sizes, 1)
            return sum((w * part).sum((1, 2)) for w, part in zip(weights, parts, strict=True))

        return jax.vjp(sums, x)[1](bars)[0]

    x = jax.numpy.zeros((2, sum(sizes)), "float32")
    found = jax.jit(jax.vmap(pulled, (None, 0)))(x, bars[None])[0]
    expected = np.tensordot(bars, np.concatenate(weights, axis=-1), 1)
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_concrete():
    seen, traced = [], []

    def function(x):
        seen.append(fw.concrete(x))
        traced.append(fw.is_traced(x))
        return (x**2).sum()

    x = jax.numpy.arange(3.0)
    jax.grad(function)(x)
    jax.jvp(function, (x,), (x,))
    jax.hessian(function)(x)
    function(x)
    function([1, 2] * np.ones(2))
    assert len(seen) == 5
    for values in seen[:4]:
        np.testing.assert_array_equal(values, x)
    seen.clear()
    jax.jit(function)(x)
    jax.vmap(function)(x)
    assert seen == [None, None]
    assert traced == [True] * 3 + [False] * 2 + [True] * 2


def test_asarray_refuses_a_silent_loss_of_precision():
    assert fw.asarray(1.0, "float64").dtype == "float64"
    with jax.enable_x64(False):
        with pytest.raises(TypeError, match="jax_enable_x64"):
            fw.asarray(1.0, "float64")
        assert fw.asarray(np.zeros(2)).dtype == "float32"
    assert fw.asarray([1], like=fw.asarray(0.0, "float32")).dtype == "float32"
    assert fw.dtype_name(fw.asarray(1.0, "float32")) == "float32"
    assert fw.is_array(fw.asarray(1.0))
    assert not fw.is_array(np.zeros(1))
