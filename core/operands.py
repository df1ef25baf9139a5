"""From a checked call to the operands of the map ``forward``, in array arithmetic.

All of it is differentiated by the framework: padding, coefficients, resampling, weights.
"""

from __future__ import annotations

import numpy as np

from .actions import joined, receiver_nodes, source_nodes, zeros
from .framework import Array, Framework
from .layout import Description, pack
from .maps import Constants, Primal
from .pml import PmlSpec, profiles
from .resampling import upsample
from .setup import Setup
from .survey import extend_field, extract_model


def assemble(fw: Framework, setup: Setup) -> tuple[Description, Primal, Constants]:
    """The operands of the map ``forward``."""
    description, like = setup.description, setup.inputs.like
    coefficients = _coefficients(fw, setup, description)
    sources = [source_nodes(fw, setup, entry, coefficients) for entry in setup.sources]
    receivers = [receiver_nodes(fw, setup, entry) for entry in setup.receivers]
    source_taps = joined(fw, sources, description.source_taps, setup)
    receiver_taps = joined(fw, receivers, description.receiver_taps, setup)
    shots, models = description.shots, coefficients.shape[0]
    index = np.zeros((5, shots), np.int32) + (np.arange(shots, dtype=np.int32) if models > 1 else 0)
    primal = Primal(
        coefficients=coefficients,
        amplitudes=_amplitudes(fw, setup),
        source_weights=source_taps[1],
        receiver_weights=receiver_taps[1],
        state=_state(fw, setup, description),
    )
    constants = Constants(
        source_nodes=source_taps[0],
        receiver_nodes=receiver_taps[0],
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


def _state(fw: Framework, setup: Setup, description: Description) -> Array:
    """The packed initial state [S, E]."""
    inputs, wavefields = setup.inputs, setup.equation.wavefields
    if not inputs.fields and not inputs.memory:
        return zeros(fw, (inputs.shots, description.state_size), inputs.like)
    arrays = dict(inputs.memory)
    for name, field in inputs.fields.items():
        arrays[wavefields[name]] = extend_field(fw, field, setup.region, name)
    entries = description.state_entries()
    for name, shape in entries:
        if name not in arrays:
            arrays[name] = zeros(fw, (inputs.shots, *shape), inputs.like)
    return pack(fw, entries, arrays)
