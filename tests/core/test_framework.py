"""The NumPy framework against plain loops."""

import numpy as np
import pytest

from dualwave.framework import NumpyFramework

fw = NumpyFramework()
rng = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_index_add_sums_repeated_indices_without_changing_its_argument(dtype):
    x = rng.standard_normal((2, 3, 5)).astype(dtype)
    before = x.copy()
    index = rng.integers(0, 5, (2, 3, 7))
    values = rng.standard_normal((2, 3, 7)).astype(dtype)
    expected = x.copy()
    for i, j, k in np.ndindex(2, 3, 7):
        expected[i, j, index[i, j, k]] += values[i, j, k]
    out = fw.index_add(x, index, values)
    assert out.dtype == dtype
    assert np.abs(out - before).max() > 0.1
    np.testing.assert_allclose(out, expected, rtol=1e-6)
    np.testing.assert_array_equal(x, before)


def test_index_add_broadcasts_and_takes_no_shots():
    x = rng.standard_normal((2, 4))
    out = fw.index_add(x, np.array([1, 1]), np.array([10.0, 20.0]))
    np.testing.assert_allclose(out, x + np.array([0.0, 30.0, 0.0, 0.0]), rtol=1e-15)
    assert fw.index_add(np.zeros((0, 4)), np.zeros((0, 2), int), np.zeros((0, 2))).shape == (0, 4)
    assert fw.index_add(x, np.zeros((2, 0), int), np.zeros((2, 0))).shape == (2, 4)


def test_gather():
    x = rng.standard_normal((2, 3, 5))
    index = rng.integers(0, 5, (3, 4))
    out = fw.gather(x, index)
    assert out.shape == (2, 3, 4)
    for i, j, k in np.ndindex(out.shape):
        assert out[i, j, k] == x[i, j, index[j, k]]


@pytest.mark.parametrize("widths", [((1, 2),), ((0, 3), (2, 0)), ((1, 1), (0, 0), (2, 3))])
def test_padding_equals_numpy(widths):
    x = rng.standard_normal((2, 3, 4))
    full = [(0, 0)] * (3 - len(widths)) + list(widths)
    np.testing.assert_array_equal(fw.pad_edge(x, widths), np.pad(x, full, mode="edge"))
    np.testing.assert_array_equal(fw.pad_zero(x, widths), np.pad(x, full))


def test_padding_refuses_negative_widths_and_too_many_axes():
    with pytest.raises(ValueError, match="0 or more"):
        fw.pad_edge(np.zeros(3), [(-1, 0)])
    with pytest.raises(ValueError, match="2 axes"):
        fw.pad_zero(np.zeros(3), [(1, 0), (1, 0)])


def test_scan_over_nests():
    xs = {"a": rng.standard_normal((4, 2)), "b": np.arange(4.0)}

    def step(carry, x):
        total = (carry[0] + x["a"] * x["b"],)
        return total, (total[0], {"none": None})

    carry, ys = fw.scan(step, (np.zeros(2),), xs)
    expected = np.cumsum(xs["a"] * xs["b"][:, None], axis=0)
    np.testing.assert_allclose(ys[0], expected)
    np.testing.assert_allclose(carry[0], expected[-1])
    assert ys[1] == {"none": None}
    with pytest.raises(ValueError, match="one step"):
        fw.scan(step, (np.zeros(2),), {"a": np.zeros((0, 2)), "b": np.zeros(0)})


def test_small_things():
    assert fw.dtype_name(np.zeros(2, np.float32)) == "float32"
    assert fw.dtype("float64") == np.float64
    assert fw.is_array(np.zeros(1))
    assert not fw.is_array([1.0])
    assert fw.asarray([1, 2], like=np.zeros(1, np.float32)).dtype == np.float32
    np.testing.assert_array_equal(fw.concrete([1, 2]), [1, 2])
