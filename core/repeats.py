"""What a call takes over from an earlier one that differs in the values of models and amplitudes.

Iterations of an inversion call a propagator again with other models and the same everything else.
Sorting and checking arguments, placing sources and receivers and making the PML takes longer than
the march of a small grid; so the decisions and constants of the last few calls are kept, each under
all that they depend on: every argument but those values, of which shape, dtype and device count,
the locations and masks by their bytes; and what the values say, as ``choices.Numbers``. The values
themselves are checked at every call.

What is traced, differentiated with respect to locations, continued from a state, or told to call
back, takes nothing over; nor does a call whose constants are large, where it would gain little.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import native
from .call import Call, defaults
from .choices import choose
from .form import Form, places
from .framework import Array, Framework
from .inputs import Frame, Inputs, filled
from .operands import Places, place
from .setup import Setup, decide, examine

_CALLS, _NUMBERS = 8, 4
"""Calls that are kept for each function, and sets of numbers for each of them."""
_MOST_BYTES = 1 << 20
"""Of an array of locations, and of the constants, of a call that is kept."""
_SCALARS = (int, float, str, np.generic)
_NEVER = (
    "initial_state",
    "forward_callback",
    "backward_callback",
    "storage_path",
    "memory_limit",
)
"""Arguments with which nothing is kept: by the next call the folder of a path may have gone, and
the threads that share the memory may be others."""

Decided = tuple[Setup, Places]


@dataclass
class _Kept:
    """A call without its arrays, and what was decided by the numbers that they gave."""

    frame: Frame
    decided: OrderedDict[Hashable, Decided] = field(default_factory=OrderedDict)


class Repeats:
    """The calls of one public function with arrays of one framework.

    Args:
        names: of its parameters, in their order.
    """

    def __init__(self, fw: Framework, form: Form, names: tuple[str, ...]):
        models = (*form.equation.parameters, *form.perturbations, *form.perturbation_aliases)
        stems = ("source_amplitudes", "source_tensors")
        self._fw, self._form, self._names = fw, form, names
        self._never = {*_NEVER, *form.wavefields}
        self._optional = {name for name, default in defaults(form).items() if default is None}
        self._valued = {*models, *(name for name in names if name.startswith(stems))}
        self._placing = set(filter(places, names))
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def decide(self, call: Call, key: Hashable | None) -> Decided:
        """Check a call; what is decided, and its constants.

        Args:
            key: what :meth:`key` says of the call.
        """
        fw, kept = self._fw, self._find(key)
        if kept is None:
            inputs = examine(fw, self._form, call)
        else:
            inputs = filled(fw, self._form, kept.frame, (call, call))
        numbers = choose(fw, self._form.equation, inputs, call)
        speeds = numbers.speeds
        seen = speeds.largest, speeds.on_grid, numbers.pml_freq
        found = None if kept is None else kept.decided.get(seen)
        if found is None:
            setup = decide(fw, self._form, call, inputs, numbers)
            found = setup, place(fw, setup)
            if key is not None and _is_kept(fw, found[1]):
                self._keep(key, seen, found)
            return found
        return found[0].of(inputs, speeds.slowest), found[1]

    def key(self, args: tuple, keywords: dict[str, Any]) -> Hashable | None:
        """All that decisions depend on beside the numbers; None where nothing is to be kept."""
        parts: list[Hashable] = []
        fw, like = self._fw, None
        for name, x in (*zip(self._names, args, strict=False), *keywords.items()):
            if x is None and name in self._optional:
                continue
            if name in self._never:
                return None
            if name in self._valued:
                part, like = fw.facts(x), x
            else:
                part = _bytes(fw, x) if name in self._placing else _plain(x)
            if part is None:
                return None
            parts += name, part
        around = None if like is None else fw.surroundings(like)
        # The states that a gradient keeps go by how many shots are marched at once.
        threads = native.get_num_threads() if native.available() else 0
        return None if around is None else (around, threads, *parts)

    def _find(self, key: Hashable | None) -> _Kept | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
            return kept

    def _keep(self, key: Hashable, seen: Hashable, found: Decided) -> None:
        frame = _frame(found[0].inputs)
        with self._lock:
            kept = self._kept.setdefault(key, _Kept(frame))
            kept.decided[seen] = found[0].of(frame, None), found[1]
            for entries, most in ((self._kept, _CALLS), (kept.decided, _NUMBERS)):
                while len(entries) > most:
                    entries.popitem(last=False)


def _frame(inputs: Inputs) -> Frame:
    return Frame(**{name: getattr(inputs, name) for name in Frame.__dataclass_fields__})


def _bytes(fw: Framework, x: Any) -> Hashable | None:
    """What locations or a mask are, if it is known and not differentiated."""
    facts: Hashable = ()
    if not isinstance(x, np.ndarray):
        facts = None if fw.is_traced(x) else fw.facts(x)
        x = None if facts is None else fw.concrete(x)
    if x is None or x.nbytes > _MOST_BYTES or x.dtype.hasobject:
        return None
    return facts, x.shape, x.dtype.str, x.tobytes()


def _plain(x: Any) -> Hashable | None:
    """A number or text, or a nest of such, of which 1, 1.0 and True are three."""
    if isinstance(x, (tuple, list)):
        entries = tuple("" if entry is None else _plain(entry) for entry in x)
        return None if None in entries else (type(x), entries)
    return (type(x), x) if isinstance(x, _SCALARS) else None


def _is_kept(fw: Framework, constants: Places) -> bool:
    """Whether constants are small, and are arrays that any later call can use."""
    arrays: list[Array] = [constants.receiver_weights, *constants.constants]
    for channel in constants.sources:
        for part in channel:
            arrays += part.nodes if part.cells is None else (*part.nodes, part.cells)
    known = all(fw.facts(x) is not None for x in arrays)
    return known and sum(x.nbytes for x in arrays) <= _MOST_BYTES
