"""The five compiled maps against the eager engine, for every equation (check 1 of the foundation).

forward and tangent: against NumPy in float64 (the tangent by complex step). The other three: against automatic
differentiation, by PyTorch, of the same engine.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from dualwave import engine, equations, native, oracle
from dualwave.framework import NumpyFramework
from dualwave.maps import Cotangents, Primal

from tests.equations.damped import DAMPED
from tests.helpers.native_runs import cast, close, make_case

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
