"""The arrays of a call, checked against each other: dtype, device, axes, shots and samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from . import checks
from .call import Call, Sources, tensor_channels
from .equations import Equation
from .form import Form, memory_name, suffix
from .framework import Array, Framework
from .layout import state_entries
from .output import AuxiliaryState, initial_fields
from .points import Points, receiver_points, source_points

SPEEDS = ("v", "vp", "vs")
"""Parameters of these names are speeds and must not be negative."""


@dataclass(frozen=True)
class Frame:
    """What the arrays of a call say but by the values of models and amplitudes.

    space: cells of the models. nt: samples of the caller.
    """

    ndim: int
    space: tuple[int, ...]
    shots: int
    nt: int
    sources: tuple[Points, ...]
    receivers: tuple[Points, ...]

    @property
    def points(self) -> tuple[Points, ...]:
        """All sources and receivers."""
        return (*self.sources, *self.receivers)


@dataclass(frozen=True)
class Inputs(Frame):
    """Arrays of one dtype and device whose shapes agree.

    like: one of the models, for dtype and device. models, and their perturbations where there are
    any, by the name of the model: [1 or shot, *space]. amplitudes: by channel, [shot, source, any];
    tensors likewise where there are any, [shot, source, axis, axis]. fields: initial wavefields by
    keyword, absent ones left out. memory: PML memory by name. model_values, signals: what is known
    of models and amplitudes, None where unknown. They are looked at before anything is computed:
    under ``jit`` what JAX computes is unknown.
    """

    like: Array
    models: Mapping[str, Array]
    perturbations: Mapping[str, Array]
    amplitudes: Mapping[str, Array]
    tensors: Mapping[str, Array]
    fields: Mapping[str, Array]
    memory: AuxiliaryState
    model_values: Mapping[str, Any]
    signals: Mapping[str, Any]


def collect(fw: Framework, form: Form, call: Call) -> Inputs:
    """Check the arrays of a call."""
    equation = form.equation
    models = {
        name: checks.array(fw, name, x, "[*space] or [shot, *space]")
        for name, x in call.models.items()
    }
    first = next(iter(models))
    like = models[first]
    models = {k: _float(fw, k, x, "of the model", (like, first)) for k, x in models.items()}
    sources = source_points(fw, call.sources, like, first)
    receivers = receiver_points(fw, call.receivers, like, first)
    fields, memory = initial_fields(form, call.wavefields, call.options.initial_state)
    fields = {k: _float(fw, k, x, "[shot, *grid]", (like, first)) for k, x in fields.items()}
    memory = AuxiliaryState(
        {k: _float(fw, k, x, "[shot, *slab]", (like, first)) for k, x in memory.items()},
        memory.settings,
    )
    for name, x in {**fields, **memory}.items():
        checks.finite_field(fw, name, x)
    if not fields and not memory and not any(points.count for points in sources):
        checks.fail(
            "source_amplitudes",
            "there are no sources and no initial wavefields, so nothing moves",
            "sources, or initial wavefields, or both",
        )
    ndim = _ndim(equation, (like, first), (*sources, *receivers), {**fields, **memory})
    _check_channels(form, ndim, (*sources, *receivers), fields)
    changes = _perturbations(fw, form, call, (like, first))
    shots = _shots({**models, **changes}, ndim, (*sources, *receivers), {**fields, **memory})
    space = tuple(like.shape[-ndim:])
    amplitudes, nt = _amplitudes(fw, call, sources, shots, (like, first))
    _check_spaces({**models, **changes}, space, shots)
    tensors = _tensors(fw, equation, call, sources, (shots, ndim, (like, first)))
    frame = Frame(ndim, space, shots, nt, tuple(sources), tuple(receivers))
    converted = replace(
        call,
        models=models,
        perturbations={form.perturbations[k]: x for k, x in changes.items()},
        sources={
            channel: Sources(x, tensors=tensors.get(channel)) for channel, x in amplitudes.items()
        },
    )
    return replace(filled(fw, form, frame, (converted, call)), fields=fields, memory=memory)


def filled(fw: Framework, form: Form, frame: Frame, calls: tuple[Call, Call]) -> Inputs:
    """The inputs of a call that has this frame, and no initial fields; its values are checked.

    Args:
        calls: with arrays of the framework, and as it was given.
    """
    call, given = calls
    for name, model in form.perturbations.items():
        if given.perturbations[model] is not None:
            checks.finite(fw, name, given.perturbations[model])
    channels = {points.channel: call.sources[points.channel] for points in frame.sources}
    return Inputs(
        **vars(frame),
        like=next(iter(call.models.values())),
        models=_expanded(call.models, frame.ndim),
        perturbations=_expanded(call.perturbations, frame.ndim),
        amplitudes={k: entry.amplitudes for k, entry in channels.items()},
        tensors={k: x.tensors for k, x in channels.items() if x.tensors is not None},
        fields={},
        memory=AuxiliaryState(),
        model_values=_model_values(fw, form.equation, given.models, frame.ndim),
        signals=_signals(fw, frame, given),
    )


def _signals(fw: Framework, frame: Frame, call: Call) -> dict[str, Array | None]:
    """Values of the amplitudes where they are known, checked, as the tensors are."""
    found = {}
    for points in frame.sources:
        entry, end = call.sources[points.channel], suffix(points.channel)
        found[points.channel] = checks.finite(fw, f"source_amplitudes{end}", entry.amplitudes)
        if entry.tensors is not None:
            checks.finite(fw, f"source_tensors{end}", entry.tensors)
    return found


def _model_values(
    fw: Framework, equation: Equation, models: Mapping[str, Array], ndim: int
) -> dict[str, Array | None]:
    """Values of the models where they are known, checked."""
    values = {
        name: (checks.speed if name in SPEEDS else checks.finite)(fw, name, x)
        for name, x in models.items()
    }
    known = {name: x for name, x in values.items() if x is not None}
    if len(known) < len(values):
        return values
    levels = {name: fw.mapped(models[name]) for name in known}
    if any(levels.values()):
        known = _aligned(known, levels, ndim)
    for name, holds, accepted, mend in equation.conditions:
        checks.condition(fw, name, known[name], holds(known, ndim), (accepted, mend))
    return known


def _aligned(
    values: Mapping[str, Array], levels: Mapping[str, tuple[int, ...]], ndim: int
) -> dict[str, Array]:
    """Values of models that may be combined: each with an axis for every level of ``vmap`` over
    which one of them is mapped, and one for shots.

    Args:
        levels: that the axes in front of each are of.
    """
    every = sorted({level for own in levels.values() for level in own})
    found = {}
    for name, x in values.items():
        own = levels[name]
        sizes = dict(zip(own, x.shape, strict=False))
        shot = x.shape[len(own) : -ndim] or (1,)
        found[name] = x.reshape((*(sizes.get(k, 1) for k in every), *shot, *x.shape[-ndim:]))
    return found


def check_memory(form: Form, inputs: Inputs, n: tuple[int, ...], pml: Any) -> None:
    """Raise unless the PML memory has the names and shapes of this run."""
    fields = len(form.equation.fields(inputs.ndim))
    found = dict(state_entries(form.equation, inputs.ndim, n, pml)[fields:])
    entries = {
        memory_name(name, level): shape
        for level in range(form.levels)
        for name, shape in found.items()
    }
    for name, x in inputs.memory.items():
        if name not in entries:
            came = f"auxiliary_state has an entry {name!r}"
            checks.fail("initial_state", came, ", ".join(entries) or "none, there is no PML")
        checks.shape(f"auxiliary_state[{name!r}]", x, (inputs.shots, *entries[name]))


def _perturbations(
    fw: Framework, form: Form, call: Call, like: tuple[Array, str]
) -> dict[str, Array]:
    """The perturbations that are given, by their keywords; a Born call has one or more."""
    keywords = {name: call.perturbations[model] for name, model in form.perturbations.items()}
    given = {
        name: _float(fw, name, x, "of the perturbation", like)
        for name, x in keywords.items()
        if x is not None
    }
    if form.scattered and not given:
        first = next(iter(keywords))
        others = " or ".join(keywords)
        checks.fail(first, "no perturbation of a model is given", f"an array for {others}")
    return given


def _float(fw: Framework, name: str, x: Any, accepted: str, like: tuple[Array, str]) -> Array:
    x = checks.array(fw, name, x, accepted, fw.dtype_name(like[0]))
    checks.device(name, x, *like)
    return x


def _ndim(
    equation: Equation,
    model: tuple[Array, str],
    points: tuple[Points, ...],
    fields: Mapping[str, Array],
) -> int:
    """Number of dimensions, which the model alone does not tell."""
    counts = {p.name: p.locations.shape[2] for p in points}
    counts |= {name: len(field.shape) - 1 for name, field in fields.items()}
    name, ndim = next(iter(counts.items()))
    for other, count in counts.items():
        if count != ndim:
            checks.fail(other, f"is for {count} dimensions, but {name} for {ndim}", "one number")
    if ndim not in equation.ndims:
        accepted = " or ".join(map(str, equation.ndims))
        checks.fail(name, f"is for {ndim} dimensions", f"{accepted} in {equation.name}")
    like, argument = model
    if len(like.shape) not in (ndim, ndim + 1) or 0 in like.shape:
        checks.fail(
            argument,
            f"has shape {list(like.shape)}, but {name} is for {ndim} dimensions",
            f"{ndim} axes of space, or shot and these, none empty",
        )
    return ndim


def _check_channels(
    form: Form, ndim: int, points: tuple[Points, ...], fields: Mapping[str, Array]
) -> None:
    """Raise where a channel or wavefield does not exist in this number of dimensions."""
    equation = form.equation
    for p in points:
        source = p.name.startswith("source")
        channels = equation.sources(ndim) if source else equation.receivers(ndim)
        if p.channel not in channels:
            stem = p.name.split("locations")[0] + "locations"
            existing = ", ".join(stem + suffix(channel) for channel in channels)
            checks.fail(p.name, f"does not exist in {ndim} dimensions", existing)
    names = form.wavefields_in(ndim)
    for name in fields:
        if name not in names:
            checks.fail(name, f"does not exist in {ndim} dimensions", ", ".join(names))


def _shots(
    models: Mapping[str, Array],
    ndim: int,
    points: tuple[Points, ...],
    fields: Mapping[str, Array],
) -> int:
    counts = {p.name: p.locations.shape[0] for p in points}
    counts |= {name: field.shape[0] for name, field in fields.items()}
    # A model with a shot axis of one is shared.
    counts |= {k: m.shape[0] for k, m in models.items() if len(m.shape) > ndim and m.shape[0] != 1}
    name, shots = next(iter(counts.items()))
    if shots == 0:
        checks.fail(name, "has no shots", "one shot or more")
    for other, count in counts.items():
        if count != shots:
            accepted = f"{shots} in both"
            checks.fail(other, f"has {count} shots, but {name} has {shots}", accepted)
    return shots


def _check_spaces(models: Mapping[str, Array], space: tuple[int, ...], shots: int) -> None:
    """Raise where a model has not these cells, with a shot axis or without."""
    for name, model in models.items():
        if tuple(model.shape[-len(space) :]) != space or len(model.shape) > len(space) + 1:
            sizes = ", ".join(map(str, space))
            checks.fail(name, f"has shape {list(model.shape)}", f"[{sizes}] or [{shots}, {sizes}]")


def _expanded(models: Mapping[str, Array | None], ndim: int) -> dict[str, Array]:
    """Those that are given, with a shot axis, of length one where they are shared."""
    return {
        name: x if len(x.shape) > ndim else x[None, ...]
        for name, x in models.items()
        if x is not None
    }


def _amplitudes(
    fw: Framework, call: Call, sources: list[Points], shots: int, like: tuple[Array, str]
) -> tuple[dict[str, Array], int]:
    """Amplitudes by channel, and nt."""
    given = {}
    for points in sources:
        name = f"source_amplitudes{suffix(points.channel)}"
        x = call.sources[points.channel].amplitudes
        x = _float(fw, name, x, "[shot, source, time]", like)
        checks.shape(name, x, (shots, points.count, "time"))
        given[points.channel] = x
    lengths = {f"source_amplitudes{suffix(c)}": x.shape[2] for c, x in given.items()}
    if call.options.nt is not None:
        nt = checks.integer("nt", call.options.nt, 1)
    elif not lengths:
        checks.fail("nt", "is missing, and there are no source amplitudes", "an int, 1 or more")
    else:
        name, nt = next(iter(lengths.items()))
        if nt == 0:
            checks.fail(name, "has no time samples", "one sample or more")
        for other, count in lengths.items():
            if count != nt:
                checks.fail(other, f"has {count} samples, but {name} has {nt}", "one length, or nt")
    return given, nt


def _tensors(
    fw: Framework,
    equation: Equation,
    call: Call,
    sources: list[Points],
    sizes: tuple[int, int, tuple[Array, str]],
) -> dict[str, Array]:
    """Moment tensors by channel, for those that have them."""
    shots, ndim, like = sizes
    given = {}
    for points in sources:
        name = f"source_tensors{suffix(points.channel)}"
        x = call.sources[points.channel].tensors
        if points.channel not in tensor_channels(equation):
            continue
        accepted = "[shot, source, axis, axis], axes slowest first"
        if x is None:
            checks.fail(name, f"is missing, but {points.name} is given", f"an array {accepted}")
        x = _float(fw, name, x, accepted, like)
        checks.shape(name, x, (shots, points.count, ndim, ndim))
        given[points.channel] = x
    return given
