"""The figures of the guides: runs the Python blocks of each page and draws what they computed.

    python docs/examples/guides/figures.py [--out FOLDER]

Writes guide_pytorch.png, guide_jax.png and guide_transforms.png.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import matplotlib.pyplot as plt
import numpy as np
from common.figure import save

DOCS = Path(__file__).parents[2]
SPACING = 5.0  # m, of all pages
SPEEDS = {"cmap": "viridis", "vmin": 1850.0, "vmax": 2100.0}


def blocks(page: str) -> dict[str, Any]:
    """The names that the blocks of a page leave behind."""
    path, names = DOCS / page, {}
    for text in re.findall(r"^```python\n(.*?)^```$", path.read_text("utf-8"), re.M | re.S):
        exec(compile(text, str(path), "exec"), names)
    return names


def numpy(x: Any) -> np.ndarray:
    """An array of either framework."""
    return np.asarray(x.detach() if hasattr(x, "detach") else x)


def panel(figure, axis, values: Any, title: str, **look) -> None:
    """An image over axes in metres."""
    values = numpy(values)
    bottom, right = (SPACING * (n - 0.5) for n in values.shape)
    edge = -SPACING / 2
    image = axis.imshow(values, extent=(edge, right, bottom, edge), **look)
    axis.set(title=title, xlabel="distance (m)", ylabel="depth (m)")
    bar = figure.colorbar(image, ax=axis, shrink=0.8)
    bar.formatter.set_powerlimits((-2, 4))


def points(axis, places: Any, style: str, size: float) -> None:
    """Locations [..., axis], in cells, upon a panel."""
    z, x = SPACING * numpy(places).reshape(-1, 2).T
    axis.plot(x, z, style, color="white", markeredgecolor="black", markeredgewidth=0.5,
              markersize=size)  # fmt: skip


def signed(values: Any, percent: float = 99.5) -> dict[str, Any]:
    """Colours on both sides of zero. Cells beside sources are beyond the scale."""
    top = np.percentile(np.abs(numpy(values)), percent)
    return {"cmap": "RdBu", "vmin": -top, "vmax": top}


def curve(axis, values: list[float], title: str) -> None:
    """Relative to its first value, by iteration."""
    axis.semilogy(np.array(values) / values[0], "o-", markersize=4)
    axis.set(title=f"{title}, relative to the first", xlabel="step")
    axis.grid(alpha=0.3, which="both")


def draw_pytorch(page: dict[str, Any], path: Path) -> None:
    """An inversion, and a gradient before and after division by the illumination."""
    figure, axes = plt.subplots(2, 3, figsize=(12.0, 5.4), layout="constrained")
    panel(figure, axes[0, 0], page["true"], "True speed (m/s)", **SPEEDS)
    points(axes[0, 0], page["receivers"][0], ".", 4)
    points(axes[0, 0], page["sources"], "o", 7)
    panel(figure, axes[0, 1], page["found"], "Found by Adam (m/s)", **SPEEDS)
    curve(axes[0, 2], page["misfits"], "Misfit")
    gradient, scaled = page["gradient"], page["scaled"]
    panel(figure, axes[1, 0], gradient, "Gradient at the start", **signed(gradient))
    light = np.log10(numpy(page["diagonal"] / page["diagonal"].max()))
    panel(figure, axes[1, 1], light, "Illumination, log10", cmap="magma")
    panel(figure, axes[1, 2], scaled, "Gradient over illumination", **signed(scaled))
    save(figure, path)


def draw_jax(page: dict[str, Any], path: Path) -> None:
    """The gradients of the shots, their sum, and what the inversion finds."""
    figure, axes = plt.subplots(2, 3, figsize=(12.0, 5.4), layout="constrained")
    for shot, axis in enumerate(axes[:, :2].flat):
        gradient = page["each"][shot]
        panel(figure, axis, gradient, f"Gradient of shot {shot}", **signed(gradient, 99.0))
        points(axis, page["receivers"][0], ".", 4)
        points(axis, page["sources"][shot], "o", 7)
    total = page["each"].sum(0)
    panel(figure, axes[0, 2], total, "Sum: gradient of the batch", **signed(total))
    panel(figure, axes[1, 2], page["found"], "Found by Adam (m/s)", **SPEEDS)
    save(figure, path)


def draw_transforms(page: dict[str, Any], path: Path) -> None:
    """Scattered records, Taylor remainders, and both parts of a product with the Hessian."""
    figure, axes = plt.subplots(2, 2, figsize=(11.0, 6.6), layout="constrained")
    traces(axes[0, 0], numpy(page["scattered"])[0], numpy(page["born"][-1])[0], page["dt"])
    remainders(axes[0, 1], *(numpy(page[name]) for name in ("h", "first", "second")))
    shown = {"J* J d": page["gauss_newton"], "H d - J* J d": page["product"] - page["gauss_newton"]}
    for axis, (title, values) in zip(axes[1], shown.items(), strict=True):
        panel(figure, axis, values, title, **signed(values, 99.0))
    for axis in axes[1]:
        d = numpy(page["d64"])
        z, x = (SPACING * np.arange(n) for n in d.shape)
        axis.contour(x, z, d, [d.max() / 2], colors="black", linewidths=0.8, linestyles="--")
    save(figure, path)


def traces(axis, line: np.ndarray, dots: np.ndarray, dt: float) -> None:
    """Records [receiver, time] of both ways, each receiver one step further up."""
    step = 1.3 * np.abs(line).max()
    time = 1000 * dt * np.arange(line.shape[1])
    for row, (own, other) in enumerate(zip(line, dots, strict=True)):
        label = {"label": "jvp of scalar"}, {"label": "scalar_born"}
        axis.plot(time, own + row * step, "C0", **label[0] if row == 0 else {})
        axis.plot(time[::3], (other + row * step)[::3], "C1o", markersize=3.5,
                  markerfacecolor="none", **label[1] if row == 0 else {})  # fmt: skip
    axis.set(title="Scattered record, J d", xlabel="time (ms)", ylabel="receiver",
             yticks=step * np.arange(len(line)), yticklabels=range(len(line)))  # fmt: skip
    axis.legend(loc="upper left")


def remainders(axis, h: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    """What Taylor's series leaves, beside the slopes that it should have."""
    axis.loglog(h, first, "o", color="C0", label="after the gradient")
    axis.loglog(h, second, "s", color="C1", label="after the Hessian product")
    for values, slope in ((first, 2), (second, 3)):
        axis.loglog(h, values[0] * (h / h[0]) ** slope, "--", color="gray", linewidth=1)
        middle = len(h) // 2
        axis.annotate(f"slope {slope}", (h[middle], values[middle]), (8, -14),
                      textcoords="offset points")  # fmt: skip
    axis.set(title="Taylor test: what remains of the misfit's change", xlabel="h")
    axis.grid(alpha=0.3)
    axis.legend()


PAGES = {
    "pytorch": ("pytorch.md", draw_pytorch),
    "jax": ("jax.md", draw_jax),
    "transforms": ("transforms_guide.md", draw_transforms),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the figures")
    out = parser.parse_args().out
    for name, (page, draw) in PAGES.items():
        draw(blocks(page), out / f"guide_{name}.png")
        print(out / f"guide_{name}.png")


if __name__ == "__main__":
    main()
