"""The PyTorch framework against the NumPy one, and its derivatives against finite differences."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from dualwave.framework import NumpyFramework  # noqa: E402
from dualwave.torch.framework import TorchFramework  # noqa: E402

fw, oracle = TorchFramework(), NumpyFramework()
rng = np.random.default_rng(1)
T = torch.as_tensor


def test_operations_equal_numpy():
    x = rng.standard_normal((2, 3, 5))
    index, values = rng.integers(0, 5, (3, 7)), rng.standard_normal((2, 1, 7))
    pairs = [
        (fw.index_add(T(x), T(index), T(values)), oracle.index_add(x, index, values)),
        (fw.gather(T(x), T(index)), oracle.gather(x, index)),
        (fw.pad_edge(T(x), [(1, 0), (2, 3)]), oracle.pad_edge(x, [(1, 0), (2, 3)])),
        (fw.pad_zero(T(x), [(1, 0), (2, 3)]), oracle.pad_zero(x, [(1, 0), (2, 3)])),
        (fw.split(T(x), (2, 0, 3), 2)[2], oracle.split(x, (2, 0, 3), 2)[2]),
        (fw.scan(lambda c, t: (c + t, c * t), T(x[0]), T(x))[1], None),
    ]
    for ours, expected in pairs[:-1]:
        assert np.abs(expected).max() > 0.1
        np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-14)
    expected = oracle.scan(lambda c, t: (c + t, c * t), x[0], x)[1]
    np.testing.assert_allclose(pairs[-1][0].numpy(), expected, rtol=1e-14)


def test_derivatives_in_both_modes():
    index = T(rng.integers(0, 4, (2, 6)))

    def function(x, values):
        y = fw.index_add(fw.pad_edge(x, [(1, 0)]), index, values)
        y, _ = fw.scan(lambda c, t: (c * t, None), y, 0.1 * fw.pad_zero(y, [(0, 1), (0, 0)]) + 1)
        return fw.gather(y**2, index)

    x = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    values = torch.randn(2, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(function, (x, values), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(function, (x, values))


def test_concrete_sees_through_every_transform():
    seen = []

    def function(x):
        seen.append(fw.concrete(x))
        assert fw.is_traced(x)
        return (x**2).sum()

    x = torch.arange(6.0).reshape(3, 2)
    torch.func.grad(function)(x)
    torch.func.jvp(function, (x,), (x,))
    torch.func.hessian(function)(x)
    function(x.clone().requires_grad_())
    torch.autograd.forward_ad.enter_dual_level()
    function(torch.autograd.forward_ad.make_dual(x, x))
    torch.autograd.forward_ad.exit_dual_level()
    assert len(seen) == 5
    for values in seen:
        np.testing.assert_array_equal(values, x)
    seen.clear()
    torch.func.vmap(torch.func.grad(function), in_dims=1)(x)
    np.testing.assert_array_equal(seen[0], x.T)
    seen.clear()
    y = torch.arange(24.0).reshape(2, 3, 4)
    torch.func.vmap(torch.func.vmap(function, in_dims=0), in_dims=2)(y)
    np.testing.assert_array_equal(seen[0], y.movedim(2, 0))


def test_plain_tensors_are_not_traced():
    assert not fw.is_traced(torch.zeros(2))
    assert not fw.is_traced(np.zeros(2))
    with torch.no_grad():
        assert not fw.is_traced(torch.zeros(2, requires_grad=True))


def test_concrete_where_values_are_unknown():
    assert fw.concrete(torch.zeros(2, device="meta")) is None
    np.testing.assert_array_equal(fw.concrete([1.0]), [1.0])


def test_asarray_keeps_derivatives_and_takes_awkward_arrays():
    x = torch.zeros(2, requires_grad=True)
    assert fw.asarray(x, "float64").requires_grad
    assert fw.asarray(np.arange(3.0)[::-1], like=x).dtype == torch.float32
    swapped = np.arange(3.0).astype(">f8")
    np.testing.assert_array_equal(fw.asarray(swapped).numpy(), swapped)
    assert fw.dtype_name(x) == "float32"
    assert not fw.stop_gradient(x).requires_grad
    assert fw.is_array(x)
    assert not fw.is_array(np.zeros(1))
