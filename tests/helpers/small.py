"""A run small enough to differentiate twice in every way, and what its tests compare with."""

from __future__ import annotations

import numpy as np

from dualwave import equations
from helpers.runs import Run, Setup, make_run

SHOTS, RECEIVERS, STEPS = 2, 2, 5


def small_run(models: int = 1) -> Run:
    """Two shots in 1-D with PML, off-grid sources and receivers and an initial state, float64."""
    v = np.random.default_rng(3).uniform(1500, 2500, (models, 6))
    return make_run(
        Setup(
            equation=equations.get("scalar"),
            region=(6,),
            spacing=(5.0,),
            pml=(2, 1),
            dt=1e-3,
            parameters={"v": v},
            accuracy=2,
            nt=STEPS,
            shots=SHOTS,
            sources=1,
            receivers=RECEIVERS,
            taps=2,
            state_scale=0.3,
        )
    )


def loss_weights(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Weights of the receivers and the final state, so that no part of a loss cancels another."""
    rng = np.random.default_rng(4)
    shape = (SHOTS, RECEIVERS, STEPS)
    return rng.standard_normal(shape), rng.standard_normal((SHOTS, run.description.state_size))


def assert_close(got, want, tolerance=1e-12):
    """Equal relative to the largest value; the reference may not be zero."""
    got, want = np.asarray(got), np.asarray(want)
    scale = np.abs(want).max(initial=0.0)
    assert got.shape == want.shape
    assert scale > 0, "the reference is all zero"
    assert np.abs(got - want).max() <= tolerance * scale
