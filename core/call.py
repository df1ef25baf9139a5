"""The arguments of a public call, sorted, and the signature of an equation's function.

:class:`Options` lists the keywords that all equations share, once; the names that belong to one
equation (models, channels of sources and receivers, wavefields) come from its table.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from . import checks
from .equations import Equation
from .form import Form, suffix
from .framework import Array


@dataclass(frozen=True)
class Options:
    """Keywords common to all equations, with their defaults; ``docstrings.py`` explains them."""

    accuracy: int = 4
    pml_width: int | Sequence[int] = 20
    pml_freq: float | None = None
    max_vel: float | None = None
    survey_pad: int | Sequence[int | None] | None = None
    origin: Sequence[int] | None = None
    nt: int | None = None
    model_gradient_sampling_interval: int = 1
    grad_region: Sequence[Sequence[int | None] | None] | None = None
    freq_taper_frac: float = 0.0
    time_pad_frac: float = 0.0
    time_taper: bool = False
    forward_callback: Callable | None = None
    backward_callback: Callable | None = None
    callback_frequency: int = 1
    initial_state: Any = None
    boundary: str | Sequence[str] | None = None
    courant_number: float | None = None
    location_interpolation: str = "auto"
    location_interpolation_halfwidth: int = 4
    check_output_finite: bool = True
    gradient_storage: str = "auto"
    storage_mode: str = "device"
    storage_path: Any = None
    storage_dtype: Any = None
    memory_limit: int | float | str | None = None
    backend: str = "auto"
    python_backend: str | bool | None = None

    @property
    def tapers(self) -> tuple[float, float, bool]:
        """What resampling does beside its factor, as its functions take it."""
        return self.freq_taper_frac, self.time_pad_frac, self.time_taper

    @property
    def has_callback(self) -> bool:
        """Whether the run is cut into segments."""
        return self.forward_callback is not None or self.backward_callback is not None


@dataclass(frozen=True)
class Sources:
    """Sources of one channel, as given: amplitudes [shot, source, time], locations, mask, and of a
    channel that has them the tensors [shot, source, axis, axis]."""

    amplitudes: Array | None = None
    locations: Array | None = None
    mask: Array | None = None
    tensors: Array | None = None


@dataclass(frozen=True)
class Receivers:
    """Receivers of one channel, as given: locations [shot, receiver, axis], mask.

    level: 1 where they record the scattered field.
    """

    channel: str = ""
    level: int = 0
    locations: Array | None = None
    mask: Array | None = None


@dataclass(frozen=True)
class Call:
    """All arguments of a call, as given and unchecked.

    Models and their perturbations by name of the model, sources by channel, the others by keyword.
    """

    models: Mapping[str, Array]
    grid_spacing: Any
    dt: Any
    sources: Mapping[str, Sources] = field(default_factory=dict)
    receivers: Mapping[str, Receivers] = field(default_factory=dict)
    wavefields: Mapping[str, Array] = field(default_factory=dict)
    perturbations: Mapping[str, Array] = field(default_factory=dict)
    options: Options = field(default_factory=Options)


def tensor_channels(equation: Equation) -> tuple[str, ...]:
    """Source channels whose sources have a tensor beside their amplitudes."""
    channels = equation.sources(max(equation.ndims))
    return tuple(name for name, actions in channels.items() if any(a.tensor for a in actions))


def signature(
    form: Form, compiled: Callable[..., Any] | None = None
) -> tuple[inspect.Signature, tuple[str, ...]]:
    """The signature of a public function; the same for every framework.

    Args:
        compiled: a function whose keywords are added at the end.

    Returns:
        The signature, and the names that ``compiled`` adds.
    """
    added = list(inspect.signature(compiled).parameters.values()) if compiled else []
    required = [(name, "Array") for name in form.equation.parameters]
    required += [("grid_spacing", "float | Sequence[float]"), ("dt", "float")]
    parameters = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=kind)
        for name, kind in required
    ]
    optional = {item.name: (item.type, item.default) for item in fields(Options)}
    for name in _keywords(form, tuple(optional)):
        kind, default = optional.get(name, ("Array | None", None))
        parameters.append(
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind
            )
        )
    added = [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in added]
    return inspect.Signature(parameters + added), tuple(item.name for item in added)


def _keywords(form: Form, shared: tuple[str, ...]) -> list[str]:
    """Keywords in their order: the shared ones, with those of the equation in their places."""
    equation = form.equation
    names = [*form.perturbations, *form.perturbation_aliases]
    sources, receivers = equation.all_channels()
    stems = (*form.receiver_prefixes, *[""] * form.scattered)
    for channel in (*sources, *equation.aliases):
        kinds = ("amplitudes", "locations", *["tensors"] * (channel in tensor_channels(equation)))
        names += [f"source_{kind}{suffix(channel)}" for kind in kinds]
    for stem in stems:
        names += [f"{stem}receiver_locations{suffix(channel)}" for channel in receivers]
    for name in shared:
        if name == "initial_state":
            names += form.wavefields
        names.append(name)
        if name == "courant_number":
            every = (*sources, *equation.aliases)
            names += [f"source_mask{suffix(channel)}" for channel in every]
            for stem in stems:
                names += [f"{stem}receiver_mask{suffix(channel)}" for channel in receivers]
    return names


def bind(form: Form, signed: inspect.Signature, args: tuple, keywords: dict) -> Call:
    """Sort the arguments of a call; raise TypeError, as Python does, where they do not fit."""
    equation, own = form.equation, defaults(form)
    for name in keywords:
        if name not in own and name not in signed.parameters:
            near = difflib.get_close_matches(name, signed.parameters, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"{form.name}() got an unexpected keyword argument {name!r}{hint}")
    required = (*equation.parameters, "grid_spacing", "dt")
    named = required[: len(args)]
    given = own | dict(zip(named, args, strict=False)) | keywords
    fits = len(args) <= len(required) and keywords.keys().isdisjoint(named)
    if not fits or any(given[name] is inspect.Parameter.empty for name in required):
        try:
            signed.bind(*args, **keywords)  # slow, but it has Python's words
        except TypeError as error:
            raise TypeError(f"{form.name}() {error}") from None
    for old, new in _aliases(form):
        if given[old] is not None and given[new] is not None:
            checks.fail(old, f"is given, and so is {new}, of which it is another name", "one")
        given[new] = given[old] if given[new] is None else given[new]

    sources, receivers = _channels(form)
    return Call(
        models={name: given[name] for name in equation.parameters},
        grid_spacing=given["grid_spacing"],
        dt=given["dt"],
        sources={
            name: Sources(*(given.get(keyword) for keyword in own)) for name, own in sources.items()
        },
        receivers={
            locations: Receivers(name, level, given[locations], given[mask])
            for locations, (name, level, mask) in receivers.items()
        },
        wavefields={name: given[name] for name in form.wavefields},
        perturbations={model: given[name] for name, model in form.perturbations.items()},
        options=Options(**{name: _plain(given[name]) for name in _OPTIONS}),
    )


def _plain(x: Any) -> Any:
    """A number or text of NumPy's as what it holds: it may end in a description."""
    return x.item() if isinstance(x, np.generic) else x


@functools.cache
def defaults(form: Form) -> dict[str, Any]:
    """Of all parameters."""
    return {name: parameter.default for name, parameter in signature(form)[0].parameters.items()}


_SOURCE_KINDS = ("source_amplitudes", "source_locations", "source_mask", "source_tensors")
_OPTIONS = tuple(item.name for item in fields(Options))


@functools.cache
def _channels(
    form: Form,
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, int, str]]]:
    """Keywords of each source channel; and by that of their locations channel, level and mask of
    receivers."""
    sources, receivers = form.equation.all_channels()
    of_sources = {name: tuple(k + suffix(name) for k in _SOURCE_KINDS) for name in sources}
    of_receivers = {
        f"{prefix}receiver_locations{suffix(name)}": (
            name,
            level,
            f"{prefix}receiver_mask{suffix(name)}",
        )
        for level, prefix in enumerate(form.receiver_prefixes)
        for name in receivers
    }
    return of_sources, of_receivers


@functools.cache
def _aliases(form: Form) -> list[tuple[str, str]]:
    """Keywords that are other names of keywords, and those."""
    pairs = [*form.perturbation_aliases.items()]
    for alias, name in form.equation.aliases.items():
        pairs += [(f"{k}{suffix(alias)}", f"{k}{suffix(name)}") for k in _SOURCE_KINDS[:3]]
    if form.scattered:
        for name in form.equation.all_channels()[1]:
            stems = (f"receiver_{kind}{suffix(name)}" for kind in ("locations", "mask"))
            pairs += [(stem, f"sc_{stem}") for stem in stems]
    return pairs
