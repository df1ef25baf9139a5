"""From a checked call to the operands of its map, in array arithmetic.

All of it is differentiated by the framework: padding, coefficients, resampling, weights.
"""

from __future__ import annotations

import numpy as np

from .actions import joined, receiver_nodes, source_nodes, zeros
from .form import memory_name
from .framework import Array, Framework
from .inputs import Inputs
from .layout import Description, pack
from .maps import Constants, Primal
from .pml import PmlSpec, profiles
from .resampling import upsample
from .setup import Setup
from .survey import extend_field, extract_model


def assemble(fw: Framework, setup: Setup) -> tuple[Description, Primal, Primal, Constants]:
    """The run, the operands of its map, the direction in their space, and the constants.

    The direction, for a call with a scattered field, is that of the changes of the models.
    """
    description, like, inputs = setup.description, setup.inputs.like, setup.inputs

    def of_models(models: dict[str, Array]) -> tuple[Array, Array]:
        """The operands that depend on the models: coefficients and weights of the sources."""
        coefficients = _coefficients(fw, setup, description, models)
        return coefficients, _sources(fw, setup, description, coefficients)[1]

    if setup.form.scattered:
        values, changes = _with_changes(fw, inputs)
        (coefficients, weights), turned = fw.jvp(of_models, values, changes)
    else:
        coefficients, weights = of_models(dict(inputs.models))
        turned = (None, None)
    receivers = [receiver_nodes(fw, setup, entry) for entry in setup.receivers]
    receiver_taps = joined(fw, receivers, description.receiver_taps, setup)
    shots, models = description.shots, coefficients.shape[0]
    index = np.zeros((5, shots), np.int32) + (np.arange(shots, dtype=np.int32) if models > 1 else 0)
    primal = Primal(
        coefficients=coefficients,
        amplitudes=_amplitudes(fw, setup),
        source_weights=weights,
        receiver_weights=receiver_taps[1],
        state=_state(fw, setup, description, 0),
    )
    direction = Primal(
        coefficients=turned[0],
        source_weights=turned[1],
        state=_state(fw, setup, description, 1) if setup.form.scattered else None,
    )
    constants = Constants(
        source_nodes=_sources(fw, setup, description, None)[0],
        receiver_nodes=receiver_taps[0],
        model_index=fw.asarray(index.astype(np.int32), dtype="int32", like=like),
        profiles=fw.asarray(profiles(_pml_spec(setup)), dtype=description.dtype, like=like),
    )
    return description, primal, direction, constants


def _with_changes(fw: Framework, inputs: Inputs) -> tuple[dict, dict]:
    """Models and their changes, each pair of one shape; a change that is not given is zero."""
    values, changes = {}, {}
    for name, model in inputs.models.items():
        change = inputs.perturbations.get(name)
        if change is None:
            change = fw.xp.zeros_like(model)
        shape = (max(model.shape[0], change.shape[0]), *model.shape[1:])
        values[name] = fw.xp.broadcast_to(model, shape)
        changes[name] = fw.xp.broadcast_to(change, shape)
    return values, changes


def _sources(
    fw: Framework, setup: Setup, description: Description, coefficients: Array | None
) -> tuple[Array, Array]:
    """Nodes and weights of all sources; without coefficients only the nodes count."""
    sources = [source_nodes(fw, setup, entry, coefficients) for entry in setup.sources]
    return joined(fw, sources, description.source_taps, setup)


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


def _coefficients(
    fw: Framework, setup: Setup, description: Description, models: dict[str, Array]
) -> Array:
    """Coefficient grids [M, K, *n]."""
    grids = {name: extract_model(fw, model, setup.region) for name, model in models.items()}
    values = setup.equation.coefficient_map(grids, setup.internal_dt)
    shape = (description.gradients, *description.n)
    names = setup.equation.coefficient_names(description.ndim)
    return fw.xp.stack([fw.xp.broadcast_to(values[name], shape) for name in names], axis=1)


def _amplitudes(fw: Framework, setup: Setup) -> Array:
    """Amplitudes of all sources at the inner time steps, [S, Ns, nt]."""
    inputs, o = setup.inputs, setup.options
    if not setup.sources:
        return zeros(fw, (inputs.shots, 0, setup.steps), inputs.like)
    given = [inputs.amplitudes[entry.points.channel] for entry in setup.sources]
    joined = given[0] if len(given) == 1 else fw.xp.concat(given, axis=1)
    if setup.step_ratio == 1:
        return joined
    return upsample(fw, joined, setup.step_ratio, o.freq_taper_frac, o.time_pad_frac, o.time_taper)


def _state(fw: Framework, setup: Setup, description: Description, level: int) -> Array:
    """The packed initial state [S, E] of a level."""
    inputs, wavefields = setup.inputs, setup.form.wavefields
    entries = description.state_entries()
    arrays = {}
    for name, field in inputs.fields.items():
        if wavefields[name][0] == level:
            arrays[wavefields[name][1]] = extend_field(fw, field, setup.region, name)
    for name, _ in entries:
        if memory_name(name, level) in inputs.memory:
            arrays[name] = inputs.memory[memory_name(name, level)]
    if not arrays:
        return zeros(fw, (inputs.shots, description.state_size), inputs.like)
    for name, shape in entries:
        if name not in arrays:
            arrays[name] = zeros(fw, (inputs.shots, *shape), inputs.like)
    return pack(fw, entries, arrays)
