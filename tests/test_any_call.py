"""Calls drawn at random, compiled, in both front ends.

The oracle is PyTorch's own derivatives of the eager engine, in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from helpers.any_call import DTYPES, calls
from helpers.calls import FRONT_ENDS, numpy
from helpers.joint import results

pytestmark = [
    pytest.mark.usefixtures("x64"),
    pytest.mark.filterwarnings("ignore:there are:UserWarning"),  # coarse on purpose
]
ONLY_COMPILED = ("gradient_storage", "storage_mode")


def cast(inputs: dict, dtype: str) -> dict:
    return {k: x.astype(dtype) for k, x in inputs.items()}


def total(found: dict, weights: dict) -> Any:
    """Each result has a part, and a part in what second order there is."""
    return sum((w * found[k]).sum() + 0.5 * ((w * found[k]) ** 2).sum() for k, w in weights.items())


def in_torch(
    equation: str, inputs: dict, fixed: dict, weights: dict | None = None
) -> tuple[dict, dict, dict]:
    """Results, gradients of `total`, and its weights, which results of zero have none of; they are
    made where none are given."""
    front = FRONT_ENDS["torch"]()
    given = {k: front.array(x).requires_grad_() for k, x in inputs.items()}
    found = results(front, equation, fixed, given)
    if weights is None:
        rng = np.random.default_rng(0)
        sizes = {k: np.abs(numpy(x)).max(initial=0) for k, x in found.items() if x.shape[1]}
        weights = {k: rng.normal(size=found[k].shape) / size for k, size in sizes.items() if size}
    if not weights:
        return {}, {}, {}
    value = total(found, {k: front.array(w) for k, w in weights.items()})
    bars = front.torch.autograd.grad(value, list(given.values()), materialize_grads=True)
    bars = map(numpy, bars)
    return {k: numpy(found[k]) for k in weights}, dict(zip(inputs, bars, strict=True)), weights


def in_jax(equation: str, inputs: dict, fixed: dict, weights: dict) -> tuple[dict, dict, dict]:
    front = FRONT_ENDS["jax"]()
    jax = front.jax

    def loss(given: dict) -> tuple[Any, dict]:
        found = results(front, equation, fixed, given)
        return total(found, {k: front.array(w) for k, w in weights.items()}), found

    run = jax.jit(jax.grad(loss, has_aux=True))
    bars, found = run({k: front.array(x) for k, x in inputs.items()})
    return {k: numpy(found[k]) for k in weights}, {k: numpy(x) for k, x in bars.items()}, weights


def check(run: Any, drawn: tuple) -> None:
    equation, inputs, fixed, dtype = drawn
    eager = {k: x for k, x in fixed.items() if k not in ONLY_COMPILED} | {"backend": "eager"}
    *expected, weights = in_torch(equation, inputs, eager)
    if not weights:
        return
    compiled = fixed | {"backend": "compiled"}
    *ours, _ = run(equation, cast(inputs, dtype), compiled, cast(weights, dtype))
    for own, oracle in zip(ours, expected, strict=True):
        assert own.keys() == oracle.keys()
        for name, x in oracle.items():
            assert own[name].dtype == dtype
            assert own[name].shape == x.shape
            error, size = np.abs(own[name] - x).max(initial=0), np.abs(x).max(initial=0)
            assert error <= DTYPES[dtype] * size, (name, error, size)


def examples(count: int) -> Any:
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@given(drawn=calls())
@examples(100)
def test_in_torch(drawn: tuple) -> None:
    check(in_torch, drawn)


@given(drawn=calls())
@examples(25)
def test_in_jax(drawn: tuple) -> None:
    check(in_jax, drawn)


@pytest.mark.slow
@given(drawn=calls())
@examples(1000)
def test_many_in_torch(drawn: tuple) -> None:
    check(in_torch, drawn)


@pytest.mark.slow
@given(drawn=calls())
@examples(300)
def test_many_in_jax(drawn: tuple) -> None:
    check(in_jax, drawn)
