"""The figure: true perturbation, misfits, and both images from each front end."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from common.figure import misfits, save, section
from problem import Problem, Result


def draw(problem: Problem, results: dict[str, Result], path: Path) -> None:
    """Write the figure as PNG."""
    figure, axes = plt.subplots(3, 2, figsize=(12.0, 9.6), layout="constrained")
    spacing = problem.settings.spacing
    _image(axes[0, 0], problem.perturbation, spacing, "True perturbation")
    misfits(axes[0, 1], {name: result.misfits for name, result in results.items()})
    for column, (name, result) in enumerate(results.items()):
        _image(axes[1, column], result.rtm, spacing, f"RTM, {name}")
        _image(axes[2, column], result.lsrtm, spacing, f"Least-squares RTM, {name}")
    save(figure, path)


def _image(axis, values: np.ndarray, spacing: float, title: str) -> None:
    # Migration has no units: each image is drawn to its own scale.
    top = np.percentile(np.abs(values), 98)
    section(axis, values, spacing, cmap="gray", vmin=-top, vmax=top)
    axis.set(title=title)
