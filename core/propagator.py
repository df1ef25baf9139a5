"""The whole of a call, once for all equations and frameworks.

Arguments -> checks and decisions (``setup.py``) -> operands of the map ``forward`` -> its results
-> a named tuple. All but the map is array arithmetic that the framework differentiates itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import engine
from .call import Call, bind, signature, suffix
from .docstrings import docstring
from .equations import Equation, register
from .framework import Array, Framework
from .interpolation import IGNORED, OUTSIDE
from .layout import Description, pack, unpack
from .maps import Constants, Primal
from .output import AuxiliaryState, output_class
from .pml import PmlSpec, profiles
from .points import Taps
from .resampling import downsample, upsample
from .setup import Setup, prepare
from .survey import cells_to_nodes, extend_field, extract_model

Forward = Callable[[Description, Primal, Constants], tuple[Array, Array]]
"""A backend's map: receivers [S, Nr, nt] and final state [S, E]."""


def public_function(
    fw: Framework, equation: Equation, compiled: Callable[..., Forward]
) -> Callable[..., Any]:
    """The function that users call for an equation.

    Args:
        compiled: gives the compiled backend's ``forward``, loading it at first use. Its keywords,
            if any, become keywords of the function.

    Returns:
        A function with the signature and docstring of the equation, and two attributes:
        ``equation``, and ``framework`` for ``plan()``.
    """
    form, extra = signature(register(equation), compiled)

    def function(*args: Any, **keywords: Any) -> Any:
        own = {name: keywords.pop(name) for name in extra if name in keywords}
        call = bind(equation, form, args, keywords)
        return propagate(fw, equation, functools.partial(compiled, **own), call)

    function.__name__ = function.__qualname__ = equation.name
    function.__module__ = f"dualwave.{fw.name}"
    function.__doc__ = docstring(equation, fw.name)
    function.__signature__ = form  # type: ignore[attr-defined]
    function.equation, function.framework = equation, fw  # type: ignore[attr-defined]
    return function


def propagate(
    fw: Framework, equation: Equation, compiled: Callable[[], Forward], call: Call
) -> Any:
    """Check a call, run it, and name its results."""
    setup = prepare(fw, equation, call)
    eager = functools.partial(engine.forward, fw, equation)
    forward = eager if setup.backend == "eager" else compiled()
    description, primal, constants = assemble(fw, setup)
    receivers, state = forward(description, primal, constants)
    output = _output(fw, setup, description, receivers, state)
    if setup.options.check_output_finite:
        _check_finite(fw, output)
    return output


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


def _output(
    fw: Framework, setup: Setup, description: Description, receivers: Array, state: Array
) -> Any:
    equation, o = setup.equation, setup.options
    if setup.step_ratio > 1:
        receivers = downsample(
            fw, receivers, setup.step_ratio, o.freq_taper_frac, o.time_pad_frac, o.time_taper
        )
    arrays = unpack(fw, description.state_entries(), state)
    fields = equation.fields(description.ndim)
    values = {k: arrays[f] for k, f in equation.wavefields.items() if f in fields}
    values["auxiliary_state"] = AuxiliaryState(
        {name: x for name, x in arrays.items() if name not in fields}, setup.settings
    )
    start, found = 0, {}
    for entry in setup.receivers:
        found[entry.points.channel] = receivers[:, start : start + entry.points.count, :]
        start += entry.points.count
    for channel in equation.receivers:
        values[f"receiver_amplitudes{suffix(channel)}"] = found.get(channel, receivers[:, :0, :])
    cls = output_class(equation)
    return cls(**{name: values.get(name) for name in cls._fields})


def _check_finite(fw: Framework, output: Any) -> None:
    for name, value in output._asdict().items():
        for x in value.values() if isinstance(value, dict) else (value,):
            fine = None if x is None else fw.concrete(fw.xp.all(fw.xp.isfinite(x)))
            if fine is not None and not fine.all():
                raise FloatingPointError(
                    f"{name}: has values that are NaN or infinite. The amplitudes or initial "
                    "wavefields may be too large for the dtype, or max_vel below the model's "
                    "largest speed. check_output_finite=False returns them."
                )


def _zeros(fw: Framework, shape: tuple[int, ...], like: Array) -> Array:
    place = {"device": like.device} if fw.name == "torch" else {}
    return fw.xp.zeros(shape, dtype=like.dtype, **place)
