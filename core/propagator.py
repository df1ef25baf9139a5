"""The whole of a call, once for all equations and frameworks.

Arguments -> checks and decisions (``setup.py``) -> operands of the map ``forward`` -> its results
-> a named tuple. All but the map is array arithmetic that the framework differentiates itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from . import engine
from .call import Call, bind, signature, suffix
from .docstrings import docstring
from .equations import Equation, register
from .framework import Array, Framework
from .layout import Description, unpack
from .maps import Constants, Primal
from .operands import assemble
from .output import AuxiliaryState, output_class
from .resampling import downsample
from .setup import Setup, prepare

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


def _output(
    fw: Framework, setup: Setup, description: Description, receivers: Array, state: Array
) -> Any:
    equation, o = setup.equation, setup.options
    if setup.step_ratio > 1:
        receivers = downsample(
            fw, receivers, setup.step_ratio, o.freq_taper_frac, o.time_pad_frac, o.time_taper
        )
    arrays = unpack(fw, description.state_entries(), state)
    ndim = description.ndim
    fields = equation.fields(ndim)
    values = {k: arrays[f] for k, f in equation.wavefields_in(ndim).items()}
    values["auxiliary_state"] = AuxiliaryState(
        {name: x for name, x in arrays.items() if name not in fields}, setup.settings
    )
    start, found = 0, {}
    for entry in setup.receivers:
        found[entry.points.channel] = receivers[:, start : start + entry.points.count, :]
        start += entry.points.count
    for channel in equation.receivers(ndim):
        values[f"receiver_amplitudes{suffix(channel)}"] = found.get(channel, receivers[:, :0, :])
    return output_class(equation, ndim)(**values)


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
