"""The five compiled maps against the eager engine, for every equation (check 1 of the foundation).

forward and tangent: against NumPy in float64 (the tangent by complex step). The other three:
against automatic differentiation, by PyTorch, of the same engine.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from dualwave import engine, equations, native, oracle
from dualwave.framework import NumpyFramework
from dualwave.maps import Primal, accepted_inputs
from helpers.equations import NAMES, rows
from helpers.native_runs import all_operands, cast, close, make_case
from helpers.runs import random_direction

VARIANTS = list(itertools.product((True, False), (True, False), (1, 4)))  # PML, per-shot, taps
CASES = list(itertools.product(NAMES, (1, 2, 3), (2, 4, 6, 8)))
TABLE = [(*case, variant) for case in CASES for variant in VARIANTS]
TOLERANCE = {"float64": 1e-12, "float32": 3e-5}  # of derivatives
OPERANDS = Primal._fields


def quick(step):
    """Which variants of a case are quick: another one, or some, from case to case."""

    def test(*row):
        name, ndim, accuracy, variant = row
        at, k = CASES.index((name, ndim, accuracy)), VARIANTS.index(variant)
        if step is None:
            return name == "scalar" or k in (at % 8, (at + 3) % 8)
        # In 3-D the systems take seconds: all orders in 2-D, and one of them here.
        return k == at * step % 8 and (ndim < 3 or name in ("scalar", "damped") or accuracy == 4)

    return test


def whole(request):
    """Whether the whole table runs, with 100 steps in every row, or the quick part of it."""
    return request.config.option.markexpr != "not slow"


def level(number, operands):
    """Slots of a level's operands, or of the cotangents."""
    return {f"{name}{number}": x for name, x in operands._asdict().items()}


@pytest.mark.parametrize(("name", "ndim", "accuracy", "variant"), rows(TABLE, quick(None)))
def test_forward_and_tangent(name, ndim, accuracy, variant, request):
    run, d = make_case(name, ndim, accuracy, *variant, nt=100 if whole(request) else None)
    equation = equations.get(name)
    want = engine.forward(NumpyFramework(), equation, run.description, run.p, run.constants)
    want_tangent = oracle.tangent(equation, run.description, run.p, d, run.constants)
    for dtype in TOLERANCE:
        description, p, step, constants = cast(dtype, run, d)
        inputs = level(0, p) | constants._asdict()
        got = native.evaluate("forward", description, inputs, ("receivers0", "state0"))
        close(got["receivers0"], want[0], dtype)
        close(got["state0"], want[1], dtype)
        slots = ("receivers0", "receivers1", "state1")
        got = native.evaluate("tangent", description, inputs | level(1, step), slots)
        close(got["receivers0"], want[0], dtype)
        close(got["receivers1"], want_tangent[0], dtype)
        # A derivative like the gradients: in float32 one row of the table reaches 1.05e-5.
        close(got["state1"], want_tangent[1], dtype, TOLERANCE[dtype])


def torch_maps(name, run, d, seed=5):
    """PyTorch's form of the engine and of its operands, and random cotangents."""
    torch = pytest.importorskip("torch")
    from dualwave.torch.framework import TorchFramework

    def tensors(p):
        return Primal(*(torch.tensor(np.asarray(x)) for x in p))

    constants = type(run.constants)(*(torch.tensor(np.array(x)) for x in run.constants))
    equation, fw = equations.get(name), TorchFramework()

    def propagate(p):
        return engine.forward(fw, equation, run.description, p, constants)

    rng = np.random.default_rng(seed)

    def bar():
        return tuple(torch.tensor(rng.standard_normal(x.shape)) for x in propagate(tensors(run.p)))

    return torch, propagate, tensors(run.p), tensors(d), bar


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_values_beside_a_derivative_have_the_bits_of_forward(name, ndim):
    description, given = all_operands(name, ndim, 4, "float32")
    slots = ("receivers0", "state0")
    found = []
    for map_name in ("forward", "tangent"):
        inputs = {k: given[k] for k in accepted_inputs(map_name) if k in given}
        found.append(native.evaluate(map_name, description, inputs, slots))
    for slot in slots:
        assert np.abs(found[0][slot]).max() > 0
        np.testing.assert_array_equal(found[1][slot], found[0][slot])


@pytest.mark.parametrize(("name", "ndim", "accuracy", "variant"), rows(TABLE, quick(3)))
def test_adjoint_and_second_order(name, ndim, accuracy, variant, request):
    run, d = make_case(name, ndim, accuracy, *variant, nt=100 if whole(request) else 9)
    torch, propagate, p, d1, bar = torch_maps(name, run, d)
    d2, d12 = (Primal(*(torch.tensor(x) for x in random_direction(run.p, seed))) for seed in (7, 8))
    g, dg = bar(), bar()

    def moved(*steps):
        return Primal(*(sum((e * v[i] for e, v in steps), p[i]) for i in range(5)))

    zero, one = torch.zeros((), dtype=torch.float64), torch.ones((), dtype=torch.float64)

    def gradient(e):
        _, pull = torch.func.vjp(lambda q: propagate(Primal(*q)), tuple(moved((e, d1))))
        return pull(tuple(x + e * y for x, y in zip(g, dg, strict=True)))[0]

    want, want_tangent = torch.func.jvp(gradient, (zero,), (one,))

    def first(e):
        def inner(f):
            return propagate(moved((e, d1), (f, d2), (e * f, d12)))

        return torch.func.jvp(inner, (zero,), (one,))[1]

    want_second = torch.func.jvp(first, (zero,), (one,))[1]
    for dtype, tolerance in TOLERANCE.items():
        described, q, *steps, constants = cast(dtype, run, d1, d2, d12)
        inputs = level(0, q) | constants._asdict()
        bars = [
            {f"{n}_bar{k}": np.asarray(x, dtype) for n, x in zip(("receivers", "state"), pair)}
            for k, pair in enumerate((g, dg))
        ]
        check_adjoint(described, inputs | bars[0], want, tolerance)
        inputs |= level(1, steps[0])
        slots = [f"{operand}_gradient1" for operand in OPERANDS]
        got = native.evaluate("tangent_adjoint", described, inputs | bars[0] | bars[1], slots)
        for slot, value in zip(slots, want_tangent):
            close(got[slot], value.numpy(), dtype, tolerance)
        inputs |= level(2, steps[1]) | level(3, steps[2])
        got = native.evaluate("second_tangent", described, inputs, ("receivers3", "state3"))
        for slot, value in zip(("receivers3", "state3"), want_second):
            close(got[slot], value.numpy(), dtype, tolerance)


@pytest.fixture
def poisoned_heap():
    """Memory in which what lies beside an allocation, or was there before it, is not a number."""
    kept = [[np.full(cells, np.nan) for cells in range(2, 120)] for _ in range(60)]
    for row in kept[::2]:
        row.clear()
    yield
    kept.clear()


@pytest.mark.usefixtures("poisoned_heap")
@pytest.mark.parametrize(("name", "ndim"), list(itertools.product(NAMES, (1, 2))))
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_a_level_without_coefficients_has_zeros(name, ndim, dtype):
    """Vectors reach past the last cell of a row: what they read there must be zero too."""
    run, d = make_case(name, ndim, 4, True, False, 1)
    described, p, step, constants = cast(dtype, run, d)
    base = level(0, p) | constants._asdict()
    rest = {f"{k}{n}": x for n in (1, 2, 3) for k, x in step._asdict().items()}
    shape = run.description.shots, run.description.receivers, run.description.nt
    bars = np.random.default_rng(9).normal(size=(2, *shape)).astype(dtype)
    rest |= {f"receivers_bar{n}": bars[n] for n in (0, 1)}
    for map_name, slots in (
        ("tangent", ("receivers1", "state1")),
        ("second_tangent", ("receivers3", "state3")),
        ("tangent_adjoint", ("coefficients_gradient1", "state_gradient1")),
    ):
        accepted = accepted_inputs(map_name)
        inputs = base | {slot: x for slot, x in rest.items() if slot in accepted}
        zeros = {k: 0 * x for k, x in inputs.items() if k[:-1] == "coefficients" and k[-1] != "0"}
        without = {k: x for k, x in inputs.items() if k not in zeros}
        wanted = native.evaluate(map_name, described, inputs | zeros, slots)
        found = native.evaluate(map_name, described, without, slots)
        for slot in slots:
            assert np.abs(wanted[slot]).max() > 0
            np.testing.assert_array_equal(found[slot], wanted[slot])


def check_adjoint(described, inputs, want, tolerance):
    """Gradients with and without a residual, in segments that fit the steps and that do not."""
    slots = [f"{operand}_gradient0" for operand in OPERANDS]
    for interval in (0, 4):
        description = dataclasses.replace(described, checkpoint_interval=interval)
        primal = {slot: x for slot, x in inputs.items() if "_bar" not in slot}
        kept = native.evaluate("forward", description, primal, ("residual",))
        turned = {k[:-1] + "1": 0.1 * x for k, x in primal.items() if k[:-1] in OPERANDS}
        again = native.evaluate("tangent", description, primal | turned, ("residual",))
        close(again["residual"], kept["residual"], described.dtype, tolerance)
        for residual in ({}, kept):
            got = native.evaluate("adjoint", description, inputs | residual, slots)
            for slot, value in zip(slots, want):
                close(got[slot], value.numpy(), described.dtype, tolerance)
