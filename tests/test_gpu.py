"""Both front ends on a CUDA device against the CPU. Run by tests/gpu.sh where there is one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dualwave import native
from helpers.calls import FRONT_ENDS, case_of, named, numpy
from helpers.equations import EQUATIONS, NAMES
from helpers.joint import joint_case, results
from helpers.transform_case import WEIGHTS, Case, V, X, functions
from helpers.transforms import TRANSFORMS, Tools

NO_GPU = not torch.cuda.is_available()
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(NO_GPU, reason="needs a GPU with CUDA")]

# With cells that no slab of the PML covers; in 2-D and 3-D enough for launches of their own.
SHAPES = {1: (60,), 2: (260, 300), 3: (24, 26, 52)}


def problem(ndim, dtype):
    """A model with a step in it, off-grid points, two shots."""
    rng = np.random.default_rng(ndim)
    shape = SHAPES[ndim]
    v = np.full(shape, 2000.0, dtype)
    near = np.minimum(shape, 40)  # a wave crosses that
    v[..., near[-1] // 2 :] = 2400.0
    amplitudes = rng.standard_normal((2, 2, 60)).astype(dtype)
    where = [4 + rng.random((2, n, ndim)) * (near - 9) for n in (2, 5)]
    return v, amplitudes, *(x.astype(dtype) for x in where)


def with_torch(device, ndim, accuracy, dtype):
    """Receivers, final wavefield, and the gradients of speed, amplitudes and positions."""
    import dualwave.torch as dw

    v, f, s, r = (torch.tensor(x, device=device, requires_grad=True) for x in problem(ndim, dtype))
    keywords = {"source_amplitudes": f, "source_locations": s, "receiver_locations": r}
    out = dw.scalar(v, 5.0, 5e-4, **keywords, accuracy=accuracy, pml_freq=25.0, max_vel=2400.0)
    (out.receiver_amplitudes**2).sum().backward()
    values = (out.receiver_amplitudes, out.wavefield_0, v.grad, f.grad, s.grad, r.grad)
    return [x.detach().cpu().numpy() for x in values]


def with_jax(device, ndim, accuracy, dtype):
    """The same by JAX, but for the final wavefield."""
    import jax
    import jax.numpy as jnp

    import dualwave.jax as dw

    def energy(v, f, s, r):
        keywords = {"source_amplitudes": f, "source_locations": s, "receiver_locations": r}
        out = dw.scalar(v, 5.0, 5e-4, **keywords, accuracy=accuracy, pml_freq=25.0, max_vel=2400.0)
        return jnp.sum(out.receiver_amplitudes**2), out.receiver_amplitudes

    arguments = [jax.device_put(x, device) for x in problem(ndim, dtype)]
    (_, data), gradients = jax.value_and_grad(energy, (0, 1, 2, 3), has_aux=True)(*arguments)
    return [np.asarray(x) for x in (data, *gradients)]


def distances(got, want):
    """Of each result, beside the largest value that it should have."""
    assert all(np.abs(x).max() > 0 for x in want)
    return [np.abs(a - b).max() / np.abs(b).max() for a, b in zip(got, want, strict=True)]


def close(got, want):
    """In float64."""
    assert max(distances(got, want)) < 1e-11


def as_close(got, want):
    """In float32, beside float64. Gradients of positions, the last two, are small differences of
    large sums: the CPU's own are up to 9e-5 away."""
    *values, sources, receivers = distances(got, want)
    assert max(values) < 2e-5
    assert max(sources, receivers) < 3e-4


@pytest.mark.parametrize("accuracy", [2, 4, 6, 8])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_torch(ndim, accuracy):
    want = with_torch("cpu", ndim, accuracy, "float64")
    close(with_torch("cuda", ndim, accuracy, "float64"), want)
    as_close(with_torch("cuda", ndim, accuracy, "float32"), want)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_jax(ndim):
    import jax

    cpu, gpu = (jax.devices(name)[0] for name in ("cpu", "gpu"))
    with jax.enable_x64(True):
        want = with_jax(cpu, ndim, 4, "float64")
        close(with_jax(gpu, ndim, 4, "float64"), want)
    as_close(with_jax(gpu, ndim, 4, "float32"), want)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_another_stream(ndim):
    want = with_torch("cuda", ndim, 4, "float64")
    with torch.cuda.stream(torch.cuda.Stream()):
        got = with_torch("cuda", ndim, 4, "float64")
    close(got, want)


def joint(device, equation, ndim):
    """All results of a call with points of every kind, and the gradients of all its inputs."""
    front = FRONT_ENDS["torch"]()
    inputs, fixed = joint_case(equation, ndim)
    own = {k: torch.tensor(x, device=device, requires_grad=True) for k, x in inputs.items()}
    found = [x for x in results(front, equation, fixed, own).values() if x.shape[1]]
    weights = [1 / x.detach().abs().max() ** 2 for x in found]
    sum((w * x**2).sum() for w, x in zip(weights, found, strict=True)).backward()
    return [x.detach().cpu().numpy() for x in (*found, *(x.grad for x in own.values()))]


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("equation", NAMES)
def test_every_equation(equation, ndim):
    close(joint("cuda", equation, ndim), joint("cpu", equation, ndim))


def model_gradients(device, equation, ndim, **storage):
    """Of a run with cells that no layer reaches."""
    front = FRONT_ENDS["torch"]()
    front.array = lambda x: torch.tensor(x, device=device) if isinstance(x, np.ndarray) else x
    arguments = case_of(equation, ndim, 40, space=(30, 24, 60)[-ndim:]) | storage
    given = {k: front.array(x) for k, x in arguments.items()}
    models = [given[name].requires_grad_() for name in EQUATIONS[equation].parameters]
    out = named(front.function(equation)(**given))
    value = sum((x**2).sum() for k, x in out.items() if k.startswith("receiver"))
    return [x.cpu().numpy() for x in torch.autograd.grad(value, models)]


@pytest.mark.parametrize(
    "storage",
    [
        {"gradient_storage": "full"},
        {"gradient_storage": "boundary"},
        {"gradient_storage": "full", "storage_mode": "cpu"},
        {"memory_limit": "200MB"},
    ],
    ids=["full", "boundary", "cpu", "limit"],
)
@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("equation", ["scalar", "elastic"])
def test_storages(equation, ndim, storage):
    """With gradients of some cells alone, which begin and end inside of what a thread takes."""
    region = {"grad_region": [(2, 20), (3, 18), (5, 23)][-ndim:]}
    want = model_gradients("cpu", equation, ndim, **region)
    close(model_gradients("cuda", equation, ndim, **region, **storage), want)


@pytest.mark.parametrize("transform", ["jvp(grad)", "vmap(grad)", "grad(jvp)", "compile"])
def test_transforms(transform):
    case = Case("elastic", 2, "models")
    found = []
    for device in ("cuda", "cpu"):
        front = FRONT_ENDS["torch"]()
        front.array = lambda x, at=device: (
            torch.tensor(x, device=at) if isinstance(x, np.ndarray) else x
        )
        tools = Tools(front, "float64")
        tools.weights = front.array(WEIGHTS)
        f, r = functions(front, case, "float64")
        run = TRANSFORMS["torch"][transform].run
        found.append([numpy(run(tools, f, r, front.array(X), front.array(V)).cpu())])
    close(*found)


def test_module_is_built():
    assert native.has_device()
