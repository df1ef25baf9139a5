"""Calls drawn at random: any equation, grid, faces, points, state and options that go together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from dualwave.call import tensor_channels
from dualwave.form import suffix
from helpers.calls import wavelet
from helpers.equations import EQUATIONS, NAMES, random_models
from helpers.joint import state_of

SIZES = {1: (12, 40), 2: (10, 16), 3: (9, 11)}
DTYPES = {"float64": 1e-10, "float32": 3e-4}
"""Tolerances. Grids are rough and times short: rounding is all that there is."""
CHOICES = {
    "ndim": st.sampled_from((1, 2, 2, 3)),
    "accuracy": st.sampled_from((2, 4, 6, 8)),
    "nt": st.integers(1, 24),
    "coarse": st.booleans(),
    "shots": st.integers(1, 3),
    "own_models": st.booleans(),
    "starts": st.booleans(),
    "between": st.booleans(),
    "masked": st.booleans(),
    "survey": st.booleans(),
    "region": st.booleans(),
    "storage": st.sampled_from(("auto", "checkpoint", "full", "disk", "boundary", "callbacks")),
    "dtype": st.sampled_from(tuple(DTYPES)),
    "seed": st.integers(0, 2**16),
}


@st.composite
def calls(draw: Callable) -> tuple[str, dict[str, Any], dict[str, Any], str]:
    """An equation, what its results depend on smoothly, the other arguments, and the dtype."""
    equation = draw(st.sampled_from(NAMES))
    c = {name: draw(choices) for name, choices in CHOICES.items()}
    table, rng, ndim = EQUATIONS[equation], np.random.default_rng(c["seed"]), c["ndim"]
    low, high = SIZES[ndim]
    space = tuple(draw(st.integers(max(low, c["accuracy"]), high)) for _ in range(ndim))
    faces = [draw(st.sampled_from(("pml", *table.faces))) for _ in range(2 * ndim)]
    pml = [draw(st.integers(0, 4)) if face == "pml" else 0 for face in faces]
    dt = 2.4e-3 if c["coarse"] else 6e-4
    models = random_models(equation, (c["shots"], *space) if c["own_models"] else space, rng)
    smooth, fixed = _points(equation, c, space, dt, rng)
    fixed |= {
        "grid_spacing": [5.0, 6.0, 5.5][:ndim],
        "dt": dt,
        "accuracy": c["accuracy"],
        "pml_width": pml,
        "boundary": faces,
        "max_vel": 2600.0,
        "pml_freq": 60.0,
        "nt": c["nt"],
        **_storage(c["storage"], equation),
    }
    if c["starts"] or not smooth:  # without either nothing moves
        smooth |= state_of(table, space, pml, 50.0, c["shots"])
        fixed["origin"] = [0] * ndim
    elif c["survey"]:
        fixed["survey_pad"] = draw(st.integers(c["accuracy"], 9))
    if c["region"]:
        ends = [sorted(rng.choice(n + 1, 2, replace=False)) for n in space]
        fixed["grad_region"] = [(int(a), int(b)) for a, b in ends]
    return equation, models | smooth, fixed, c["dtype"]


def _points(
    equation: str, c: dict[str, Any], space: tuple[int, ...], dt: float, rng: np.random.Generator
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Amplitudes and tensors; locations and masks. A channel may have none."""
    table, ndim, shots = EQUATIONS[equation], c["ndim"], c["shots"]
    smooth: dict[str, Any] = {}
    fixed: dict[str, Any] = {"location_interpolation_halfwidth": int(rng.integers(1, 4))}

    def place(kind: str, end: str, count: int) -> None:
        # Some fields are held at zero in the first cell or end in the last; between cells two
        # more are used before and three after.
        first, last = (3, 4) if c["between"] else (1, 1)
        box = [n - first - last for n in space]
        flat = np.stack([rng.permutation(np.prod(box))[:count] for _ in range(shots)])
        cells = first + np.stack(np.unravel_index(flat, box), axis=-1)
        fixed[f"{kind}_locations{end}"] = cells + rng.uniform(0.1, 0.4, cells.shape) * c["between"]
        if c["masked"]:
            fixed[f"{kind}_mask{end}"] = rng.random((shots, count)) < 0.7

    for channel, actions in table.sources(ndim).items():
        count = int(rng.integers(0, 3))
        if not count:
            continue
        end, size = suffix(channel), 1 / dt if actions[0].rate else 1.0
        smooth[f"source_amplitudes{end}"] = (
            size * rng.normal(size=(shots, count, 1)) * wavelet(c["nt"], dt, 60.0)
        )
        place("source", end, count)
        if channel in tensor_channels(table):
            smooth[f"source_tensors{end}"] = rng.normal(size=(shots, count, ndim, ndim))
    for channel in table.receivers(ndim):
        if count := int(rng.integers(0, 4)):
            place("receiver", suffix(channel), count)
    return smooth, fixed


def _storage(kind: str, equation: str) -> dict[str, Any]:
    if kind == "callbacks":
        return {"forward_callback": lambda state: None, "callback_frequency": 5}
    if kind == "disk":
        return {"gradient_storage": "full", "storage_mode": "disk"}
    if kind == "boundary" and equation == "damped":
        kind = "full"  # where waves lose energy the boundary is not enough
    return {"gradient_storage": kind}
