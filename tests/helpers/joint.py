"""A whole call as a function of all that it can be differentiated by, in either framework."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from dualwave.call import tensor_channels
from dualwave.equations import Equation
from dualwave.form import suffix
from dualwave.layout import memories, state_entries
from helpers.calls import FRONT_ENDS, SHAPES, numpy, wavelet
from helpers.equations import EQUATIONS, UNITS, random_models

Inputs = dict[str, Any]
STRENGTH = 100.0
"""Of the initial fields: of the order of those that the sources make."""


def joint_case(equation: str, ndim: int, nt: int = 40, dt: float = 6e-4) -> tuple[Inputs, dict]:
    """Arrays by name that the results depend on smoothly, and the other arguments of the call.

    Two shots with points of every channel between the cells, unequal cells and PML widths, and a
    random state to start from, PML memory included, whose entries are called as in
    ``auxiliary_state``.
    """
    rng = np.random.default_rng(10 + ndim)
    space, pml = SHAPES[ndim], [4, 2, 3, 5, 2, 3][: 2 * ndim]

    def places(count: int) -> np.ndarray:
        # On a cell, and halfway between two, other cells enter the interpolation.
        shape = (2, count, ndim)
        fraction = rng.uniform(0.1, 0.4, shape) * rng.choice([-1, 1], shape)
        return rng.integers(2, np.array(space) - 3, shape) + fraction

    def signal() -> np.ndarray:
        return rng.normal(size=(2, 2, 1)) * wavelet(nt, dt, 60.0)

    fixed = {
        "grid_spacing": [5.0, 6.0, 5.5][:ndim],
        "dt": dt,
        "pml_width": pml,
        "max_vel": 2600.0,
        "pml_freq": 60.0,
        "location_interpolation_halfwidth": 2,
        "origin": [0] * ndim,
    }
    models = random_models(equation, space, rng)
    points = _points(EQUATIONS[equation], ndim, dt, signal, places)
    return models | points | state_of(EQUATIONS[equation], space, pml, STRENGTH, 2), fixed


def tiny_case(equation: str) -> tuple[Inputs, dict]:
    """As :func:`joint_case`, of four steps of one shot on five cells; speeds are about two."""
    table, rng = EQUATIONS[equation], np.random.default_rng(4)
    models = {k: x / UNITS[k] for k, x in random_models(equation, (5,), rng).items()}
    fixed = {
        "grid_spacing": 1.0,
        "dt": 0.2,
        "pml_width": 1,
        "pml_freq": 0.5,
        "max_vel": 2.5,
        "accuracy": 2,
        "location_interpolation_halfwidth": 1,
        "origin": [0],
    }
    points = _points(
        table,
        1,
        fixed["dt"],
        lambda: rng.normal(size=(1, 1, 4)),
        lambda count: rng.uniform([1.6], [1.9], (1, 1, 1)) + (count == 3),
    )
    return models | points | state_of(table, (5,), [1, 1], 0.3, 1), fixed


def _points(
    table: Equation, ndim: int, dt: float, signal: Callable, places: Callable[[int], np.ndarray]
) -> Inputs:
    """Sources and receivers of every channel, two and three."""
    rng, inputs = np.random.default_rng(7), {}
    for channel, actions in table.sources(ndim).items():
        end, amplitudes = suffix(channel), signal()
        # What is a rate is multiplied by the time step.
        inputs[f"source_amplitudes{end}"] = amplitudes / dt if actions[0].rate else amplitudes
        inputs[f"source_locations{end}"] = places(2)
        if channel in tensor_channels(table):
            shape = (*amplitudes.shape[:2], ndim, ndim)
            inputs[f"source_tensors{end}"] = rng.normal(size=shape)
    for channel in table.receivers(ndim):
        inputs[f"receiver_locations{suffix(channel)}"] = places(3)
    return inputs


def state_of(
    table: Equation, space: tuple[int, ...], pml: list[int], size: float, shots: int
) -> Inputs:
    """Random wavefields by keyword and PML memory by name."""
    rng, ndim = np.random.default_rng(8), len(space)
    n = tuple(cells + pml[2 * i] + pml[2 * i + 1] for i, cells in enumerate(space))
    names = {field: name for name, field in table.wavefields.items()}
    return {
        names.get(name, name): (size if name in names else 0.02 * size)
        * rng.normal(size=(shots, *shape))
        for name, shape in state_entries(table, ndim, n, tuple(pml))
    }


def results(front: Any, equation: str, fixed: dict, inputs: Inputs) -> Inputs:
    """Receivers, final wavefields and PML memory by name, as arrays of the framework."""
    table = EQUATIONS[equation]
    state = {name: x for name, x in inputs.items() if name in table.wavefields}
    found = {m.name for ndim in table.ndims for m in memories(table, ndim)}
    memory = {name: x for name, x in inputs.items() if name in found}
    call = {name: x for name, x in inputs.items() if name not in (*state, *memory)}
    if state:
        call["initial_state"] = {**state, "auxiliary_state": memory}
    out = front.module.propagator(table)(**call, **fixed)._asdict()
    return {**out.pop("auxiliary_state"), **out}


@functools.cache
def derivatives(
    name: str, equation: str, ndim: int, backend: str = "compiled"
) -> Callable[..., tuple[Inputs, ...]]:
    """A function (inputs, direction, cotangent) -> (results, J direction, J* cotangent).

    All are dicts of NumPy arrays; without direction and cotangent there are only the results. In
    JAX it is jitted. Of the call of :func:`joint_case`.
    """
    front, fixed = FRONT_ENDS[name](), joint_case(equation, ndim)[1] | {"backend": backend}

    def value(inputs: Inputs) -> tuple[Inputs]:
        return (results(front, equation, fixed, inputs),)

    def everything(inputs: Inputs, direction: Inputs, cotangent: Inputs) -> tuple[Inputs, ...]:
        transforms = front.jax if name == "jax" else front.torch.func
        (found,), (product,) = transforms.jvp(value, (inputs,), (direction,))
        _, pull = transforms.vjp(value, inputs)
        return found, product, pull((cotangent,))[0]

    functions = {1: value, 3: everything}
    if name == "jax":
        functions = {count: front.jax.jit(function) for count, function in functions.items()}

    def call(*given: Inputs) -> tuple[Inputs, ...]:
        own = [{k: front.array(np.asarray(x)) for k, x in part.items()} for part in given]
        found = functions[len(given)](*own)
        return tuple({k: numpy(x) for k, x in part.items()} for part in found)

    return call
