"""Cases for the compiled maps: an equation in any dimension with random operands."""

from __future__ import annotations

import dataclasses

import numpy as np

from dualwave.maps import Constants
from helpers.equations import EQUATIONS, random_models
from helpers.runs import Setup, make_run, random_direction

REGIONS = {1: (37,), 2: (15, 21), 3: (9, 11, 13)}
SPACING = {1: (5.0,), 2: (5.0, 4.0), 3: (6.0, 5.0, 4.0)}
PML = {1: (6, 9), 2: (5, 7, 0, 8), 3: (3, 4, 5, 0, 4, 6)}
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


def make_case(name, ndim, accuracy, pml=True, per_shot=False, taps=1, nt=None, region=None):
    """A run of two or three shots in random media, and a direction in every operand."""
    rng = np.random.default_rng(ndim * 10 + accuracy)
    shots = 2 + (ndim == 1)
    region = region or REGIONS[ndim]
    shape = (shots if per_shot else 1, *region)
    setup = Setup(
        equation=EQUATIONS[name],
        region=region,
        spacing=SPACING[ndim],
        pml=PML[ndim] if pml else (0,) * (2 * ndim),
        dt=5e-4,
        parameters=random_models(name, shape, rng),
        accuracy=accuracy,
        nt=nt or (100 if ndim < 3 else 40),
        shots=shots,
        taps=taps,
        state_scale=0.1,
    )
    run = make_run(setup)
    return run, random_direction(run.p)


def cast(dtype, run, *operands):
    """The run's operands, and others of its kind, in a dtype."""
    description = dataclasses.replace(run.description, dtype=dtype)

    def change(p):
        return type(p)(*(None if x is None else np.ascontiguousarray(x, dtype) for x in p))

    constants = Constants(
        *(np.ascontiguousarray(x) for x in run.constants[:3]),
        np.ascontiguousarray(run.constants.profiles, dtype),
    )
    return description, change(run.p), *(change(x) for x in operands), constants


def close(got, want, dtype, tolerance=None):
    """Equal to the tolerance of the dtype, relative to the largest value, and not all zero."""
    scale = np.abs(want).max(initial=0.0)
    assert scale > 0, "the reference is all zero"
    error = np.abs(np.asarray(got, np.float64) - want).max() / scale
    assert error < (tolerance or TOLERANCE[dtype]), f"relative error {error:.2e}"


def all_operands(name, ndim, accuracy, dtype, **change):
    """A run of 13 steps, and all inputs of all maps but the residual."""
    run, d = make_case(name, ndim, accuracy, taps=3, nt=13, **change)
    description, p, step, constants = cast(dtype, run, d)
    rng = np.random.default_rng(1)
    shots = (description.shots, description.receivers, description.nt)
    inputs = {f"{k}0": x for k, x in p._asdict().items()} | constants._asdict()
    for level, scale in ((1, 1), (2, -0.5), (3, 0.3)):
        inputs |= {f"{k}{level}": scale * x for k, x in step._asdict().items()}
    for level in (0, 1):
        inputs[f"receivers_bar{level}"] = rng.normal(size=shots).astype(dtype)
        inputs[f"state_bar{level}"] = rng.normal(size=p.state.shape).astype(dtype)
    return description, inputs
