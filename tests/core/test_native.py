"""The five compiled maps against the eager engine, for every equation (check 1 of the foundation).

forward and tangent: against NumPy in float64 (the tangent by complex step). The other three: against automatic
differentiation, by PyTorch, of the same engine.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from dualwave import engine, equations, native, oracle
from dualwave.framework import NumpyFramework
from dualwave.maps import Primal

from tests.equations.damped import DAMPED
from tests.helpers.native_runs import cast, close, make_case
from tests.helpers.runs import random_direction

if DAMPED.name not in equations.names():
    equations.register(DAMPED)

DIMS, ORDERS, DTYPES = (1, 2, 3), (2, 4, 6, 8), ("float64", "float32")
CASES = list(itertools.product(("scalar", "damped"), DIMS, ORDERS, DTYPES))
VARIANTS = list(itertools.product((True, False), (True, False), (1, 4)))  # PML, per-shot, taps


def variants(case):
    """Every variant of PML, models and locations in turn, over the cases."""
    at = CASES.index(case)
    return [VARIANTS[(at + k) % len(VARIANTS)] for k in (0, 3, 5)]


ALL = [(*case, *variant) for case in CASES for variant in variants(case)]
IDS = ["-".join(str(x) for x in row) for row in ALL]


@pytest.mark.parametrize("row", ALL, ids=IDS)
def test_forward_and_tangent(row):
    run, d = make_case(*row)
    dtype = row[3]
    equation = equations.get(row[0])
    want = engine.forward(NumpyFramework(), equation, run.description, run.p, run.constants)
    want_tangent = oracle.tangent(equation, run.description, run.p, d, run.constants)
    description, p, d, constants = cast(dtype, run, d)
    inputs = {f"{name}0": x for name, x in p._asdict().items()} | constants._asdict()
    got = native.evaluate("forward", description, inputs, ("receivers0", "state0"))
    close(got["receivers0"], want[0], dtype)
    close(got["state0"], want[1], dtype)
    inputs |= {f"{name}1": x for name, x in d._asdict().items()}
    got = native.evaluate("tangent", description, inputs, ("receivers0", "receivers1", "state1"))
    close(got["receivers0"], want[0], dtype)
    close(got["receivers1"], want_tangent[0], dtype)
    close(got["state1"], want_tangent[1], dtype)


def torch_maps(name, run, d, seed=5):
    """The other maps' values by PyTorch's autodiff of the engine: (function of operands) -> arrays."""
    torch = pytest.importorskip("torch")
    from dualwave.torch.framework import TorchFramework

    tensors = lambda p: Primal(*(torch.tensor(np.asarray(x)) for x in p))
    constants = type(run.constants)(*(torch.tensor(np.array(x)) for x in run.constants))
    equation, fw = equations.get(name), TorchFramework()

    def propagate(p):
        return engine.forward(fw, equation, run.description, p, constants)

    rng = np.random.default_rng(seed)
    bar = lambda: tuple(torch.tensor(rng.standard_normal(x.shape)) for x in propagate(tensors(run.p)))
    return torch, propagate, tensors(run.p), tensors(d), bar


REVERSE = [row for row in ALL if row[2] in (4, 8) or row[1] == 2]


@pytest.mark.parametrize("row", REVERSE, ids=["-".join(str(x) for x in row) for row in REVERSE])
def test_adjoint_and_second_order(row):
    run, d = make_case(*row, nt=100 if row[1] == 1 else 30)
    torch, propagate, p, d1, bar = torch_maps(row[0], run, d)
    d2, d12 = (Primal(*(torch.tensor(x) for x in random_direction(run.p, seed))) for seed in (7, 8))
    g, dg = bar(), bar()
    moved = lambda *steps: Primal(*(sum((e * v[i] for e, v in steps), p[i]) for i in range(5)))
    zero, one = torch.zeros((), dtype=torch.float64), torch.ones((), dtype=torch.float64)

    def gradient(e):
        _, pull = torch.func.vjp(lambda q: propagate(Primal(*q)), tuple(moved((e, d1))))
        return pull(tuple(x + e * y for x, y in zip(g, dg, strict=True)))[0]

    want, want_tangent = torch.func.jvp(gradient, (zero,), (one,))

    def first(e):
        inner = lambda f: propagate(moved((e, d1), (f, d2), (e * f, d12)))
        return torch.func.jvp(inner, (zero,), (one,))[1]

    want_second = torch.func.jvp(first, (zero,), (one,))[1]
    check_reverse(row[3], run, (d1, d2, d12), (g, dg), (want, want_tangent, want_second))


def check_reverse(dtype, run, directions, cotangents, wants):
    """adjoint (with and without checkpoints), tangent_adjoint and second_tangent against `wants`."""
    tolerance = {"float64": 1e-12, "float32": 3e-5}[dtype]
    described, p, *directions, constants = cast(dtype, run, *directions)
    inputs = {f"{name}0": x for name, x in p._asdict().items()} | constants._asdict()
    level = lambda k, q: {f"{name}{k}": x for name, x in q._asdict().items()}
    bars = lambda k, g: {f"{n}_bar{k}": np.asarray(x, dtype) for n, x in zip(("receivers", "state"), g, strict=True)}
    names = [f"{name}_gradient" for name in Primal._fields]
    for interval in (0, 7):
        description = dataclasses.replace(described, checkpoint_interval=interval)
        kept = native.evaluate("forward", description, inputs, ("checkpoints",))
        for residual in ({}, kept):
            got = native.evaluate("adjoint", description, inputs | bars(0, cotangents[0]) | residual, [n + "0" for n in names])
            for name, want in zip(names, wants[0], strict=True):
                close(got[name + "0"], want.numpy(), dtype, tolerance)
    both = inputs | bars(0, cotangents[0]) | bars(1, cotangents[1]) | level(1, directions[0])
    got = native.evaluate("tangent_adjoint", described, both, [n + "1" for n in names])
    for name, want in zip(names, wants[1], strict=True):
        close(got[name + "1"], want.numpy(), dtype, tolerance)
    all_levels = inputs | level(1, directions[0]) | level(2, directions[1]) | level(3, directions[2])
    got = native.evaluate("second_tangent", described, all_levels, ("receivers3", "state3"))
    for name, want in zip(("receivers3", "state3"), wants[2], strict=True):
        close(got[name], want.numpy(), dtype, tolerance)
