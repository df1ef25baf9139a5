"""The figure: true, start, both results, misfit curves, and what the results differ by."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from common.figure import misfits, save, section
from problem import Problem, Result

CELLS = {"interpolation": "nearest"}  # nothing between cells: that makes a small file


def draw(problem: Problem, results: dict[str, Result], path: Path) -> None:
    """Write the figure as PNG."""
    survey, spacing = problem.survey, problem.settings.spacing
    models = {"True": survey.true, "Start": survey.start}
    models |= {f"{name}'s network": result.speed for name, result in results.items()}
    figure, axes = plt.subplots(3, 2, figsize=(11.0, 8.4), layout="constrained")
    look = {"vmin": survey.true.min() / 1000.0, "vmax": survey.true.max() / 1000.0, **CELLS}
    for axis, (name, speed) in zip(axes.flat, models.items(), strict=False):
        image = section(axis, speed / 1000.0, spacing, cmap="viridis", **look)
        axis.set(title=name)
    figure.colorbar(image, ax=axes[:2], label="wave speed (km/s)", shrink=0.7)
    misfits(axes[2, 0], {name: result.misfits for name, result in results.items()})
    _difference(figure, axes[2, 1], results, spacing)
    save(figure, path)


def _difference(figure, axis, results: dict[str, Result], spacing: float) -> None:
    (first, a), (second, b) = results.items()
    values = b.speed - a.speed
    top = np.abs(values).max() or 1.0
    image = section(axis, values, spacing, cmap="RdBu", vmin=-top, vmax=top, **CELLS)
    figure.colorbar(image, ax=axis, label="m/s")
    axis.set(title=f"{second} minus {first}")
