"""The closing table as text and as JSON, and the numbers that go into it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np


def relative_error(values: np.ndarray, true: np.ndarray) -> float:
    """Norm of the difference, relative to the norm of what is true."""
    return _norm(values - true) / _norm(true)


def relative_difference(first: np.ndarray, second: np.ndarray, start: np.ndarray) -> float:
    """Norm of the difference of two results, relative to the norm of the first one's update."""
    return _norm(first - second) / _norm(first - start)


def _norm(values: np.ndarray) -> float:
    return float(np.linalg.norm(np.asarray(values, np.float64)))


def table(facts: dict) -> str:
    """``facts`` as text.

    Of these: what was run; "front ends", a row of numbers for each; "seconds, both"; "difference",
    numbers; "passed", what is required and whether it is met.
    """
    cells, iterations = facts["cells"], np.atleast_1d(facts["iterations"])
    title = (
        f"{facts['model']}, {' x '.join(map(str, cells))} cells of {facts['spacing, m']:g} m, "
        f"{facts['shots']} shots, {' + '.join(map(str, iterations))} iterations"
    )
    rows = facts["front ends"]
    differences = [f"difference: {name}" for name in facts["difference"]]
    width = 2 + max(map(len, [*next(iter(rows.values())), *differences, *facts["passed"]]))
    lines = ["", title, "", " " * width + "".join(f"{name:>12}" for name in rows)]
    for name in next(iter(rows.values())):
        values = "".join(f"{_number(name, row[name]):>12}" for row in rows.values())
        lines.append(f"{name:{width}}{values}")
    lines += ["", f"{'seconds, both':{width}}{facts['seconds, both']:12.1f}"]
    for name, value in facts["difference"].items():
        lines.append(f"{'difference: ' + name:{width}}{value:12.3g}")
    lines += [f"{name:{width}}{'yes' if ok else 'NO':>12}" for name, ok in facts["passed"].items()]
    return "\n".join(lines)


def _number(name: str, value: float) -> str:
    if "error" in name:
        return f"{value:.2%}"
    small = "misfit" in name or "correlation" in name
    return f"{value:.5f}" if small else f"{value:.1f}"


def write(facts: dict, path: Path) -> None:
    """``facts`` as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts, indent=2) + "\n")
