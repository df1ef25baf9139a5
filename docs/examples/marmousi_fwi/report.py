"""The closing table, and whether the demonstration shows what it should."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from problem import PEAK_FREQUENCY, SMOOTHING, Problem, Result

LEAST_MISFIT_FALL = 0.80
LEAST_ERROR_FALL = 0.10
LARGEST_DIFFERENCE = 1e-3  # between the two results, relative to the norm of the update


@dataclass(frozen=True)
class Run:
    """One front end's result with what it cost: wall seconds, peak bytes of its process."""

    result: Result
    seconds: float
    peak_bytes: int


def summary(problem: Problem, runs: dict[str, Run]) -> dict:
    """Everything in the table, and ``passed``: name of a requirement -> whether it is met."""
    rows = {name: _row(problem, run) for name, run in runs.items()}
    first, second = (run.result.speed.astype(float) for run in runs.values())
    update = np.linalg.norm(first - problem.start)
    difference = {
        "largest, m/s": float(np.abs(first - second).max()),
        "norm, of the update's": float(np.linalg.norm(first - second) / update),
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
    def error(speed: np.ndarray) -> float:
        return float(np.linalg.norm(speed - problem.true) / np.linalg.norm(problem.true))

    return {
        "misfit at start": run.result.misfits[0],
        "misfit at end": run.result.misfits[-1],
        "model error at start": error(problem.start),
        "model error at end": error(run.result.speed),
        "seconds": run.seconds,
        "peak memory, MiB": run.peak_bytes / 2**20,
    }


def table(facts: dict) -> str:
    """``facts`` (of `summary`) as text."""
    lines = [
        "",
        f"{facts['model']}, {' x '.join(map(str, facts['cells']))} cells of "
        f"{facts['spacing, m']:g} m, {facts['shots']} shots, {facts['iterations']} iterations",
        "",
        f"{'':22}" + "".join(f"{name:>12}" for name in facts["front ends"]),
    ]
    for name in next(iter(facts["front ends"].values())):
        values = (row[name] for row in facts["front ends"].values())
        lines.append(f"{name:22}" + "".join(f"{_number(name, v):>12}" for v in values))
    lines += ["", f"{'seconds, both':32}{facts['seconds, both']:12.1f}"]
    for name, value in facts["difference"].items():
        lines.append(f"{'difference: ' + name:32}{value:12.3g}")
    lines += [f"{name:32}{'yes' if ok else 'NO':>12}" for name, ok in facts["passed"].items()]
    return "\n".join(lines)


def _number(name: str, value: float) -> str:
    if "error" in name:
        return f"{value:.2%}"
    return f"{value:.5f}" if "misfit" in name else f"{value:.1f}"


def write(facts: dict, path: Path) -> None:
    """``facts`` as JSON."""
    path.write_text(json.dumps(facts, indent=2) + "\n")
