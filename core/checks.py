"""Checks of single arguments: one clear error each, before any memory is touched.

Every message has one form, ``argument: what came. Accepted: what is accepted. How to mend it.``
Wrong types and dtypes raise TypeError, everything else ValueError. A check of values needs values:
where they are unknown (``jax.jit``, ``torch.compile``) it is skipped, and :data:`TRACED` says what
that leaves unchecked. Checks that need several arguments at once are in ``setup.py``.
"""

from __future__ import annotations

import math
import operator
import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import numpy as np
from array_api_compat import array_namespace

from .framework import Array, Framework

IGNORE_LOCATION = -(1 << 31)
"""Every coordinate of a source or receiver that is to be left out; the same value as Deepwave's."""

_CONVERSIONS = {"numpy": "numpy.asarray", "torch": "torch.as_tensor", "jax": "jax.numpy.asarray"}
DTYPES = ("float32", "float64")
ACCURACIES = (2, 4, 6, 8)

TRACED = """\
finite values in models, amplitudes, wavefields and outputs; speeds of zero or more; that max_vel
covers the model; cells per wavelength; that float locations lie inside the model and their windows
in its grid; duplicated source cells; points that are ignored in one coordinate only. Integer
locations are checked inside the compiled call."""
"""What is not checked while values are unknown; a part of the public docstrings."""


def fail(
    argument: str, came: str, accepted: str, mend: str = "", kind: type = ValueError
) -> NoReturn:
    """Raise the one error of the one form."""
    raise kind(f"{argument}: {came}. Accepted: {accepted}.{' ' + mend if mend else ''}")


def warn(message: str) -> None:
    """Warn, as coming from the line of the caller's code that called this package."""
    package, frame, level = __name__.split(".")[0], sys._getframe(1), 2
    while frame.f_back and str(frame.f_globals.get("__name__")).split(".")[0] == package:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)


def number(name: str, value: Any, accepted: str = "a number", minimum: float = -math.inf) -> float:
    """``value`` as a finite float, ``minimum`` or more."""
    try:
        result = float(value)
    except Exception as error:  # each framework has its own class for a traced value
        mend = " It must be known when a function is traced: make it static." * _traced(value)
        raise TypeError(f"{name}: got {shown(value)}. Accepted: {accepted}.{mend}") from error
    if isinstance(value, (str, bool, np.bool_)):
        fail(name, f"got {value!r}", accepted, kind=TypeError)
    if not math.isfinite(result) or result < minimum:
        fail(name, f"got {result}", accepted)
    return result


def positive(name: str, value: Any, unit: str = "", mend: str = "") -> float:
    """``value`` as a finite float above zero."""
    accepted = f"a number above zero{', in ' + unit if unit else ''}"
    result = number(name, value, accepted)
    if result <= 0:
        fail(name, f"got {result:g}", accepted, mend)
    return result


def nonzero(name: str, value: Any, unit: str) -> float:
    """``value`` as a finite float other than zero."""
    accepted = f"a number other than zero, {unit}"
    result = number(name, value, accepted)
    if result == 0:
        fail(name, "got 0", accepted)
    return result


def integer(name: str, value: Any, minimum: int, accepted: str = "") -> int:
    """``value`` as an int, ``minimum`` or more; floats, strings and bools are refused."""
    accepted = accepted or f"an int, {minimum} or more"
    try:
        result = operator.index(value)
    except Exception as error:
        raise TypeError(f"{name}: got {shown(value)}. Accepted: {accepted}.") from error
    if isinstance(value, (bool, np.bool_)):
        fail(name, f"got {value!r}", accepted, kind=TypeError)
    if result < minimum:
        fail(name, f"got {result}", accepted)
    if result >= 2**63:
        fail(name, f"got {result}", f"{accepted}, below 2**63")
    return result


def flag(name: str, value: Any) -> bool:
    """``value`` as a bool."""
    if not isinstance(value, (bool, np.bool_)):
        fail(name, f"got {shown(value)}", "True or False", kind=TypeError)
    return bool(value)


def choice(name: str, value: Any, options: Iterable[Any], mend: str = "") -> Any:
    """``value`` if it is one of ``options``, which are all strings or all ints."""
    options = tuple(options)
    listed = ", ".join(repr(option) for option in options)
    if isinstance(options[0], int):
        value = integer(name, value, minimum=0, accepted=f"one of the ints {listed}")
    elif not isinstance(value, str):
        fail(name, f"got {shown(value)}", f"one of {listed}", mend, TypeError)
    if value not in options:
        fail(name, f"got {value!r}", f"one of {listed}", mend)
    return value


def fraction(name: str, value: Any) -> float:
    """``value`` as a float from 0 to 1."""
    result = number(name, value, "a number from 0 to 1")
    if not 0 <= result <= 1:
        fail(name, f"got {result:g}", "a number from 0 to 1")
    return result


def per_axis(name: str, value: Any, ndim: int, unit: str) -> tuple[float, ...]:
    """One number above zero for each axis, from one for all or a sequence."""
    found = entries(value)
    if found is None:
        return (positive(name, value, unit),) * ndim
    if len(found) != ndim:
        came = f"got {len(found)} numbers for a model of {ndim} dimension{'s' * (ndim > 1)}"
        fail(name, came, f"one number, or {ndim}, slowest axis first, in {unit}")
    return tuple(positive(f"{name}[{i}]", entry, unit) for i, entry in enumerate(found))


def per_face(name: str, value: Any, ndim: int) -> tuple[int, ...]:
    """Ints of 0 or more, beginning and end of each axis, from one for all or a sequence."""
    return tuple(integer(label, x, 0, one) for label, x, one in _faces(name, value, ndim, ""))


def per_face_or_none(name: str, value: Any, ndim: int) -> tuple[int | None, ...]:
    """As :func:`per_face`; None is accepted too, alone or as an entry."""
    value = [None] * (2 * ndim) if value is None else value
    return tuple(
        None if x is None else integer(label, x, 0, one)
        for label, x, one in _faces(name, value, ndim, " or None")
    )


def _faces(name: str, value: Any, ndim: int, none: str) -> list[tuple[str, Any, str]]:
    """For each face a name, the value as given, and what is accepted."""
    order = "beginning and end of each axis, slowest first"
    accepted = f"an int of 0 or more{none}, or {2 * ndim} of them: {order}"
    found = entries(value)
    if found is None:
        return [(name, value, accepted)] * (2 * ndim)
    if len(found) != 2 * ndim:
        came = f"got {len(found)} entries for a model of {ndim} dimension{'s' * (ndim > 1)}"
        fail(name, came, accepted)
    return [(f"{name}[{i}]", entry, accepted) for i, entry in enumerate(found)]


def array(fw: Framework, name: str, x: Any, accepted: str, dtype: str | None = None) -> Array:
    """``x`` as a float array of this framework, float32 or float64.

    Args:
        accepted: the shape in words, for the message.
        dtype: what it must be; without it float32 and float64 are both accepted.
    """
    wanted = f"{dtype or 'float32 or float64'} array {accepted}"
    if not fw.is_array(x) and not (fw.name != "torch" and isinstance(x, np.ndarray)):
        mend = f"Use {_CONVERSIONS[fw.name]}."
        fail(name, f"got {shown(x)}", f"a {wanted}", mend, TypeError)
    came = fw.dtype_name(x)
    if came not in DTYPES or (dtype is not None and came != dtype):
        mend = f"Convert it to {dtype}, the dtype of the model." if dtype else "Convert it."
        fail(name, f"has dtype {came}", f"a {wanted}", mend, TypeError)
    if not fw.is_array(x):
        try:
            x = fw.asarray(x, dtype=came)
        except TypeError as error:  # float64 in JAX without jax_enable_x64
            raise TypeError(f"{name}: has dtype {came}. {error}") from error
    return x


def shape(name: str, x: Any, wanted: Sequence[int | str]) -> None:
    """Raise unless ``x`` has the wanted shape; a string stands for an axis of any length."""
    came = tuple(x.shape)
    if len(came) != len(wanted) or any(
        isinstance(want, int) and have != want for have, want in zip(came, wanted, strict=False)
    ):
        fail(name, f"has shape {list(came)}", f"shape [{', '.join(map(str, wanted))}]")


def finite(fw: Framework, name: str, x: Any) -> Any:
    """The values of ``x``, None where unknown; raise on NaN and infinity."""
    values = fw.known(x)
    if values is not None and not _has_finite_sum(fw, values):
        bad = ~array_namespace(values).isfinite(values)
        if bad.any():
            count, where = _found(fw, bad)
            came = f"{count} values are NaN or infinite, the first at {where}"
            fail(name, came, "finite values")
    return values


def _found(fw: Framework, bad: Any) -> tuple[str, list[int]]:
    """How many of how many hold, and where the first is."""
    bad = fw.concrete(bad)
    return f"{int(bad.sum())} of {bad.size}", [int(i) for i in np.argwhere(bad)[0]]


def all_finite(fw: Framework, x: Array) -> bool | None:
    """Whether all values are finite; None where they are unknown. ``x`` stays on its device."""
    likely = _has_finite_sum(fw, x)
    if likely is not False:
        return likely
    each = fw.concrete(fw.xp.all(fw.xp.isfinite(x)))
    return None if each is None else bool(each.all())


def _has_finite_sum(fw: Framework, x: Any) -> bool | None:
    """Whether the sum is finite, and with it all terms, in one pass; of finite terms it may still
    overflow. None where it is unknown."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = fw.concrete(x.sum())
    if total is None:
        return None
    return math.isfinite(total) if total.ndim == 0 else bool(np.isfinite(total).all())


def finite_field(fw: Framework, name: str, x: Array) -> None:
    """As :func:`finite`, but ``x`` stays on its device; unknown as well where it is a constant of
    a traced function."""
    if all_finite(fw, x) is False:
        finite(fw, name, x)


def speed(fw: Framework, name: str, x: Any) -> Any:
    """As :func:`finite`, and no value below zero and not all zero."""
    values = finite(fw, name, x)
    if values is None or 0 in values.shape:
        return values
    if values.min() < 0:
        count, where = _found(fw, values < 0)
        mend = "The sign of a speed has no meaning: pass abs()."
        came = f"{count} speeds are negative, the first at {where}"
        fail(name, came, "speeds of 0 or more", mend)
    if not values.max() > 0:
        fail(name, "all speeds are zero", "a speed above zero somewhere")
    return values


def condition(fw: Framework, name: str, x: Any, holds: Any, accepted: tuple[str, str]) -> None:
    """Raise unless ``holds`` everywhere; ``accepted`` says what must, and how to mend it."""
    bad = ~holds
    if bad.any():
        count, where = _found(fw, bad)
        value = np.broadcast_to(np.asarray(fw.concrete(x)), tuple(bad.shape))[tuple(where)]
        fail(name, f"{count} values do not fit, the first {value:g} at {where}", *accepted)


def device(name: str, x: Any, like: Any, like_name: str) -> None:
    """Raise unless both arrays are on one device. JAX reports its own."""
    if type(x).__module__.split(".")[0] == "torch" and x.device != like.device:
        mend = f"Move it with .to({like_name}.device)."
        fail(name, f"is on device {x.device}", f"the device of {like_name}, {like.device}", mend)


def entries(value: Any) -> list[Any] | None:
    """The entries of a sequence or of an array of one axis; None for everything else."""
    if isinstance(value, (str, bytes)) or getattr(value, "ndim", 1) == 0:
        return None
    try:
        return list(value)
    except Exception:  # not iterable
        return None


def _traced(value: Any) -> bool:
    return "Tracer" in type(value).__name__


def shown(value: Any) -> str:
    """A short text for a value in a message: never a whole array."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{type(value).__name__} of dtype {value.dtype} and shape {list(value.shape)}"
    text = repr(value)
    return f"{text if len(text) < 60 else text[:57] + '...'} ({type(value).__name__})"
