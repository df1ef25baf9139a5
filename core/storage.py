"""Where a gradient has the forward fields from: kept states, repeated steps, and a limit on memory.

A gradient needs the equation's quantities of every step, last to first. ``forward`` keeps a state
every ``checkpoint_interval`` steps. On the way back each interval is marched again, and
``history_steps`` of its steps are held at a time; where those are fewer than an interval has,
``inner_states`` more states are kept inside it and the march is repeated from them by binomial
checkpointing (Griewank & Walther 2000). Or ``forward`` keeps the quantities of every step, the full
history, and nothing is repeated. In these three ways the gradient has the same bits.

Of a full history the boundary may be enough (Clapp 2008): in a medium that loses no energy the
fields of the last step are marched back, with what was kept of those where the PML reaches and
beside these; there the quantities themselves are kept. Rounding makes the difference.
"""

from __future__ import annotations

import functools
import math
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from . import checks
from .costs import moved_by_a_step
from .equations import Equation
from .layout import Description
from .memory import ALONE, BYTES, WORKSPACE, Footing, core, gradient_bytes, total_bytes

STRATEGIES = ("auto", "checkpoint", "full", "boundary")
FULL = ("full", "boundary")
"""Those that keep something of every step."""
STORAGE_MODES = ("device", "cpu", "disk")
_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_MOST_INNER_STATES = 30
_MOVES_TO_CLEAR = 25
"""Grids that a march reads or writes in the time in which the system clears one; by measurement 20
to 30, in 2-D and in 3-D."""


def parse_limit(value: Any) -> int | None:
    """``memory_limit`` in bytes."""
    accepted = "None, a number of bytes above 0, or a text such as '4GB', '500 MB' or '2 GiB'"
    if value is None:
        return None
    if isinstance(value, str):
        parts = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*([A-Za-z]+)\s*", value)
        unit = _UNITS.get(parts[2].upper()) if parts else None
        if parts is None or unit is None:
            checks.fail("memory_limit", f"got {value!r}", accepted)
        value = float(parts[1]) * unit
    bytes_ = checks.number("memory_limit", value, accepted)
    if bytes_ < 1:
        checks.fail("memory_limit", f"got {checks.shown(value)}", accepted)
    return int(bytes_)


def balanced(d: Description, footing: Footing = ALONE) -> Description:
    """The description with states so far apart that a gradient takes least memory.

    The core's own interval is that of a shot by itself. Of many shots all states are kept at once,
    but histories only of those that are marched at once: then fewer states take less.
    """
    native = core()
    alone = native is None or d.shots == 1 or d.full_history
    return d if alone else _balanced(d, footing, native.get_num_threads())


@functools.lru_cache(maxsize=1024)
def _balanced(d: Description, footing: Footing, threads: int) -> Description:
    """As above; each of the threads may march a shot of its own."""
    intervals, count = [d.checkpoint_interval], -(-d.nt // core().storage(d)[0])
    while count > 1:
        count = count * 4 // 5
        intervals.append(-(-d.nt // count))
    candidates = [replace(d, checkpoint_interval=interval) for interval in intervals]
    return min(candidates, key=lambda one: total_bytes(one, footing))


def within(d: Description, limit: int, footing: Footing = ALONE) -> Description:
    """The description whose gradient takes ``limit`` bytes or less, and least time.

    Where the default does not fit, fewer states and longer repeats are weighed against a workspace
    that is given back before and after (``lean``), and is then cleared again in every call.

    Raises:
        ValueError: nothing does; the message says the least that would.
    """
    native = core()
    return d if native is None else _within(d, limit, footing, native.get_num_threads())


@functools.lru_cache(maxsize=1024)
def _within(d: Description, limit: int, footing: Footing, threads: int) -> Description:
    """As above; each of the threads may have memory of its own."""
    default = balanced(d, footing)
    if total_bytes(default, footing) <= limit:
        return default
    found, least = {}, math.inf
    for lean in (False, True) if footing.reused else (True,):
        for candidate, needed in _candidates(replace(default, lean=lean), limit, footing):
            least = min(least, needed)
            if needed <= limit:
                found[candidate] = steps_more(candidate, footing)
    if not found:
        checks.fail(
            "memory_limit",
            f"got {limit} bytes, but the call with a gradient takes at least {least}",
            f"{least} bytes or more",
            "Or give fewer shots at a time, or cut the model, with survey_pad for instance"
            + (", or use gradient_storage='checkpoint'." if d.full_history else "."),
        )
    return min(found, key=found.__getitem__)


def steps_more(d: Description, footing: Footing = ALONE) -> float:
    """Forward steps in whose time a gradient does all that storing less memory costs: those that it
    marches again, and where the workspace is given back those in which the system clears it anew.
    """
    cleared = 0.0
    if d.lean and not footing.device:
        workspace = gradient_bytes(d, "compiled", footing)[WORKSPACE]
        cleared = workspace / (BYTES[d.dtype] * d.cells * max(d.shots, 1))
    return repeated_steps(d) + _MOVES_TO_CLEAR * cleared / moved_by_a_step(d)


def _candidates(d: Description, limit: int, footing: Footing) -> Iterator[tuple[Description, int]]:
    """Descriptions, each with as long a history as fits, or of one step, and their bytes."""
    yield d, total_bytes(d, footing)
    if d.full_history:
        return
    count = 1
    while count <= d.nt:
        interval = -(-d.nt // count)
        for inner in range(_MOST_INNER_STATES + 1):
            one = replace(d, checkpoint_interval=interval, history_steps=1, inner_states=inner)
            needed = total_bytes(one, footing)
            if needed <= limit:
                one = _longest(one, limit, footing)
                needed = total_bytes(one, footing)
            yield one, needed
            if needed > limit or one.history_steps == interval:
                break  # more states do not fit, or would not be used
        count = max(count + 1, count * 5 // 4)


def _longest(d: Description, limit: int, footing: Footing) -> Description:
    """The one with the longest history that fits, where one of a step does. Bytes grow with it, but
    not in proportion: from some length on a history goes past the caches, and what the framework
    takes beside the workspace may make room for it."""
    lengths = range(2, d.checkpoint_interval + 1)
    fitting = bisect_right(
        lengths, limit, key=lambda n: total_bytes(replace(d, history_steps=n), footing)
    )
    return replace(d, history_steps=1 + fitting)


def repeated_steps(d: Description) -> int:
    """Forward steps that a gradient marches again."""
    if d.boundary:
        return d.nt
    if d.full_history:
        # What forward does not leave is made, and lives, inside one call of the core.
        return d.nt if d.place else 0
    native = core()
    interval, history, inner = native.storage(d)
    whole, rest = divmod(d.nt, interval)
    return whole * _repeated(interval, history, inner + 1) + _repeated(rest, history, inner + 1)


def check_reversible(equation: Equation, ndim: int) -> None:
    """Raise where the fields cannot be marched back."""
    if not all(stage.reversible for stage in equation.stages(ndim)):
        checks.fail(
            "gradient_storage",
            f"is 'boundary', but in the equation {equation.name} waves lose energy on their way, "
            "so that their past cannot be rebuilt",
            "'auto', 'checkpoint' or 'full'",
        )


def _repeated(steps: int, history: int, states: int) -> int:
    """Of one interval: those of its pieces, and those marched to come to them.

    To go back over l pieces with s states takes r l - binomial(s + r, s + 1) pieces of marching,
    r being how often one is repeated (Griewank & Walther 2000, eq. 3). The first piece has fewer
    steps than the others where an interval is no multiple of them.
    """
    pieces = -(-steps // history) if steps else 0
    if pieces <= 1:
        return steps
    times = _times(pieces, states)
    marched = (times + 1) * pieces - math.comb(states + times, states + 1)
    left, first = pieces, 1
    while left > 1:
        times = _times(left, states)
        left = min(
            math.comb(states + times - 1, states), left - math.comb(states + times - 2, states - 1)
        )
        first += 1
    return history * marched - first * (history * pieces - steps)


def _times(pieces: int, states: int) -> int:
    """How often a piece is repeated at most."""
    times = 1
    while math.comb(states + times, states) < pieces:
        times += 1
    return times
