"""From a checked call to the operands of its map, in array arithmetic.

All of it is differentiated by the framework: padding, coefficients, resampling, weights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .actions import (
    SourceNodes,
    joined,
    receiver_nodes,
    scaled,
    source_nodes,
    together,
    zeros,
)
from .coefficients import coefficients, stacked
from .faces import held_at_first, mask_fields
from .form import memory_name
from .framework import Array, Framework
from .gradient_region import cut
from .layout import Description, pack
from .maps import Constants, Primal
from .pml import PmlSpec, profiles
from .resampling import upsample
from .setup import Setup
from .survey import extend_field, in_region


class Places(NamedTuple):
    """What sources, receivers and PML come to in the grid of a call: constants, whatever its models
    and amplitudes are.

    sources: nodes and weights of each channel before :func:`with_models` multiplies the weights.
    """

    sources: list[list[SourceNodes]]
    receiver_weights: Array
    constants: Constants


class Operands(NamedTuple):
    """What a map is called with.

    direction: of the changes of the models and of the scattered state, for a form that has them.
    """

    primal: Primal
    direction: Primal
    places: Places

    @property
    def constants(self) -> Constants:
        """Nodes, model indices and profiles."""
        return self.places.constants


def place(fw: Framework, setup: Setup) -> Places:
    """The constants of a call."""
    description, like = setup.description, setup.inputs.like
    sources = [source_nodes(fw, setup, entry) for entry in setup.sources]
    parts = [together(fw, [part.nodes for part in channel]) for channel in sources]
    receivers = [receiver_nodes(fw, setup, entry) for entry in setup.receivers]
    nodes, weights = joined(fw, receivers, description.receiver_taps, setup)
    shots, models = description.shots, description.gradients
    index = np.zeros((5, shots), np.int32) + (np.arange(shots, dtype=np.int32) if models > 1 else 0)
    constants = Constants(
        source_nodes=joined(fw, parts, description.source_taps, setup)[0],
        receiver_nodes=nodes,
        model_index=fw.asarray(index.astype(np.int32), dtype="int32", like=like),
        profiles=fw.asarray(profiles(_pml_spec(setup)), dtype=description.dtype, like=like),
    )
    return Places(sources, weights, constants)


def assemble(fw: Framework, setup: Setup, places: Places) -> Operands:
    """The operands, but for those that depend on the models: see :func:`with_models`."""
    primal = Primal(
        amplitudes=_amplitudes(fw, setup),
        receiver_weights=places.receiver_weights,
        state=_state(fw, setup, setup.description, 0),
    )
    scattered = setup.form.scattered
    direction = Primal(state=_state(fw, setup, setup.description, 1) if scattered else None)
    return Operands(primal, direction, places)


def with_models(
    fw: Framework,
    setup: Setup,
    operands: Operands,
    models: tuple[dict[str, Array], dict[str, Array]],
) -> Operands:
    """The operands with those that depend on the models: coefficients and weights of sources.

    Args:
        models: the models by name, and for a scattered field their changes, of the same shapes.
    """
    description, region, cells = setup.description, setup.region, setup.gradient_cells
    values, changes = ({k: in_region(x, region) for k, x in given.items()} for given in models)

    def of_models(given: dict[str, Array]) -> tuple[Array, Array]:
        grids = coefficients(fw, setup.equation, region, setup.faces, setup.internal_dt, given)
        sources = [
            together(fw, [scaled(fw, setup, part, grids) for part in channel])
            for channel in operands.places.sources
        ]
        return stacked(fw, grids), joined(fw, sources, description.source_taps, setup)[1]

    turned: tuple[Array, Array] | tuple[None, None] = (None, None)
    if changes:
        # Cut before: changes outside have values, and no derivative.
        values, changes = (cut(fw, given, cells, region) for given in (values, changes))
        (grids, weights), turned = fw.jvp(of_models, values, changes)
    else:
        run = lambda given: of_models(cut(fw, given, cells, region))  # noqa: E731
        grids, weights = fw.recomputed(run, values) if description.lean else run(values)
    return operands._replace(
        primal=operands.primal._replace(coefficients=grids, source_weights=weights),
        direction=operands.direction._replace(coefficients=turned[0], source_weights=turned[1]),
    )


def models_and_changes(fw: Framework, setup: Setup) -> tuple[dict[str, Array], dict[str, Array]]:
    """Models, and for a scattered field their changes, each pair of one shape."""
    values = dict(setup.inputs.models)
    changes: dict[str, Array] = {}
    if not setup.form.scattered:
        return values, changes
    for name, model in values.items():
        change = setup.inputs.perturbations.get(name)
        if change is None:
            change = fw.xp.zeros_like(model)
        shape = (max(model.shape[0], change.shape[0]), *model.shape[1:])
        values[name] = fw.xp.broadcast_to(model, shape)
        changes[name] = fw.xp.broadcast_to(change, shape)
    return values, changes


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


def _amplitudes(fw: Framework, setup: Setup) -> Array:
    """Amplitudes of all sources at the inner time steps, [S, Ns, nt]."""
    inputs = setup.inputs
    if not setup.sources:
        return zeros(fw, (inputs.shots, 0, setup.steps), inputs.like)
    signals = [inputs.amplitudes[entry.points.channel] for entry in setup.sources]
    given = [_fitted(fw, x, inputs.nt) for x in signals]
    joined = given[0] if len(given) == 1 else fw.xp.concat(given, axis=1)
    if setup.step_ratio == 1:
        return joined
    return upsample(fw, joined, setup.step_ratio, *setup.options.tapers)


def _fitted(fw: Framework, x: Array, nt: int) -> Array:
    """Amplitudes continued by zeros or cut to ``nt`` samples."""
    if x.shape[2] == nt:
        return x
    return fw.pad_zero(x, [(0, nt - x.shape[2])]) if x.shape[2] < nt else x[:, :, :nt]


def with_state(
    fw: Framework, description: Description, p: Primal, like: Array | None = None
) -> Primal:
    """The operands with zeros for a state that is left out; ``like``: an array of their kind."""
    if p.state is not None:
        return p
    like = p.coefficients if like is None else like
    return p._replace(state=zeros(fw, (description.shots, description.state_size), like))


def _state(fw: Framework, setup: Setup, description: Description, level: int) -> Array | None:
    """The packed initial state [S, E] of a level; None where it is zero."""
    inputs, wavefields = setup.inputs, setup.form.wavefields
    if not inputs.fields and not inputs.memory:
        return None
    entries = description.state_entries()
    arrays = {}
    for name, field in inputs.fields.items():
        if wavefields[name][0] == level:
            arrays[wavefields[name][1]] = extend_field(fw, field, setup.region, name)
    for name, _ in entries:
        if memory_name(name, level) in inputs.memory:
            arrays[name] = inputs.memory[memory_name(name, level)]
    nodes = held_at_first(setup.equation, description.ndim, setup.faces)
    arrays = mask_fields(fw, arrays, nodes, description.ndim)
    if not arrays:
        return None
    for name, shape in entries:
        if name not in arrays:
            arrays[name] = zeros(fw, (inputs.shots, *shape), inputs.like)
    return pack(fw, entries, arrays)
