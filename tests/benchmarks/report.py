"""From measurements to the table, and the table into a page."""

from __future__ import annotations

import dataclasses
import statistics
from dataclasses import dataclass, field
from pathlib import Path

from cases import Case

BASE = "deepwave"
OURS = ("dualwave.torch", "dualwave.jax")
BARE = "bare loop"
BEGIN = "<!-- benchmarks: begin (written by make bench) -->"
END = "<!-- benchmarks: end -->"
HEADER = [
    "case",
    "library",
    "median, s",
    "times faster than Deepwave",
    "range of the ratio",
    "GPts/s",
    "peak memory, MB",
    "goals",
]
_DERIVATIVES = (
    "Derivatives beside the forward run of the same library and backend (`derivatives-2d-*`); "
    "`:eager` are the backends of array operations."
)
_GOALS = "What rows should be beside each other, and beside the bandwidth of the memory:"
_BOUNDS = "What goals ask for, and whether the bare loop is so fast:"


@dataclass
class Row:
    """A library on a case: seconds of each round, or the reason why there are none."""

    case: Case
    library: str
    version: str = ""
    seconds: list[float] = field(default_factory=list)
    base_seconds: list[float] = field(default_factory=list)  # Deepwave's in the same rounds
    peak_bytes: int = 0
    base_peak_bytes: int = 0
    difference: float | None = None  # from Deepwave's result, relative, L2
    reason: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def ratios(self) -> list[float]:
        """Per round: above 1, faster than Deepwave."""
        return round_ratios(self.base_seconds, self.seconds)

    @property
    def rate(self) -> float:
        """Billions of cell updates of the forward run a second, PML cells included."""
        return self.case.updates / self.median / 1e9

    def cells(self) -> list[str]:
        """Columns of the table."""
        if self.reason or not self.seconds:
            return [self.case.label, self.library, f"not run: {self.reason}", *[""] * 5]
        ratios = self.ratios
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}" if ratios else ""
        return [
            self.case.label,
            self.library,
            f"{self.median:.4g}",
            f"{statistics.median(ratios):.2f}" if ratios else "",
            spread if self.library != BASE else "",
            f"{self.rate:.3g}",
            f"{self.peak_bytes / 1e6:.0f}",
            self.verdicts() if self.library in OURS else "",
        ]

    def verdicts(self) -> str:
        """The goals beside Deepwave, and whether they are met."""
        goal, found = self.case.goal, []
        if goal.speed and self.ratios:
            met = statistics.median(self.ratios) >= goal.speed
            found.append(f"{goal.speed:g} times faster: {'met' if met else 'not met'}")
        if goal.memory and self.base_peak_bytes:
            met = self.base_peak_bytes >= goal.memory * self.peak_bytes
            found.append(f"1/{goal.memory:g} of its memory: {'met' if met else 'not met'}")
        return "; ".join(found)

    def facts(self) -> dict:
        """For JSON: everything, and what follows from it."""
        out = dataclasses.asdict(self)
        if self.seconds:
            out |= {"median": self.median, "ratios": self.ratios, "gpts_per_s": self.rate}
        return out


def round_ratios(seconds: list[float], others: list[float]) -> list[float]:
    """One time over the other, of the same rounds; one of the two may have stopped early."""
    return [one / other for one, other in zip(seconds, others, strict=False)]


def table(rows: list[Row]) -> str:
    """Markdown."""
    return markdown([HEADER, ["---", "---", *["---:"] * 5, "---"], *(r.cells() for r in rows)])


def markdown(lines: list[list[str]]) -> str:
    """A table of cells."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def derivatives(rows: list[Row]) -> str:
    """Markdown: what derivatives take beside the forward run of the same library."""
    rows = [row for row in rows if row.case.interpreted]
    forward = {row.library: row for row in rows if row.case.work == "forward"}
    lines = [["library", "work", "times the forward run", "peak memory, MB"]]
    lines.append(["---", "---", "---:", "---:"])
    for row in sorted(rows, key=lambda row: list(forward).index(row.library)):
        base = forward[row.library]
        if row.reason or base.reason or not row.seconds:
            lines.append([row.library, row.case.work, f"not run: {row.reason or base.reason}", ""])
        else:
            ratio = f"{row.median / base.median:.2f}"
            lines.append([row.library, row.case.work, ratio, f"{row.peak_bytes / 1e6:.0f}"])
    return markdown(lines)


def block(
    rows: list[Row], machine: list[str], command: str, goals: str = "", bounds: str = ""
) -> str:
    """What lies between the two markers of the page; the last two are tables of ``goals.py``."""
    versions = {row.library: row.version for row in rows if row.version}
    lines = [f"- {name} {version}" for name, version in versions.items()]
    return "\n".join(
        [
            f"Command: `{command}`",
            "",
            *(f"- {line}" for line in machine),
            *lines,
            "",
            table(rows),
            *(
                ["", _DERIVATIVES, "", derivatives(rows)]
                if any(r.case.interpreted for r in rows)
                else []
            ),
            *(["", _GOALS, "", goals] if goals else []),
            *(["", _BOUNDS, "", bounds] if bounds else []),
        ]
    )


def write(path: Path, text: str) -> None:
    """Put ``text`` between the markers of the page; a page without them is begun."""
    page = path.read_text() if path.exists() else f"# Performance\n\n{BEGIN}\n{END}\n"
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path}: has no lines {BEGIN} and {END}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
