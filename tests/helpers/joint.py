"""A whole call as a function of all that it can be differentiated by, in either framework."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from equations.damped import DAMPED

from dualwave.equations import Equation
from dualwave.equations.scalar import SCALAR
from dualwave.layout import state_entries
from helpers.calls import FRONT_ENDS, case, numpy, wavelet

EQUATIONS: dict[str, Equation] = {"scalar": SCALAR, "damped": DAMPED}
Inputs = dict[str, Any]


def joint_case(equation: str, ndim: int, nt: int = 40, dt: float = 6e-4) -> tuple[Inputs, dict]:
    """Arrays by name that the results depend on smoothly, and the other arguments of the call.

    Two shots between the cells, unequal cells and PML widths, and a random state to start from,
    PML memory included, whose entries are called as in ``auxiliary_state``.
    """
    rng = np.random.default_rng(10 + ndim)
    fixed = case(ndim, nt, dt=dt) | {"location_interpolation_halfwidth": 2, "origin": [0] * ndim}
    space = fixed["v"].shape

    def places(count: int) -> np.ndarray:
        # On a cell, and halfway between two, other cells enter the interpolation.
        shape = (2, count, ndim)
        fraction = rng.uniform(0.1, 0.4, shape) * rng.choice([-1, 1], shape)
        return rng.integers(2, np.array(space) - 3, shape) + fraction

    inputs = {name: fixed.pop(name) for name in ("v", "source_amplitudes")}
    if equation == "damped":
        inputs["d"] = rng.uniform(20, 200, space)
    inputs["source_amplitudes"] = rng.normal(size=(2, 2, 1)) * wavelet(nt, dt, 60.0)
    inputs["source_locations"], inputs["receiver_locations"] = places(2), places(3)
    del fixed["source_locations"], fixed["receiver_locations"]
    pml = tuple(fixed["pml_width"])
    n = tuple(size + pml[2 * i] + pml[2 * i + 1] for i, size in enumerate(space))
    names = {field: name for name, field in EQUATIONS[equation].wavefields.items()}
    strength = 100.0  # of the order of the fields that the sources make
    for name, shape in state_entries(EQUATIONS[equation], ndim, n, pml):
        scale = strength if name in names else 0.02 * strength
        inputs[names.get(name, name)] = scale * rng.normal(size=(2, *shape))
    return inputs, fixed


def results(front: Any, equation: str, fixed: dict, inputs: Inputs) -> Inputs:
    """Receivers, final wavefields and PML memory by name, as arrays of the framework."""
    given = dict(inputs)
    known = ("v", "d", "source_amplitudes", "source_locations", "receiver_locations")
    call = {name: given.pop(name) for name in known if name in given}
    memory = {name: given.pop(name) for name in list(given) if not name.startswith("wavefield")}
    state = {**given, "auxiliary_state": memory}
    function = front.module.propagator(EQUATIONS[equation])
    out = function(**call, **fixed, initial_state=state if given else None)._asdict()
    return {**out.pop("auxiliary_state"), **out}


# Compiling for speed would take longer than all runs together.
QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


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
        jit = functools.partial(front.jax.jit, compiler_options=QUICK)
        functions = {count: jit(function) for count, function in functions.items()}

    def call(*given: Inputs) -> tuple[Inputs, ...]:
        own = [{k: front.array(np.asarray(x)) for k, x in part.items()} for part in given]
        found = functions[len(given)](*own)
        return tuple({k: numpy(x) for k, x in part.items()} for part in found)

    return call
