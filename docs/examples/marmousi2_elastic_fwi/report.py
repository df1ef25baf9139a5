"""The closing table, and whether the example shows what it should."""

from __future__ import annotations

from common.report import relative_difference, relative_error
from common.runs import Run
from problem import PARAMETERS, RECORDS, SMOOTHING, Problem

LEAST_MISFIT_FALL = 0.60
LARGEST_DIFFERENCE = 1e-3  # between the two results, relative to the norm of the update


def summary(problem: Problem, runs: dict[str, Run]) -> dict:
    """Everything in the table, and ``passed``: name of a requirement -> whether it is met."""
    rows = {name: _row(problem, run) for name, run in runs.items()}
    first, second = (run.result.parameters for run in runs.values())
    difference = {
        f"{name}, of the update's norm": relative_difference(first[i], second[i], problem.start[i])
        for i, name in enumerate(PARAMETERS)
    }
    passed = {
        f"misfit falls by {LEAST_MISFIT_FALL:.0%}": all(
            row["misfit at end"] <= (1 - LEAST_MISFIT_FALL) * row["misfit at start"]
            for row in rows.values()
        )
    }
    for name in PARAMETERS:
        passed[f"error of {name} falls"] = all(
            row[f"error of {name} at end"] < row[f"error of {name} at start"]
            for row in rows.values()
        )
    passed[f"front ends agree to {LARGEST_DIFFERENCE:g}"] = (
        max(difference.values()) <= LARGEST_DIFFERENCE
    )
    settings = problem.settings
    return {
        "model": problem.name,
        "cells": list(problem.true.shape[1:]),
        "spacing, m": settings.spacing,
        "start smoothed over, m": SMOOTHING,
        "peak frequencies, Hz": [stage.frequency for stage in settings.stages],
        "iterations": [stage.iterations for stage in settings.stages],
        "shots": settings.shots,
        "front ends": rows,
        "difference": difference,
        "seconds, both": sum(run.seconds for run in runs.values()),
        "passed": passed,
    }


def _row(problem: Problem, run: Run) -> dict[str, float]:
    result = run.result
    row = {
        "misfit at start": sum(result.first.values()),
        "misfit at end": sum(result.last.values()),
    }
    for name in RECORDS:
        row[f"misfit of {name} at start"] = result.first[name]
        row[f"misfit of {name} at end"] = result.last[name]
    solid = (slice(None), slice(problem.water_rows, None))
    ends = {"start": problem.start, "end": result.parameters}
    for i, name in enumerate(PARAMETERS):
        for end, values in ends.items():
            row[f"error of {name} at {end}"] = relative_error(
                values[solid][i], problem.true[solid][i]
            )
    return row | run.cost
