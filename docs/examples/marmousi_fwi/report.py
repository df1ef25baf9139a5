"""The closing table, and whether the demonstration shows what it should."""

from __future__ import annotations

import numpy as np
from common.report import relative_difference, relative_error
from common.runs import Run
from problem import PEAK_FREQUENCY, SMOOTHING, Problem

LEAST_MISFIT_FALL = 0.80
LEAST_ERROR_FALL = 0.10
LARGEST_DIFFERENCE = 1e-3  # between the two results, relative to the norm of the update


def summary(problem: Problem, runs: dict[str, Run]) -> dict:
    """Everything in the table, and ``passed``: name of a requirement -> whether it is met."""
    rows = {name: _row(problem, run) for name, run in runs.items()}
    first, second = (run.result.speed.astype(float) for run in runs.values())
    difference = {
        "largest, m/s": float(np.abs(first - second).max()),
        "norm, of the update's": relative_difference(first, second, problem.start),
    }
    settings = problem.settings
    passed = {
        f"misfit falls by {LEAST_MISFIT_FALL:.0%}": all(
            row["misfit at end"] <= (1 - LEAST_MISFIT_FALL) * row["misfit at start"]
            for row in rows.values()
        ),
        f"model error falls by {LEAST_ERROR_FALL:.0%}": all(
            row["model error at end"] <= (1 - LEAST_ERROR_FALL) * row["model error at start"]
            for row in rows.values()
        ),
        f"front ends agree to {LARGEST_DIFFERENCE:g}": (
            difference["norm, of the update's"] <= LARGEST_DIFFERENCE
        ),
    }
    return {
        "model": problem.name,
        "cells": list(problem.true.shape),
        "spacing, m": settings.spacing,
        "start smoothed over, m": SMOOTHING,
        "peak frequency, Hz": PEAK_FREQUENCY,
        "shots": settings.shots,
        "iterations": settings.iterations,
        "front ends": rows,
        "difference": difference,
        "seconds, both": sum(run.seconds for run in runs.values()),
        "passed": passed,
    }


def _row(problem: Problem, run: Run) -> dict[str, float]:
    return {
        "misfit at start": run.result.misfits[0],
        "misfit at end": run.result.misfits[-1],
        "model error at start": relative_error(problem.start, problem.true),
        "model error at end": relative_error(run.result.speed, problem.true),
    } | run.cost
