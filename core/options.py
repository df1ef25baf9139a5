"""Checks of the keywords that all equations share, as far as they do not depend on the arrays."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from . import checks
from .call import Options
from .interpolation import BETA, MODES
from .layout import PACKINGS
from .storage import FULL, STORAGE_MODES, STRATEGIES, parse_limit

BACKENDS = ("auto", "compiled", "eager")


def check_options(options: Options) -> None:
    """Raise where a keyword is out of range, or asks for what is not there yet."""
    o = options
    checks.choice("accuracy", o.accuracy, checks.ACCURACIES)
    checks.fraction("freq_taper_frac", o.freq_taper_frac)
    checks.fraction("time_pad_frac", o.time_pad_frac)
    checks.flag("time_taper", o.time_taper)
    checks.flag("check_output_finite", o.check_output_finite)
    checks.choice("location_interpolation", o.location_interpolation, MODES)
    halfwidth, most = o.location_interpolation_halfwidth, len(BETA)
    accepted = f"an int from 1 to {most}"
    if checks.integer("location_interpolation_halfwidth", halfwidth, 1, accepted) > most:
        checks.fail("location_interpolation_halfwidth", f"got {halfwidth}", accepted)
    if o.courant_number is not None:
        checks.positive("courant_number", o.courant_number)
    checks.choice("gradient_storage", o.gradient_storage, STRATEGIES)
    checks.choice("storage_mode", o.storage_mode, STORAGE_MODES)
    packing(o)
    folder(o)
    for name, default in (("storage_dtype", None), ("storage_mode", "device")):
        if getattr(o, name) != default and o.gradient_storage != "full":
            came = f"is given, but gradient_storage is {o.gradient_storage!r}"
            mend = "What else is kept is exact, and with the other arrays."
            checks.fail(name, came, f"{default!r}, or gradient_storage='full'", mend)
    if o.gradient_storage in FULL and backend(o) == "eager":
        came = f"is {o.gradient_storage!r}, but backend is 'eager'"
        mend = "There the framework keeps what it needs."
        checks.fail("gradient_storage", came, "'auto', or the compiled backend", mend)
    name = "model_gradient_sampling_interval"
    if checks.integer(name, getattr(o, name), 1) > 1:
        _check_native_gradient(name, o)
    if parse_limit(o.memory_limit) is not None:
        _check_native_gradient("memory_limit", o)
    checks.integer("callback_frequency", o.callback_frequency, 1)
    for name in ("forward_callback", "backward_callback"):
        value = getattr(o, name)
        if value is not None and not callable(value):
            accepted = "None, or a function of a CallbackState"
            checks.fail(name, f"got {checks.shown(value)}", accepted, kind=TypeError)


def _check_native_gradient(name: str, options: Options) -> None:
    """Raise where the gradient is not one native call's, of which ``name`` is a property."""
    if options.has_callback or backend(options) == "eager":
        other = "a callback" if options.has_callback else "backend='eager'"
        came = f"is given together with {other}"
        checks.fail(name, came, "one of the two")


def packing(options: Options, dtype: str = "") -> str:
    """The format of a kept history of fields of a dtype; "" for their own."""
    given = options.storage_dtype
    # "float16", torch.float16, jax.numpy.float16 and np.dtype("float16") are one.
    name = getattr(given, "__name__", None) or str(given).rsplit(".", 1)[-1]
    if given is None or name == dtype:
        return ""
    if not dtype and name == "float64":
        return ""  # accepted where the models are of it, which is not known yet
    if name not in PACKINGS[1:]:
        accepted = f"None, or one of {', '.join(map(repr, PACKINGS[1:]))}"
        checks.fail("storage_dtype", f"got {given!r}", accepted)
    return name


def folder(options: Options) -> str:
    """The folder of a history on disk as given; "" for the system's, known when it runs."""
    given = options.storage_path
    if options.storage_mode != "disk":
        if given is not None:
            came = f"is given, but storage_mode is {options.storage_mode!r}"
            checks.fail("storage_path", came, "None, or storage_mode='disk'")
        return ""
    if given is not None and not isinstance(given, (str, os.PathLike)):
        checks.fail("storage_path", f"got {checks.shown(given)}", "None, or a path", kind=TypeError)
    if given is None:
        return ""
    path = Path(given).absolute()
    # Not Path.is_dir, which raises where a name is too long.
    if not os.path.isdir(path) or not os.access(path, os.W_OK | os.X_OK):
        came = f"got '{path}', which is not a folder that may be written to"
        checks.fail("storage_path", came, "None, or an existing folder")
    return str(path)


def backend(options: Options) -> str:
    """The backend that a call runs on, "compiled" or "eager"."""
    chosen = checks.choice("backend", options.backend, BACKENDS)
    alias = options.python_backend
    if alias not in (None, False):
        if alias is not True and alias != "eager":
            came = f"got {checks.shown(alias)}"
            mend = "Deepwave's 'jit' and 'compile' do not exist here."
            checks.fail("python_backend", came, "'eager', True or None", mend)
        if chosen == "compiled":
            came = f"is {alias!r}, but backend is 'compiled'"
            checks.fail("python_backend", came, "one of the two")
        chosen = "eager"
    return "compiled" if chosen == "auto" else chosen


def origin(value: Any, ndim: int) -> tuple[int, ...] | None:
    """First cell of the region as ints, or None."""
    if value is None:
        return None
    accepted = f"{ndim} ints of 0 or more, slowest axis first"
    entries = checks.entries(value)
    if entries is None or len(entries) != ndim:
        checks.fail("origin", f"got {checks.shown(value)}", accepted)
    return tuple(checks.integer(f"origin[{i}]", x, 0, accepted) for i, x in enumerate(entries))
