"""The figure: true, start, both results, misfit curves, and the speed along one line down."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from common.figure import misfits, save, section
from problem import Problem, Result


def draw(problem: Problem, results: dict[str, Result], path: Path) -> None:
    """Write the figure as PNG."""
    spacing = problem.settings.spacing
    models = {"True": problem.true, "Start": problem.start}
    models |= {name: result.speed for name, result in results.items()}
    figure, axes = plt.subplots(3, 2, figsize=(12.0, 9.6), layout="constrained")
    limits = {"vmin": problem.true.min() / 1000.0, "vmax": problem.true.max() / 1000.0}
    for axis, (name, speed) in zip(axes.flat, models.items(), strict=False):
        image = section(axis, speed / 1000.0, spacing, cmap="viridis", **limits)
        axis.set(title=name)
    figure.colorbar(image, ax=axes[:2], label="wave speed (km/s)", shrink=0.7)
    misfits(axes[2, 0], {name: result.misfits for name, result in results.items()})
    _profiles(axes[2, 1], models, spacing / 1000.0)
    save(figure, path)


def _profiles(axis, models: dict[str, np.ndarray], spacing: float) -> None:
    styles = {"True": "k-", "Start": "k:"}
    for name, speed in models.items():
        column = speed.shape[1] // 2
        depth = spacing * np.arange(speed.shape[0])
        style = styles.get(name, "--" if name == "JAX" else "-")
        axis.plot(depth, speed[:, column] / 1000.0, style, label=name)
    axis.set(
        title=f"Down the line at {spacing * column:.1f} km",
        xlabel="depth (km)",
        ylabel="wave speed (km/s)",
    )
    axis.grid(alpha=0.3)
    axis.legend()
