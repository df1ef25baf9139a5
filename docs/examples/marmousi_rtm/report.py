"""The closing table, and whether the example shows what it should."""

from __future__ import annotations

import numpy as np
from common.report import relative_difference
from common.runs import Run
from problem import PEAK_FREQUENCY, SMOOTHING, Problem

LEAST_MISFIT_FALL = 0.60
LARGEST_DIFFERENCE = 1e-3  # between two images, relative to the norm of one
LARGEST_ASYMMETRY = 1e-4  # of the dot-product test, in float32


def summary(problem: Problem, runs: dict[str, Run]) -> dict:
    """Everything in the table, and ``passed``: name of a requirement -> whether it is met."""
    rows = {name: _row(problem, run) for name, run in runs.items()}
    first, second = (run.result for run in runs.values())
    difference = {
        f"{name}, of the image's norm": relative_difference(
            getattr(first, field), getattr(second, field), np.zeros_like(problem.true)
        )
        for name, field in {"RTM": "rtm", "LSRTM": "lsrtm"}.items()
    }
    passed = {
        f"misfit falls by {LEAST_MISFIT_FALL:.0%}": all(
            row["misfit at end"] <= 1 - LEAST_MISFIT_FALL for row in rows.values()
        ),
        "correlation: LSRTM above RTM": all(
            row["correlation of LSRTM"] > row["correlation of RTM"] > 0 for row in rows.values()
        ),
        f"dot products to {LARGEST_ASYMMETRY:g}": all(
            run.result.asymmetry <= LARGEST_ASYMMETRY for run in runs.values()
        ),
        f"front ends agree to {LARGEST_DIFFERENCE:g}": (
            max(difference.values()) <= LARGEST_DIFFERENCE
        ),
    }
    settings = problem.settings
    return {
        "model": problem.name,
        "cells": list(problem.true.shape),
        "spacing, m": settings.spacing,
        "background smoothed over, m": SMOOTHING,
        "peak frequency, Hz": PEAK_FREQUENCY,
        "shots": settings.shots,
        "iterations": settings.iterations,
        "front ends": rows,
        "difference": difference
        | {f"dot products, {name}": run.result.asymmetry for name, run in runs.items()},
        "seconds, both": sum(run.seconds for run in runs.values()),
        "passed": passed,
    }


def _row(problem: Problem, run: Run) -> dict[str, float]:
    result = run.result

    def correlation(image: np.ndarray) -> float:
        image, true = (np.asarray(x, np.float64).ravel() for x in (image, problem.perturbation))
        return float(image @ true / np.linalg.norm(image) / np.linalg.norm(true))

    return {
        "misfit at start": result.misfits[0],
        "misfit at end": result.misfits[-1],
        "correlation of RTM": correlation(result.rtm),
        "correlation of LSRTM": correlation(result.lsrtm),
    } | run.cost
