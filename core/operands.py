"""From a checked call to the operands of the map ``forward``, in array arithmetic.

All of it is differentiated by the framework: padding, coefficients, resampling, weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .framework import Array, Framework
from .interpolation import IGNORED, OUTSIDE
from .layout import Description, pack
from .maps import Constants, Primal
from .pml import PmlSpec, profiles
from .points import Taps
from .resampling import upsample
from .setup import Setup
from .survey import cells_to_nodes, extend_field, extract_model


def assemble(fw: Framework, setup: Setup) -> tuple[Description, Primal, Constants]:
    """The operands of the map ``forward``."""
    description, like = setup.description, setup.inputs.like
    coefficients = _coefficients(fw, setup, description)
    sources = [_source(fw, setup, entry, coefficients) for entry in setup.sources]
    receivers = [_receiver(fw, setup, entry) for entry in setup.receivers]
    source_nodes, source_weights = _joined(fw, sources, description.source_taps, setup)
    receiver_nodes, receiver_weights = _joined(fw, receivers, description.receiver_taps, setup)
    shots, models = description.shots, coefficients.shape[0]
    index = np.zeros((5, shots), np.int32) + (np.arange(shots, dtype=np.int32) if models > 1 else 0)
    primal = Primal(
        coefficients=coefficients,
        amplitudes=_amplitudes(fw, setup),
        source_weights=source_weights,
        receiver_weights=receiver_weights,
        state=_state(fw, setup, description),
    )
    constants = Constants(
        source_nodes=source_nodes,
        receiver_nodes=receiver_nodes,
        model_index=fw.asarray(index.astype(np.int32), dtype="int32", like=like),
        profiles=fw.asarray(profiles(_pml_spec(setup)), dtype=description.dtype, like=like),
    )
    return description, primal, constants


def _pml_spec(setup: Setup) -> PmlSpec:
    return PmlSpec(
        n=setup.region.n,
        widths=setup.region.pml,
        spacing=setup.spacing,
        dt=setup.internal_dt,
        max_vel=setup.max_vel,
        pml_freq=setup.pml_freq,
        accuracy=setup.options.accuracy,
    )


def _coefficients(fw: Framework, setup: Setup, description: Description) -> Array:
    """Coefficient grids [M, K, *n]."""
    grids = {k: extract_model(fw, m, setup.region) for k, m in setup.inputs.models.items()}
    values = setup.equation.coefficient_map(grids, setup.internal_dt)
    shape = (description.gradients, *description.n)
    names = setup.equation.coefficient_names(description.ndim)
    return fw.xp.stack([fw.xp.broadcast_to(values[name], shape) for name in names], axis=1)


def _nodes(fw: Framework, setup: Setup, entry: Taps, field: str) -> tuple[Array, Array]:
    """Nodes and weights [S, N, P] of points in a field."""
    number = setup.equation.fields(setup.inputs.ndim).index(field)
    like = setup.inputs.like
    # Known points come as NumPy arrays.
    nodes = cells_to_nodes(entry.points.fw, entry.cells, setup.region, number)
    nodes = fw.asarray(nodes, dtype="int32", like=like)
    weights = fw.asarray(entry.weights, dtype=fw.dtype_name(like), like=like)
    if entry.known is None and setup.backend == "eager":
        # The compiled core refuses a node outside the grid; the eager engine cannot, under tracing.
        outside = nodes == OUTSIDE
        weights = fw.xp.where(outside, fw.xp.full_like(weights, float("nan")), weights)
        nodes = fw.xp.where(outside, fw.xp.zeros_like(nodes), nodes)
    return nodes, weights


def _source(fw: Framework, setup: Setup, entry: Taps, coefficients: Array) -> tuple[Array, Array]:
    """Nodes of sources, and what a unit of amplitude adds there in a step."""
    ndim = setup.inputs.ndim
    channel = setup.equation.source_channels(ndim)[entry.points.channel]
    nodes, weights = _nodes(fw, setup, entry, channel.field)
    if channel.coefficient is None:
        return nodes, channel.scale * weights
    grid = coefficients[:, setup.equation.coefficient_names(ndim).index(channel.coefficient)]
    models, count = grid.shape[0], int(np.prod(setup.region.n))
    rows = (models, -1)
    cells = fw.xp.where(nodes < 0, fw.xp.zeros_like(nodes), nodes % count)
    here = fw.gather(fw.xp.reshape(grid, (models, count)), fw.xp.reshape(cells, rows))
    return nodes, channel.scale * fw.xp.reshape(here, tuple(nodes.shape)) * weights


def _receiver(fw: Framework, setup: Setup, entry: Taps) -> tuple[Array, Array]:
    field = setup.equation.receiver_channels(setup.inputs.ndim)[entry.points.channel]
    return _nodes(fw, setup, entry, field)


def _joined(
    fw: Framework, channels: Sequence[tuple[Array, Array]], taps: int, setup: Setup
) -> tuple[Array, Array]:
    """Nodes and weights of all channels, one after the other, with the same number of taps."""
    none = _zeros(fw, (setup.inputs.shots, 0, taps), setup.inputs.like)
    all_nodes, all_weights = [fw.xp.astype(none, fw.dtype("int32"))], [none]
    for nodes, weights in channels:
        missing = [(0, taps - nodes.shape[2])]
        # A node that is not there is IGNORED, which is -1.
        all_nodes.append(fw.pad_zero(nodes - IGNORED, missing) + IGNORED)
        all_weights.append(fw.pad_zero(weights, missing))
    return fw.xp.concat(all_nodes, axis=1), fw.xp.concat(all_weights, axis=1)


def _amplitudes(fw: Framework, setup: Setup) -> Array:
    """Amplitudes of all sources at the inner time steps, [S, Ns, nt]."""
    inputs, o = setup.inputs, setup.options
    if not setup.sources:
        return _zeros(fw, (inputs.shots, 0, setup.steps), inputs.like)
    given = [inputs.amplitudes[entry.points.channel] for entry in setup.sources]
    joined = given[0] if len(given) == 1 else fw.xp.concat(given, axis=1)
    if setup.step_ratio == 1:
        return joined
    return upsample(fw, joined, setup.step_ratio, o.freq_taper_frac, o.time_pad_frac, o.time_taper)


def _state(fw: Framework, setup: Setup, description: Description) -> Array:
    """The packed initial state [S, E]."""
    inputs, wavefields = setup.inputs, setup.equation.wavefields
    if not inputs.fields and not inputs.memory:
        return _zeros(fw, (inputs.shots, description.state_size), inputs.like)
    arrays = dict(inputs.memory)
    for name, field in inputs.fields.items():
        arrays[wavefields[name]] = extend_field(fw, field, setup.region, name)
    entries = description.state_entries()
    for name, shape in entries:
        if name not in arrays:
            arrays[name] = _zeros(fw, (inputs.shots, *shape), inputs.like)
    return pack(fw, entries, arrays)


def _zeros(fw: Framework, shape: tuple[int, ...], like: Array) -> Array:
    place = {"device": like.device} if fw.name == "torch" else {}
    return fw.xp.zeros(shape, dtype=like.dtype, **place)
