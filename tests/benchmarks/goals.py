"""Goals that compare rows with each other or with the machine.

Those beside Deepwave are in the rows themselves.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cases import JAX_PEERS
from report import BARE, BASE, OURS, Row, markdown, round_ratios

GRADIENT = 4.0
"""Times its forward run that a gradient may take, in any case."""
APART = 1.1
"""Times the other front end that one may take."""
BYTES_PER_CELL = 16
"""What a step of the scalar equation moves at least, float32: two fields and a coefficient read,
one field written."""


@dataclass(frozen=True)
class Verdict:
    """figure: as measured; goal: what it should be, in words."""

    case: str
    library: str
    goal: str
    figure: float
    met: bool

    def cells(self) -> list[str]:
        """Columns of the table."""
        verdict = "met" if self.met else "not met"
        return [self.case, self.library, self.goal, f"{self.figure:.2f}", verdict]


def verdicts(rows: list[Row], bandwidth: dict[str, float]) -> Iterator[Verdict]:
    """Of all rows that were measured.

    Args:
        bandwidth: of a device's memory, bytes a second, for cases with a goal of it.
    """
    done = _measured(rows)
    for (name, library), row in done.items():
        goal, label = row.case.goal, row.case.label
        forward = done.get((name.partition("gradient")[0] + "forward", library))
        if row.case.work == "gradient" and forward and library in (*OURS, BARE):
            times = row.median / forward.median
            wanted = f"at most {GRADIENT:g} times its forward run"
            yield Verdict(label, library, wanted, times, times <= GRADIENT)
        if library not in OURS:
            continue
        for peer, times in goal.beside.items():
            other = done.get((name, peer))
            if other and (library == OURS[1] or peer not in JAX_PEERS):
                ratio = statistics.median(round_ratios(other.seconds, row.seconds))
                wanted = f"{times:g} times faster than {peer}"
                yield Verdict(label, library, wanted, ratio, ratio >= times)
        if goal.bandwidth:
            share = row.rate * 1e9 * BYTES_PER_CELL / bandwidth[row.case.device]
            wanted = f"{goal.bandwidth:g} of the bandwidth at {BYTES_PER_CELL} bytes a cell"
            yield Verdict(label, library, wanted, share, share >= goal.bandwidth)
        if goal.milliseconds:
            taken, wanted = row.median * 1e3, f"at most {goal.milliseconds:g} ms"
            yield Verdict(label, library, wanted, taken, taken <= goal.milliseconds)
        if library == OURS[1] and (other := done.get((name, OURS[0]))):
            times = statistics.median(round_ratios(row.seconds, other.seconds))
            wanted = f"within {APART - 1:.0%} of {OURS[0]}"
            yield Verdict(label, library, wanted, times, times <= APART)


def _measured(rows: list[Row]) -> dict[tuple[str, str], Row]:
    """Rows that have times, by case and library."""
    return {(row.case.name, row.library): row for row in rows if row.seconds and not row.reason}


def bounds(rows: list[Row]) -> str:
    """Markdown: the times that goals ask for beside what the bare loop takes; "" without one."""
    lines, done = [], _measured(rows)
    for (name, library), row in done.items():
        goal = row.case.goal
        for peer, times in {BASE: goal.speed, **goal.beside}.items():
            if library == BARE and times and (name, peer) in done:
                asked = done[name, peer].median / times
                wanted = f"{times:g} times faster than {peer}"
                verdict = "yes" if row.median <= asked else "no"
                lines.append([row.case.label, wanted, f"{asked:.3g}", f"{row.median:.3g}", verdict])
    head = ["case", "goal", "it asks for, s", "the bare loop takes, s", "so fast"]
    return markdown([head, ["---", "---", "---:", "---:", "---"], *lines]) if lines else ""


def table(verdicts: Iterable[Verdict]) -> str:
    """Markdown; "" where there is nothing to judge."""
    found = [verdict.cells() for verdict in verdicts]
    head = ["case", "library", "goal", "figure", "verdict"]
    return markdown([head, ["---", "---", "---", "---:", "---"], *found]) if found else ""
