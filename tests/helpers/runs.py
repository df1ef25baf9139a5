"""Small random runs for the engines, made without the code that prepares a call.

The PML profiles are written from the formulas here as well, so that an engine test does not lean on
the module that users' calls take them from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from dualwave.equations.table import Equation
from dualwave.layout import Description, state_entries
from dualwave.maps import Constants, Primal

CENTRAL = {
    2: (1 / 2,),
    4: (8 / 12, -1 / 12),
    6: (3 / 4, -3 / 20, 1 / 60),
    8: (4 / 5, -1 / 5, 4 / 105, -1 / 280),
}


@dataclass(frozen=True)
class Setup:
    """What a run is made of. region: model cells without the PML; pml: (low, high) per axis."""

    equation: Equation
    region: tuple[int, ...]
    spacing: tuple[float, ...]
    pml: tuple[int, ...]
    dt: float
    parameters: dict[str, np.ndarray]  # each [M, *region]
    accuracy: int = 4
    nt: int = 30
    shots: int = 2
    sources: int = 2
    receivers: int = 3
    taps: int = 1
    max_vel: float = 2500.0
    pml_freq: float = 25.0
    seed: int = 0
    state_scale: float = 0.0


@dataclass(frozen=True)
class Run:
    """Operands of the engine, and the cells [S, N, ndim] (in the region) behind them."""

    description: Description
    p: Primal
    constants: Constants
    source_cells: dict[str, np.ndarray] = field(default_factory=dict)
    receiver_cells: dict[str, np.ndarray] = field(default_factory=dict)


def make_run(setup: Setup) -> Run:
    """Random sources and receivers for every channel, on cells, or on `taps` nodes each."""
    rng = np.random.default_rng(setup.seed)
    equation, ndim = setup.equation, len(setup.region)
    n = tuple(
        r + lo + hi for r, lo, hi in zip(setup.region, setup.pml[::2], setup.pml[1::2], strict=True)
    )
    padded = {name: _pad(setup, model) for name, model in setup.parameters.items()}
    maps = equation.coefficient_map(padded, setup.dt)
    names = equation.coefficient_names(ndim)
    coefficients = np.stack([maps[name] for name in names], axis=1)
    model_of_shot = np.arange(setup.shots) % coefficients.shape[0]
    fields, cells = equation.fields(ndim), math.prod(n)

    actions = [a for kind in (equation.sources, equation.receivers) for a in kind(ndim).values()]
    taps = setup.taps * max(map(len, actions))

    def nodes_of(count: int, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
        # Not in the last cells: at the last half node of a staggered field nothing may happen.
        allowed = tuple(cells - 1 for cells in setup.region)
        total, size = math.prod(allowed), count * setup.taps
        flat = np.stack([rng.choice(total, size, replace=False) for _ in range(setup.shots)])
        where = np.stack(np.unravel_index(flat, allowed), axis=-1)
        node = np.ravel_multi_index(np.moveaxis(where + setup.pml[::2], -1, 0), n)
        node = node.reshape(setup.shots, count, setup.taps)
        found = np.full((setup.shots, count, taps), -1)
        for k, name in enumerate(names):
            own = node + fields.index(name) * cells
            found[:, :, k * setup.taps : (k + 1) * setup.taps] = own
        return found, where

    nodes, weights, source_cells = [], [], {}
    for channel, entries in equation.sources(ndim).items():
        node, source_cells[channel] = nodes_of(setup.sources, [entry.field for entry in entries])
        scale = np.zeros(node.shape)
        for k, entry in enumerate(entries):
            own = slice(k * setup.taps, (k + 1) * setup.taps)
            scale[:, :, own] = entry.scale
            if entry.coefficient is not None:
                grid = coefficients[model_of_shot, names.index(entry.coefficient)]
                flat, at = grid.reshape(setup.shots, cells), node[:, :, own]
                taken = np.take_along_axis(flat, (at % cells).reshape(setup.shots, -1), axis=1)
                scale[:, :, own] *= taken.reshape(at.shape)
        nodes.append(node)
        weights.append(scale * (rng.uniform(0.5, 1.5, node.shape) if setup.taps > 1 else 1.0))
    receiver_nodes, receiver_weights, receiver_cells = [], [], {}
    for channel, entries in equation.receivers(ndim).items():
        node, receiver_cells[channel] = nodes_of(
            setup.receivers, [entry.field for entry in entries]
        )
        receiver_nodes.append(node)
        scale = np.repeat([entry.scale for entry in entries], setup.taps)
        padded_scale = np.pad(scale, (0, taps - scale.size))
        receiver_weights.append(np.broadcast_to(padded_scale, node.shape))
    source_nodes, recorded = np.concatenate(nodes, 1), np.concatenate(receiver_nodes, 1)
    description = Description(
        equation=equation.name,
        ndim=ndim,
        accuracy=setup.accuracy,
        n=n,
        spacing=setup.spacing,
        pml=setup.pml,
        nt=setup.nt,
        shots=setup.shots,
        sources=source_nodes.shape[1],
        receivers=recorded.shape[1],
        source_taps=taps,
        receiver_taps=taps,
        gradients=coefficients.shape[0],
        dtype="float64",
    )
    elements = sum(math.prod(s) for _, s in state_entries(equation, ndim, n, setup.pml))
    uniform = rng.uniform(0.5, 1.5, recorded.shape)
    p = Primal(
        coefficients=coefficients,
        amplitudes=rng.standard_normal((setup.shots, source_nodes.shape[1], setup.nt)),
        source_weights=np.concatenate(weights, 1),
        receiver_weights=np.concatenate(receiver_weights, 1) * (uniform if setup.taps > 1 else 1.0),
        state=setup.state_scale * rng.standard_normal((setup.shots, elements)),
    )
    constants = Constants(
        source_nodes=source_nodes.astype(np.int32),
        receiver_nodes=recorded.astype(np.int32),
        model_index=np.broadcast_to(model_of_shot, (5, setup.shots)).astype(np.int32),
        profiles=pml_profiles(setup, n),
    )
    return Run(description, p, constants, source_cells, receiver_cells)


def random_direction(p: Primal, seed: int = 1, models: int | None = None) -> Primal:
    """A direction of the size of the operands, and of each coefficient grid, in each of them."""
    rng = np.random.default_rng(seed)
    sizes = [np.full(x.ndim * (1,), np.abs(x).max(initial=0.0)) for x in p]
    grids = p.coefficients
    sizes[0] = np.abs(grids).max(axis=(0, *range(2, grids.ndim)), keepdims=True)
    shapes = [x.shape for x in p]
    shapes[0] = (models or grids.shape[0], *grids.shape[1:])
    return Primal(
        *(
            np.where(size > 0, size, 1.0) * rng.standard_normal(shape)
            for size, shape in zip(sizes, shapes, strict=True)
        )
    )


def pml_profiles(setup: Setup, n: tuple[int, ...]) -> np.ndarray:
    """The rows a, b, db, a_half, b_half of every axis, one after the other."""
    rows = []
    for axis, cells in enumerate(n):
        widths = setup.pml[2 * axis : 2 * axis + 2]
        halo = setup.accuracy // 2
        position = np.arange(-halo, cells + halo, dtype=float)
        a, b = _damping(setup, axis, position, widths, cells)
        weights = CENTRAL[setup.accuracy]
        slope = sum(
            w * (b[halo + k : halo + k + cells] - b[halo - k : halo - k + cells])
            for k, w in enumerate(weights, start=1)
        )
        inside = slice(halo, halo + cells)
        rows += [a[inside], b[inside], slope / setup.spacing[axis]]
        rows += [x[inside] for x in _damping(setup, axis, position + 0.5, widths, cells)]
    return np.concatenate(rows)


def _damping(setup, axis, position, widths, cells):
    sigma, alpha = np.zeros_like(position), np.zeros_like(position)
    for width, depth in zip(
        widths, (widths[0] - position, position - (cells - 1 - widths[1])), strict=True
    ):
        if width == 0:
            continue
        length = width * setup.spacing[axis]
        fraction = np.clip(depth / width, 0, 1)
        largest = -3 * setup.max_vel * math.log(1e-3) / (2 * length)
        inside = fraction > 0
        sigma[inside] = (largest * fraction**2)[inside]
        alpha[inside] = (math.pi * setup.pml_freq * (1 - fraction))[inside]
    inside = sigma > 0
    total = np.where(inside, sigma + alpha, 1.0)
    a = np.where(inside, np.exp(-total * setup.dt), 0.0)
    return a, np.where(inside, sigma / total * (a - 1), 0.0)


def _pad(setup: Setup, model: np.ndarray) -> np.ndarray:
    widths = list(zip(setup.pml[::2], setup.pml[1::2], strict=True))
    return np.pad(model, [(0, 0), *widths], mode="edge")
