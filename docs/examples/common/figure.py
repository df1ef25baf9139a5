"""Parts of the figures: a section, misfit curves, saving."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

matplotlib.use("Agg")  # no display is needed


def section(axis, values: np.ndarray, spacing: float, **look):
    """Draw ``values`` [depth, distance] over axes in km; ``spacing`` in m. Returns the image."""
    rows, columns = values.shape
    right, bottom = spacing / 1000.0 * (columns - 1), spacing / 1000.0 * (rows - 1)
    axis.set(xlabel="distance (km)", ylabel="depth (km)")
    return axis.imshow(values, extent=(0.0, right, bottom, 0.0), aspect="auto", **look)


def misfits(axis, curves: dict[str, list[float]]) -> None:
    """Draw each front end's curve, relative to its first value."""
    # The second curve lies on the first: a line, and markers upon it.
    for style, (name, curve) in zip(("-", "o"), curves.items(), strict=True):
        relative = [value / curve[0] for value in curve]
        axis.semilogy(relative, style, label=name, markerfacecolor="none")
    axis.set(title="Misfit", xlabel="iteration", ylabel="relative to the start")
    axis.grid(alpha=0.3, which="both")
    axis.legend()


def save(figure, path: Path) -> None:
    """Write ``figure`` as PNG and close it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)
