"""The numbers that a run is made for: speeds, the frequency of the PML, the inner time step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from . import checks
from .call import Call, Options
from .equations import Equation
from .framework import Array, Framework
from .frequency import dominant_frequency
from .inputs import Inputs
from .timestep import cells_per_wavelength

_FEWEST_CELLS = 6
"""Cells per wavelength below which a warning is given, as in Deepwave."""


class Speeds(NamedTuple):
    """slowest: the smallest above zero, None where unknown; largest: what the run is made for;
    on_grid: the largest that the grid makes of it where models jump, the same where unknown."""

    slowest: float | None
    largest: float
    on_grid: float


class Numbers(NamedTuple):
    """What the values of models and amplitudes say to the decisions of a call.

    pml_freq: the frequency that the PML is made for.
    """

    speeds: Speeds
    pml_freq: float


def choose(fw: Framework, equation: Equation, inputs: Inputs, call: Call) -> Numbers:
    """The numbers that a run goes by, given or found in the values."""
    dt = checks.nonzero("dt", call.dt, "in seconds")
    speeds = choose_speeds(fw, equation, inputs, call.options)
    return Numbers(speeds, choose_pml_freq(fw, inputs, call.options, dt))


def choose_speeds(fw: Framework, equation: Equation, inputs: Inputs, options: Options) -> Speeds:
    """The speeds that a run goes by."""
    given, before = options.max_vel, inputs.memory.settings
    if given is not None:
        given = checks.positive("max_vel", given, "m/s")
    elif before is not None:
        given = before.max_vel
    values = inputs.model_values
    if any(entry is None for entry in values.values()):
        if given is None:
            checks.fail(
                "max_vel",
                "is missing, and the models have no known values while a function is traced",
                "a number above zero, in m/s",
                "It sets the time step and the PML.",
            )
        return Speeds(None, given, given)
    largest = float(abs(equation.speed(values)).max())
    slowest = _slowest(abs((equation.slowest or equation.speed)(values)))
    on_grid = equation.grid_speed(values, inputs.ndim).max() if equation.grid_speed else largest
    if given is None:
        given = checks.positive("max_vel", largest, "m/s", "The models give it.")
    # A float32 model may hold max_vel itself, rounded up.
    if largest > given * (1 + 4 * np.finfo(fw.dtype_name(inputs.like)).eps):
        source = "max_vel" if options.max_vel is not None else "max_vel of initial_state"
        checks.fail(
            source,
            f"is {given:g}, but the model reaches {largest:g} m/s, so the run could be unstable",
            f"{largest:g} or more, or None",
        )
    return Speeds(slowest, given, max(float(on_grid), given))


def _slowest(speed: Array) -> float | None:
    if (least := speed.min()) > 0:
        return float(least)
    moving = speed[speed > 0]
    return float(moving.min()) if moving.shape[0] else None


def choose_pml_freq(fw: Framework, inputs: Inputs, options: Options, dt: float) -> float:
    """The frequency that the PML is made for: as given, of initial_state, or of the sources."""
    if options.pml_freq is not None:
        return checks.positive("pml_freq", options.pml_freq, "Hz")
    if inputs.memory.settings is not None:
        return inputs.memory.settings.pml_freq
    signals = []
    for points in inputs.sources:
        values, active = inputs.signals[points.channel], points.active
        if values is None:
            checks.fail(
                "pml_freq",
                "is missing, and the amplitudes have no known values while a function is traced",
                "a number above zero, in Hz",
                "It sets the PML; the dominant frequency of the sources is a good choice.",
            )
        signal = np.asarray(fw.concrete(values))
        if active is not None and active.ndim == 2:
            signal = signal * active[..., None]
        signals.append(signal)
    return dominant_frequency(signals, dt)


def is_staggered(equation: Equation, ndim: int) -> bool:
    """Whether the equation has first derivatives between whole and half nodes."""
    pieces = (piece for stage in equation.stages(ndim) for piece in stage.pieces)
    return any(piece.op in ("forward", "backward") for piece in pieces)


def warn_wavelength(slowest: float | None, pml_freq: float, spacing: Sequence[float]) -> None:
    """Warn where the shortest wavelength has too few cells."""
    cells = math.inf if slowest is None else cells_per_wavelength(slowest, pml_freq, spacing)
    if cells < _FEWEST_CELLS:
        checks.warn(
            f"there are {cells:.2g} cells per wavelength at {pml_freq:.3g} Hz, {slowest:.4g} m/s "
            f"and cells of {max(spacing):.4g} m; with fewer than {_FEWEST_CELLS} the waves "
            "disperse. Use smaller cells, a higher accuracy or lower frequencies, or pass pml_freq "
            "if the frequency is not yours."
        )
