"""The closing table, and whether the example shows what it should."""

from __future__ import annotations

import numpy as np
from common.report import relative_difference, relative_error
from common.runs import Run
from problem import PEAK_FREQUENCY, SMOOTHING, Problem

LEAST_MISFIT_FALL = 0.60
LARGEST_DIFFERENCE = 1e-3  # between the two results, relative to the update


def summary(problem: Problem, runs: dict[str, Run]) -> dict:
    """Everything in the table, and ``passed``: name of a requirement -> whether it is met."""
    survey, settings = problem.survey, problem.settings
    rows = {name: _row(problem, run) for name, run in runs.items()}
    first, second = (run.result.speed for run in runs.values())
    difference = {
        "norm, of the update's": relative_difference(first, second, survey.start),
        "largest, of the update's": float(
            np.abs(first - second).max() / np.abs(first - survey.start).max()
        ),
    }
    passed = {
        f"misfit falls by {LEAST_MISFIT_FALL:.0%}": all(
            row["misfit at end"] <= (1 - LEAST_MISFIT_FALL) * row["misfit at start"]
            for row in rows.values()
        ),
        "model error falls": all(
            row["model error at end"] < row["model error at start"] for row in rows.values()
        ),
        f"front ends agree to {LARGEST_DIFFERENCE:g}": (
            max(difference.values()) <= LARGEST_DIFFERENCE
        ),
    }
    return {
        "model": survey.name,
        "cells": list(survey.true.shape),
        "spacing, m": settings.spacing,
        "start smoothed over, m": SMOOTHING,
        "peak frequency, Hz": PEAK_FREQUENCY,
        "shots": settings.shots,
        "iterations": settings.iterations,
        "weights of the network": sum(w.size + b.size for w, b in problem.layers),
        "front ends": rows,
        "difference": difference,
        "seconds, both": sum(run.seconds for run in runs.values()),
        "passed": passed,
    }


def _row(problem: Problem, run: Run) -> dict[str, float]:
    survey, result = problem.survey, run.result
    return {
        "misfit at start": result.misfits[0],
        "misfit at end": result.misfits[-1],
        "model error at start": relative_error(survey.start, survey.true),
        "model error at end": relative_error(result.speed, survey.true),
    } | run.cost
