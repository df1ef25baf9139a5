"""Whole calls of the public functions: cases in NumPy, run by either front end or by Deepwave."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from dualwave import native
from dualwave.call import tensor_channels
from dualwave.form import suffix
from helpers.equations import EQUATIONS, NAMES, random_models, rows

FLOATS = ("source_amplitudes", "wavefield_0", "wavefield_m1")
SHAPES = {1: (23,), 2: (12, 15), 3: (7, 8, 9)}


def backends(framework: str) -> list[str]:
    """Backends to test: the compiled one as soon as the front end has its rules."""
    rules = {"torch": "dualwave.torch.rules", "jax": "dualwave.jax.primitives"}[framework]
    there = native.available() and importlib.util.find_spec(rules) is not None
    return ["eager", "compiled"] if there else ["eager"]


def wavelet(nt: int, dt: float, freq: float) -> np.ndarray:
    """A Ricker wavelet that is zero to rounding at neither end of a short record."""
    t = (np.pi * freq * (np.arange(nt) * dt - 1.2 / freq)) ** 2
    return (1 - 2 * t) * np.exp(-t)


def case(ndim: int = 2, nt: int = 50, dtype: str = "float64", **changes: Any) -> dict[str, Any]:
    """Arguments of a call of ``scalar`` in NumPy: two shots, two sources and three receivers each.

    The speed is random and rough, the cells are unequal and so are the PML widths; no sub-stepping.
    """
    rng = np.random.default_rng(ndim)
    space = SHAPES[ndim]

    def cells(count: int) -> np.ndarray:
        flat = np.stack([rng.permutation(np.prod(space))[:count] for _ in range(2)])
        return np.stack(np.unravel_index(flat, space), axis=-1)

    dt = 6e-4
    arguments = {
        "v": rng.uniform(1500, 2500, space).astype(dtype),
        "grid_spacing": [5.0, 6.0, 5.5][:ndim],
        "dt": dt,
        "source_amplitudes": (rng.normal(size=(2, 2, 1)) * wavelet(nt, dt, 60.0)).astype(dtype),
        "source_locations": cells(2),
        "receiver_locations": cells(3),
        "pml_width": [4, 2, 3, 5, 2, 3][: 2 * ndim],
        "max_vel": 2600.0,
        "pml_freq": 60.0,
    }
    return arguments | changes


def case_of(
    equation: str,
    ndim: int = 2,
    nt: int = 50,
    dtype: str = "float64",
    shots: int = 2,
    space: tuple[int, ...] | None = None,
) -> dict[str, Any]:
    """As :func:`case`, of any equation, with points in every channel."""
    rng, table = np.random.default_rng(20 + ndim), EQUATIONS[equation]
    arguments, space = case(ndim, nt), space or SHAPES[ndim]
    shared = ("grid_spacing", "dt", "pml_width", "max_vel", "pml_freq")
    arguments = {k: arguments[k] for k in shared} | random_models(equation, space, rng)

    def cells(count: int) -> np.ndarray:
        # Close to each other and to a layer, and not at the last cell, where some fields end.
        low, box = np.minimum((np.array(space) - 5) // 2, 4), (4,) * ndim
        flat = np.stack([rng.permutation(4**ndim)[:count] for _ in range(shots)])
        return low + np.stack(np.unravel_index(flat, box), axis=-1)

    for channel, actions in table.sources(ndim).items():
        end, size = suffix(channel), 1 / arguments["dt"] if actions[0].rate else 1.0
        signal = rng.normal(size=(shots, 2, 1)) * wavelet(nt, arguments["dt"], 60.0)
        arguments[f"source_amplitudes{end}"] = size * signal
        arguments[f"source_locations{end}"] = cells(2)
        if channel in tensor_channels(table):
            arguments[f"source_tensors{end}"] = rng.normal(size=(shots, 2, ndim, ndim))
    for channel in table.receivers(ndim):
        arguments[f"receiver_locations{suffix(channel)}"] = cells(3)
    return cast(arguments, dtype)


def cast(arguments: dict[str, Any], dtype: str) -> dict[str, Any]:
    """Arguments with all their arrays of floats in a dtype."""
    floats = {k: x for k, x in arguments.items() if getattr(x, "dtype", None) == np.float64}
    return arguments | {k: x.astype(dtype) for k, x in floats.items()}


def clustered(ndim: int = 2, **changes: Any) -> dict[str, Any]:
    """As :func:`case`, with all points near the middle, so that ``survey_pad`` cuts the model."""
    arguments = case(ndim, **changes)
    for name, count in (("source_locations", 2), ("receiver_locations", 3)):
        steps = np.stack([np.arange(count), np.arange(count)[::-1]])
        arguments[name] = 4 + np.broadcast_to(steps[..., None], (2, count, ndim)).copy()
    return arguments


class FrontEnd:
    """What the front ends have in common."""

    module: Any

    def function(self, name: str) -> Any:
        """The public function of an equation, which for one of the tests' own is made here."""
        return getattr(self.module, name, None) or self.module.propagator(EQUATIONS[name])

    def array(self, x: Any) -> Any:
        """An array of the framework, and anything else as it is."""
        raise NotImplementedError

    def call(self, arguments: dict[str, Any], function: str = "scalar") -> Any:
        """The results as they are."""
        return self.function(function)(**{k: self.array(x) for k, x in arguments.items()})


class Torch(FrontEnd):
    """The PyTorch front end on NumPy arguments."""

    name = "torch"

    def __init__(self) -> None:
        import torch

        import dualwave.torch

        self.torch, self.module = torch, dualwave.torch

    def array(self, x: Any) -> Any:
        return self.torch.tensor(x) if isinstance(x, np.ndarray) else x

    def gradients(
        self, loss: Any, arguments: dict, names: Sequence[str], function: str = "scalar"
    ) -> list:
        """Gradients of ``loss(output)`` with respect to named arguments, as NumPy."""
        tensors = {k: self.array(x) for k, x in arguments.items()}
        wanted = [tensors[name].requires_grad_() for name in names]
        value = loss(self.function(function)(**tensors))
        return [g.numpy() for g in self.torch.autograd.grad(value, wanted)]


class Jax(FrontEnd):
    """The JAX front end on NumPy arguments."""

    name = "jax"

    def __init__(self) -> None:
        import jax

        import dualwave.jax

        self.jax, self.module = jax, dualwave.jax

    def array(self, x: Any) -> Any:
        return self.jax.numpy.asarray(x) if isinstance(x, np.ndarray) else x

    def gradients(
        self, loss: Any, arguments: dict, names: Sequence[str], function: str = "scalar"
    ) -> list:
        """Gradients of ``loss(output)`` with respect to named arguments, as NumPy."""
        arrays = {k: self.array(x) for k, x in arguments.items()}

        def value(wanted: dict) -> Any:
            return loss(self.function(function)(**{**arrays, **wanted}))

        found = self.jax.grad(value)({name: arrays[name] for name in names})
        return [np.asarray(found[name]) for name in names]


FRONT_ENDS = {"torch": Torch, "jax": Jax}
ROWS = [(name, backend) for name in FRONT_ENDS for backend in backends(name)]
"""Front end and backend, for tests that hold in all of them."""


def least_limit(front: FrontEnd, arguments: dict[str, Any]) -> int:
    """The least ``memory_limit`` that ``scalar`` takes, as the error of a lower one says."""
    with pytest.raises(ValueError, match="memory_limit: got 1000 bytes") as error:
        front.call(arguments | {"memory_limit": 1000})
    return least_said(error)


def least_said(error: pytest.ExceptionInfo) -> int:
    """Bytes that the error of a limit says are the least."""
    return int(str(error.value).split("at least ")[1].split(".")[0])


def with_equations(names: Sequence[str] = NAMES) -> Any:
    """Parametrizes by front end and equation. JAX compiles for longer than it runs: one equation,
    and the others where time is given."""
    table = itertools.product(FRONT_ENDS, names)
    quick = rows(table, lambda name, equation: name != "jax" or equation == "acoustic")
    return pytest.mark.parametrize(("name", "equation"), quick)


def squares(out: Any) -> Any:
    """A loss that all results of a call have a part in."""
    return sum((x**2).sum() for x in named(out).values())


def numpy(x: Any) -> np.ndarray:
    """Any array without its derivatives."""
    return np.asarray(x.detach() if hasattr(x, "detach") else x)


def named(out: Any) -> dict[str, Any]:
    """All results of a call by name, PML memory included, without those that have no entries."""
    found = out._asdict()
    found = {**found.pop("auxiliary_state"), **found}
    return {k: x for k, x in found.items() if x.shape[1]}


def assert_close(ours: Any, theirs: Any, tolerance: float) -> None:
    """Largest difference relative to the largest value, which is not zero."""
    ours, theirs = numpy(ours), numpy(theirs)
    assert ours.shape == theirs.shape
    scale = np.abs(theirs).max()
    assert scale > 0
    assert np.abs(ours - theirs).max() <= tolerance * scale
