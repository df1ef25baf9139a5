"""Runs of acoustic and elastic with sources and receivers of any channels, in NumPy."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from helpers.calls import FRONT_ENDS, numpy
from helpers.full_space import Solid


class Source(NamedTuple):
    """Cell, samples [nt], and the tensor of a moment."""

    channel: str
    cell: Any
    signal: np.ndarray
    tensor: np.ndarray | None = None


def shift(channel: str, ndim: int) -> np.ndarray:
    """Cells from a cell's node to what a channel acts on or reads: half along its own axis."""
    return np.array([0.5 * (name == channel) for name in "zyx"[3 - ndim :]])


def delay(channel: str) -> float:
    """Time of sample 0 in steps."""
    rates = ("volume_rate", "pressure_rate", "moment")
    return 0.5 if channel in rates else 0.0


def lead(channel: str) -> float:
    """Time of a receiver's sample 0 in steps: stresses at whole steps, velocities half before."""
    return 0.0 if channel == "p" else -0.5


def solid_models(solid: Solid, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """The three models of a homogeneous solid."""
    mu = solid.rho * solid.vs**2
    values = {"lamb": solid.rho * solid.vp**2 - 2 * mu, "mu": mu, "buoyancy": 1 / solid.rho}
    return {name: np.full(shape, value) for name, value in values.items()}


def run(
    equation: str, models: dict[str, np.ndarray], sources: list[Source], receivers: Any, **more: Any
) -> dict[str, np.ndarray]:
    """Traces [receiver, nt] by channel; receivers: cells, for all channels of the dict's keys.

    more: grid_spacing, dt and any keyword of the call; front: of which framework.
    """
    front = FRONT_ENDS[more.pop("front", "torch")]()
    dtype = next(iter(models.values())).dtype
    arguments: dict[str, Any] = {**models, **more}
    for channel in dict.fromkeys(source.channel for source in sources):
        own = [source for source in sources if source.channel == channel]
        signals = np.stack([source.signal for source in own])[None]
        arguments[f"source_amplitudes_{channel}"] = signals.astype(dtype)
        arguments[f"source_locations_{channel}"] = np.array([[source.cell for source in own]])
        if channel == "moment":
            tensors = np.stack([source.tensor for source in own])[None]
            arguments["source_tensors_moment"] = tensors.astype(dtype)
    for channel, cells in receivers.items():
        arguments[f"receiver_locations_{channel}"] = np.asarray(cells)[None]
    out = front.call(arguments, equation)
    return {c: numpy(getattr(out, f"receiver_amplitudes_{c}"))[0] for c in receivers}
