"""Time step: the CFL rule, its limit for each stencil, and how well the grid resolves the waves.

The leapfrog step is stable while ``dt * max_vel * sqrt(sum(1 / spacing^2))``, the Courant number,
stays at or below a critical value that depends on the order of the stencils but not on the number
of axes: the symbol of the second derivative along an axis is at most S / spacing^2, and
``dt^2 max_vel^2 S sum(1 / spacing^2) <= 4`` has to hold. Hence the limit is 2 / sqrt(S).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .checks import warn
from .stencils import CENTRAL_SECOND, STAGGERED

DEFAULT_COURANT_NUMBER = 0.6
"""What the inner time step aims at; Deepwave's value, the same for every order and dimension."""

_MANY_STEPS = 8
"""Inner steps for each of the caller's from which a warning is given, as Deepwave does."""


def critical_courant_number(accuracy: int, staggered: bool = False) -> float:
    """The largest stable Courant number of a stencil of order 2, 4, 6 or 8.

    Args:
        staggered: for first-order systems on staggered grids instead of second derivatives.
    """
    if staggered:
        # Two staggered differences make one second derivative; each is largest at the Nyquist
        # wavenumber, where its weights alternate in sign with them and all add up.
        return 1 / sum(abs(weight) for weight in STAGGERED[accuracy])
    centre, *weights = CENTRAL_SECOND[accuracy]
    symbol = -centre - 2 * sum(weight * (-1) ** k for k, weight in enumerate(weights, start=1))
    return 2 / math.sqrt(symbol)


def cfl_condition(
    spacing: Sequence[float] | float,
    dt: float,
    max_vel: float,
    courant_number: float | None = None,
    accuracy: int | None = None,
    staggered: bool = False,
) -> tuple[float, int]:
    """The inner time step: the caller's divided by the smallest whole number that is stable.

    Args:
        spacing: metres per cell, for each axis.
        dt: the caller's time step in seconds; its sign is kept.
        max_vel: largest speed in m/s.
        courant_number: what to stay below; 0.6 if None.
        accuracy: order of the stencils. When given, ``courant_number`` is checked against it.
        staggered: see :func:`critical_courant_number`.

    Returns:
        Inner time step in seconds, and the number of them in ``dt``.

    Raises:
        ValueError: a number that is not finite or out of range, or a courant_number at which the
            run would be unstable.
    """
    target = courant_target(courant_number, accuracy, staggered)
    found = inner_steps(_sequence(spacing), dt, max_vel, target)
    warn_steps(dt, found[1])
    return found


def inner_steps(
    spacing: Sequence[float], dt: float, max_vel: float, courant_number: float
) -> tuple[float, int]:
    """As :func:`cfl_condition`, with a Courant number that is known to be stable; no warning."""
    spacing = tuple(float(step) for step in spacing)
    if not spacing or not all(math.isfinite(step) and step > 0 for step in spacing):
        raise ValueError(f"grid_spacing: got {spacing}. Accepted: numbers above zero, in metres.")
    if not math.isfinite(dt):
        raise ValueError(f"dt: got {dt}. Accepted: a finite number, in seconds.")
    if not math.isfinite(max_vel) or max_vel < 0:
        raise ValueError(f"max_vel: got {max_vel}. Accepted: a number of 0 or more, in m/s.")
    # No square of a spacing, which could overflow in odd units; and in the order in which Deepwave
    # multiplies, so that a ratio next to a whole number is rounded up in the same cases.
    norm = math.hypot(*(min(spacing) / step for step in spacing))
    ratio = abs(dt) * max_vel * norm / min(spacing) / courant_number
    if not math.isfinite(ratio) or (ratio and dt / math.ceil(ratio) == 0):
        raise ValueError(
            f"dt: {dt} s asks for {ratio:g} inner steps at max_vel {max_vel} m/s and cells of "
            f"{min(spacing)} m. Check the units."
        )
    step_ratio = max(1, math.ceil(ratio))
    return dt / step_ratio, step_ratio


def warn_steps(dt: float, step_ratio: int) -> None:
    """Warn where there are many inner steps in each of the caller's."""
    if step_ratio >= _MANY_STEPS:
        warn(
            f"dt {dt:.3g} s is far above the stable time step: {step_ratio} inner steps are taken "
            "for each sample. Reduce dt, raise courant_number, or check the units of max_vel and "
            "grid_spacing."
        )


cfl_condition_n = cfl_condition
"""Deepwave's name."""


def courant_target(courant_number: float | None, accuracy: int | None, staggered: bool) -> float:
    """The Courant number to stay below, 0.6 if None; ValueError where the run would be unstable."""
    target = DEFAULT_COURANT_NUMBER if courant_number is None else float(courant_number)
    if not math.isfinite(target) or target <= 0:
        raise ValueError(f"courant_number: got {target}. Accepted: a number above zero.")
    limit = math.inf if accuracy is None else critical_courant_number(accuracy, staggered)
    if target > limit * (1 + 1e-12):
        raise ValueError(
            f"courant_number: got {target}, at which the run is unstable. Accepted: up to "
            f"{limit:.6g} for accuracy={accuracy}, or None for {DEFAULT_COURANT_NUMBER}."
        )
    return target


def cells_per_wavelength(
    slowest: float, frequency: float, spacing: Sequence[float] | float
) -> float:
    """Cells of the coarsest axis in the shortest wavelength; infinite at frequency zero.

    Args:
        slowest: smallest speed above zero in the model, in m/s.
        frequency: dominant frequency in Hz.
        spacing: metres per cell.
    """
    if frequency == 0:
        return math.inf
    return slowest / frequency / max(_sequence(spacing))


def _sequence(value: Sequence[float] | float) -> Sequence[float]:
    return (value,) if isinstance(value, (int, float)) else value
