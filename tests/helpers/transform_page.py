"""docs/transforms.md, written from what tests/test_transforms.py found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from helpers.transforms import TRANSFORMS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "transforms.md"
FORMS = ("scalar", "acoustic", "elastic", "scalar_born", "acoustic_born", "elastic_born")
TITLES = {"torch": "PyTorch", "jax": "JAX"}
HEAD = """# Table of transforms

Written by `make test-all` from the results of `test_transform` in `tests/test_transforms.py`:
{scope}. Each row of that test is a whole call of one equation in 1-D, 2-D or 3-D, differentiated or
mapped with respect to models, amplitudes, source positions, receiver positions, the initial state,
or all of these; in float64 and float32, with and without sub-stepping. What a transform returns is
compared with differences of the forward call, to 2e-6 in float64 and 3e-3 in float32; that of the
compiled backend in 1-D and 2-D, in float64, also with derivatives of the eager one, to 1e-10.

A number counts the rows that passed; where there is none, no row was run. *raises*: a scattered
field is a derivative already, so this would be one of third order, which raises
NotImplementedError. *-*: not in the table, because PyTorch takes minutes to trace what is this
large.
"""


def results(log: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str, str, str], Counter]:
    """Outcomes by front end, transform, backend and form, of the last run of each row."""
    found: dict[tuple[str, str, str, str], Counter] = {}
    for entry in {entry["row"]: entry for entry in log}.values():
        found.setdefault(tuple(entry["transform"]), Counter())[entry["outcome"]] += 1
    return found


def page(found: Mapping[tuple, Counter], whole: bool) -> str:
    """The text."""
    count = sum(outcomes.total() for outcomes in found.values())
    scope = f"all {count} rows" if whole else f"{count} rows, the cover that `make test` runs"
    parts = [HEAD.format(scope=scope)]
    for front, table in TRANSFORMS.items():
        columns = [*FORMS, "scalar, eager"]
        parts.append(f"## {TITLES[front]}\n")
        parts.append(f"| transform | {' | '.join(columns)} |")
        parts.append(f"|---|{'---|' * len(columns)}")
        for name in table:
            cells = [_cell(found, (front, name, "compiled", form)) for form in FORMS]
            cells.append(_cell(found, (front, name, "eager", "scalar")))
            parts.append(f"| {name} | {' | '.join(cells)} |")
        parts.append("")
    return "\n".join(parts)


def traced(front: str, name: str) -> bool:
    """Whether PyTorch traces a program for the transform."""
    return "compile" in name or (front, name) == ("torch", "linearize")


def _cell(found: Mapping[tuple, Counter], row: tuple[str, str, str, str]) -> str:
    front, name, backend, form = row
    outcomes = found.get(row)
    if not outcomes:
        return "-" if traced(front, name) and ("elastic" in form or backend == "eager") else ""
    bad = sum(n for kind, n in outcomes.items() if kind not in ("passed", "raises"))
    words = [f"{bad} FAILED"] * bool(bad)
    words += [str(outcomes["passed"])] * bool(outcomes["passed"])
    words += ["raises"] * bool(outcomes["raises"])
    return ", ".join(words)


def rows(text: str) -> dict[str, list[str]]:
    """Names of transforms in a page, by title of the section."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("## "):
            names = found.setdefault(line.removeprefix("## "), [])
        elif line.startswith("| ") and not line.startswith("| transform"):
            names.append(line.split(" | ")[0].removeprefix("| "))
    return found
