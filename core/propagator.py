"""The whole of a call, once for all equations and frameworks.

Arguments -> checks and decisions (``setup.py``) -> operands of a map -> its results -> a named
tuple. All but the map is array arithmetic that the framework differentiates itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from . import checks, engine
from .at_hand import Compiled, at_hand, handed_back, is_exact
from .call import bind, signature
from .callbacks import Tap, segments
from .docstrings import docstring
from .equations import Equation, register
from .faces import held, mask_fields
from .form import Form, memory_name, suffix
from .framework import Array, Framework, NumpyFramework
from .layout import Description, unpack
from .maps import Constants, Primal
from .operands import Operands, Places, assemble, models_and_changes, with_models, with_state
from .output import AuxiliaryState, output_class
from .repeats import Repeats
from .resampling import downsample
from .setup import Setup

Results = tuple[Array, Array]
_NUMPY = NumpyFramework()


class Backend(Protocol):
    """The two maps that calls are made of; results are receivers [S, Nr, nt] and state [S, E]."""

    def forward(self, description: Description, p: Primal, constants: Constants) -> Results:
        """The propagation."""

    def tangent(
        self, description: Description, p: Primal, d: Primal, constants: Constants
    ) -> tuple[Results, Results]:
        """The propagation, and its derivative in the direction ``d``."""


def public_function(
    fw: Framework, form: Form, compiled: Callable[..., Backend]
) -> Callable[..., Any]:
    """The function that users call.

    Args:
        compiled: gives the compiled backend, loading it at first use. Its keywords, if any, become
            keywords of the function.

    Returns:
        A function with the signature and docstring of the form, and attributes: ``equation``,
        ``form``, and ``framework`` for ``plan()``.
    """
    register(form.equation)
    signed, extra = signature(form, compiled)
    repeats = {used: Repeats(used, form, tuple(signed.parameters)) for used in (fw, _NUMPY)}

    def decided(used: Framework, args: tuple, keywords: dict[str, Any]) -> tuple[Setup, Places]:
        call = bind(form, signed, args, keywords)
        return repeats[used].decide(call, repeats[used].key(args, keywords))

    def function(*args: Any, **keywords: Any) -> Any:
        own = {name: keywords.pop(name) for name in extra if name in keywords}
        backend = functools.partial(compiled, **own)
        # Of a scattered field the models are differentiated.
        near = None if form.scattered else at_hand(fw, args, keywords)
        if near is not None:
            try:
                setup, places = decided(_NUMPY, *near)
            except (TypeError, ValueError):
                pass  # The framework says it in its own words.
            else:
                if is_exact(setup):
                    backend()  # which looks at its keywords
                    return handed_back(fw, propagate(_NUMPY, setup, places, Compiled))
        setup, places = decided(fw, args, keywords)
        return propagate(fw, setup, places, backend)

    function.__name__ = function.__qualname__ = form.name
    function.__module__ = f"dualwave.{fw.name}"
    function.__doc__ = docstring(form, fw.name)
    function.__signature__ = signed  # type: ignore[attr-defined]
    function.equation, function.form = form.equation, form  # type: ignore[attr-defined]
    function.framework = fw  # type: ignore[attr-defined]
    return function


@dataclass(frozen=True)
class Eager:
    """The eager backend of an equation."""

    fw: Framework
    equation: Equation

    def forward(self, description: Description, p: Primal, constants: Constants) -> Results:
        """The propagation."""
        p = with_state(self.fw, description, p)
        return engine.forward(self.fw, self.equation, description, p, constants)

    def tangent(
        self, description: Description, p: Primal, d: Primal, constants: Constants
    ) -> tuple[Results, Results]:
        """The propagation, and its derivative by the framework."""
        p = with_state(self.fw, description, p)
        moved = {name: x for name, x in d._asdict().items() if x is not None}

        def run(operands: dict[str, Array]) -> Results:
            return self.forward(description, p._replace(**operands), constants)

        return self.fw.jvp(run, {name: getattr(p, name) for name in moved}, moved)


def propagate(fw: Framework, setup: Setup, places: Places, compiled: Callable[[], Backend]) -> Any:
    """Run a checked call, and name its results."""
    setup.warn()
    backend = Eager(fw, setup.equation) if setup.backend == "eager" else compiled()
    operands = assemble(fw, setup, places)
    if setup.options.has_callback:
        results = _run_with_callbacks(fw, setup, backend, operands)
    else:
        operands = with_models(fw, setup, operands, models_and_changes(fw, setup))
        results = _run(backend, setup.description, operands)
    output = _output(fw, setup, setup.description, results)
    # Two arrays a level before they are taken apart; which of the many it was is seen after.
    if setup.options.check_output_finite and not all(
        checks.all_finite(fw, x) is not False for level in results for x in level
    ):
        _refuse_infinite(fw, output)
    return output


def _run(backend: Backend, description: Description, operands: Operands) -> tuple[Results, ...]:
    """Results by level."""
    p, d, constants = operands.primal, operands.direction, operands.constants
    if d.coefficients is None:
        return (backend.forward(description, p, constants),)
    return backend.tangent(description, p, d, constants)


def _run_with_callbacks(
    fw: Framework, setup: Setup, backend: Backend, operands: Operands
) -> tuple[Results, ...]:
    """Results by level of a run in segments, with the user's callbacks between them."""
    values, changes = models_and_changes(fw, setup)
    names, count = tuple(values), len(values)
    levels = (operands.primal, operands.direction)[: 1 + setup.form.scattered]
    states = [with_state(fw, setup.description, p, setup.inputs.like).state for p in levels]
    arrays = [*values.values(), *states, *changes.values()]
    samples: list[list[Array]] = [[] for _ in states]
    spans = list(segments(setup))
    parts = fw.split(operands.primal.amplitudes, [last - first for _, first, last in spans], axis=2)
    for (sample, first, last), amplitudes in zip(spans, parts, strict=True):
        tapped = count + len(states)
        arrays[:tapped] = fw.tap(Tap(setup, sample, names), arrays[:tapped])
        given = dict(zip(names, arrays[:count], strict=True))
        turned = dict(zip(changes, arrays[tapped:], strict=True))
        own = with_models(fw, setup, operands, (given, turned))
        own = own._replace(primal=own.primal._replace(amplitudes=amplitudes, state=arrays[count]))
        if setup.form.scattered:
            own = own._replace(direction=own.direction._replace(state=arrays[count + 1]))
        found = _run(backend, setup.part(last - first), own)
        for level, (receivers, state) in enumerate(found):
            samples[level].append(receivers)
            arrays[count + level] = state
    return tuple(
        (fw.xp.concat(x, axis=2), arrays[count + level]) for level, x in enumerate(samples)
    )


def _output(
    fw: Framework, setup: Setup, description: Description, results: Sequence[Results]
) -> Any:
    """Results of each level, named."""
    form, ndim = setup.form, description.ndim
    fields, values = form.equation.fields(ndim), {}
    nodes = held(form.equation, ndim, setup.faces)
    memory: dict[str, Array] = {}
    for level, (receivers, state) in enumerate(results):
        if setup.step_ratio > 1:
            receivers = downsample(fw, receivers, setup.step_ratio, *setup.options.tapers)
        arrays = unpack(fw.split, description.state_entries(), state)
        arrays = mask_fields(fw, arrays, nodes, ndim)
        for keyword, (own, field) in form.wavefields_in(ndim).items():
            if own == level:
                values[keyword] = arrays[field]
        memory |= {memory_name(k, level): x for k, x in arrays.items() if k not in fields}
        prefix = form.receiver_prefixes[level]
        for channel in form.equation.receivers(ndim):
            values[f"{prefix}receiver_amplitudes{suffix(channel)}"] = receivers[:, :0, :]
        groups = [entry.points for entry in setup.receivers]
        parts = fw.split(receivers, [points.count for points in groups], axis=1)
        for points, part in zip(groups, parts, strict=True):
            if points.level == level:
                values[f"{prefix}receiver_amplitudes{suffix(points.channel)}"] = part
    values["auxiliary_state"] = AuxiliaryState(memory, setup.settings)
    return output_class(form, ndim)(**values)


def _refuse_infinite(fw: Framework, output: Any) -> None:
    """Raise for the first result that has values which are not finite."""
    for name, value in output._asdict().items():
        for x in value.values() if isinstance(value, dict) else (value,):
            if checks.all_finite(fw, x) is False:
                raise FloatingPointError(
                    f"{name}: has values that are NaN or infinite. The amplitudes or initial "
                    "wavefields may be too large for the dtype, or max_vel below the model's "
                    "largest speed. check_output_finite=False returns them."
                )
