"""The figure: true, start, both results, misfit curves, and the speed along one line down."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from problem import Problem, Result

matplotlib.use("Agg")  # no display is needed


def draw(problem: Problem, results: dict[str, Result], path: Path) -> None:
    """Write the figure as PNG."""
    rows, columns = problem.true.shape
    spacing = problem.settings.spacing / 1000.0
    extent = (0.0, spacing * (columns - 1), spacing * (rows - 1), 0.0)
    models = {"True": problem.true, "Start": problem.start}
    models |= {name: result.speed for name, result in results.items()}
    figure, axes = plt.subplots(3, 2, figsize=(12.0, 9.6), layout="constrained")
    limits = {"vmin": problem.true.min() / 1000.0, "vmax": problem.true.max() / 1000.0}
    for axis, (name, speed) in zip(axes.flat, models.items(), strict=False):
        image = axis.imshow(speed / 1000.0, extent=extent, cmap="viridis", aspect="auto", **limits)
        axis.set(title=name, xlabel="distance (km)", ylabel="depth (km)")
    figure.colorbar(image, ax=axes[:2], label="wave speed (km/s)", shrink=0.7)
    _misfits(axes[2, 0], results)
    _profiles(axes[2, 1], models, spacing)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _misfits(axis, results: dict[str, Result]) -> None:
    # The second curve lies on the first: a line, and markers upon it.
    for style, (name, result) in zip(("-", "o"), results.items(), strict=True):
        first = result.misfits[0]
        axis.semilogy(
            [m / first for m in result.misfits], style, label=name, markerfacecolor="none"
        )
    axis.set(title="Misfit", xlabel="iteration", ylabel="relative to the start")
    axis.grid(alpha=0.3, which="both")
    axis.legend()


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
