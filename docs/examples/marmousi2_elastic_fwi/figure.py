"""The figure: three parameters, true, at the start and as both front ends find them; misfits."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from common.figure import misfits, save, section
from problem import Problem, Result

LABELS = ("P waves (km/s)", "S waves (km/s)", "density (g/cm$^3$)")


def draw(problem: Problem, results: dict[str, Result], path: Path) -> None:
    """Write the figure as PNG."""
    models = {"True": problem.true, "Start": problem.start}
    models |= {name: result.parameters for name, result in results.items()}
    figure, axes = plt.subplots(5, 3, figsize=(15.0, 12.5), layout="constrained")
    for column, label in enumerate(LABELS):
        solid = problem.true[column, problem.water_rows :] / 1000.0
        limits = {"vmin": np.percentile(solid, 0.5), "vmax": np.percentile(solid, 99.5)}
        for axis, (name, values) in zip(axes[:, column], models.items(), strict=False):
            shown = values[column] / 1000.0
            image = section(axis, shown, problem.settings.spacing, cmap="viridis", **limits)
            axis.set(title=f"{name}: {label}", xlabel="")
        axis.set(xlabel="distance (km)")
        figure.colorbar(image, ax=axes[:4, column], shrink=0.6, aspect=40, location="bottom")
    for column in (0, 1):
        _profiles(axes[4, column], {k: v[column] for k, v in models.items()}, problem)
        axes[4, column].set(ylabel=LABELS[column])
    first, second = problem.settings.stages
    misfits(axes[4, 2], {name: result.misfits for name, result in results.items()})
    axes[4, 2].set(title=f"Misfit at {first.frequency:g} Hz, then at {second.frequency:g} Hz")
    axes[4, 2].axvline(first.iterations - 0.5, color="black", linestyle=":")
    save(figure, path)


def _profiles(axis, models: dict[str, np.ndarray], problem: Problem) -> None:
    spacing = problem.settings.spacing / 1000.0
    styles = {"True": "k-", "Start": "k:", "JAX": "--"}
    for name, values in models.items():
        column = values.shape[1] // 2
        depth = spacing * np.arange(values.shape[0])
        axis.plot(depth, values[:, column] / 1000.0, styles.get(name, "-"), label=name)
    axis.set(title=f"Down the line at {spacing * column:.1f} km", xlabel="depth (km)")
    axis.grid(alpha=0.3)
    axis.legend()
