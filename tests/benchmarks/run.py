"""Dualwave against Deepwave, Devito and others, on the same runs, in turns.

    python run.py [--quick] [--cases PATTERN ...] [--repeats N] [--output PAGE]

The libraries take turns, A B C A B C, so that a change of the machine's speed meets all of them,
and ratios are of times of the same round. Exits with 1 when Dualwave failed somewhere, or its
result is not Deepwave's.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from fnmatch import fnmatch
from pathlib import Path

import goals
import imports
import machine
from cases import CASES, DT, MAX_SPEED, SPACING, STAGGERED, Case, quick
from peer import threads
from report import OURS, Row, block, table, write
from turns import Plan, measure

import dualwave

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "performance.md"
REPEATS = 7
TOLERANCE = 1e-3  # float32, in another order of operations; a different scheme is far above


def parse_arguments() -> argparse.Namespace:
    names = ", ".join(case.name for case in CASES)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to try the harness")
    parser.add_argument("--cases", nargs="+", default=["*"], metavar="PATTERN", help=names)
    parser.add_argument("--repeats", type=int, default=REPEATS, help="rounds of a case")
    parser.add_argument(
        "--output", type=Path, help=f"page to write; {PAGE.name} after a complete run, else none"
    )
    parser.add_argument("--json", type=Path, default=ROOT / "out" / "benchmarks.json")
    for peers in ("devito", "jax-peers"):
        python = ROOT / f".venv-{peers}" / "bin" / "python"
        parser.add_argument(f"--{peers}", type=Path, default=python, metavar="PYTHON")
    return parser.parse_args()


def chosen(arguments: argparse.Namespace) -> list[Case]:
    cases = [c for c in CASES if any(fnmatch(c.name, p) for p in arguments.cases)]
    if not cases or arguments.repeats < 1:
        raise SystemExit("nothing to measure: see --help")
    cases = [quick(c) for c in cases] if arguments.quick else cases
    for case in cases:
        _, ratio = dualwave.cfl_condition((SPACING,) * case.ndim, DT, STAGGERED * MAX_SPEED)
        assert ratio == 1, f"{case.name}: a step of {DT} s is divided"
    return cases


def failures(rows: list[Row]) -> list[str]:
    """What is wrong with Dualwave's rows."""
    out = []
    for row in rows:
        name = f"{row.case.name}, {row.library}"
        if row.library in OURS and row.reason:
            out.append(f"{name}: {row.reason}")
        elif row.library in OURS and (row.difference or 0.0) > TOLERANCE:
            out.append(f"{name}: differs from Deepwave by {row.difference:.1e}")
    return out


def measure_all(cases: list[Case], plan: Plan) -> list[Row]:
    """Rows of all cases, printed as they come; those without a device at the end."""
    device = machine.gpu()
    rows: list[Row] = []
    skipped: list[Row] = []
    for case in cases:
        if case.device == "cuda" and not device:
            skipped.append(Row(case, "all", reason="no CUDA device here"))
            continue
        for row in measure(case, plan):
            rows.append(row)
            apart = f"  apart from Deepwave: {row.difference:.1e}" if row.difference else ""
            print("  ".join(x for x in row.cells() if x) + apart, flush=True)
    return rows + skipped


def command(arguments: argparse.Namespace) -> str:
    """What to type for the same figures; where they are written is left out."""
    flags = ["--quick"] * arguments.quick
    flags += ["--cases", *arguments.cases] if arguments.cases != ["*"] else []
    flags += ["--repeats", str(arguments.repeats)] if arguments.repeats != REPEATS else []
    return "make bench" + (f' BENCH_FLAGS="{shlex.join(flags)}"' if flags else "")


def main() -> int:
    arguments = parse_arguments()
    cases = chosen(arguments)
    facts = [*machine.describe(), f"threads: {threads()}, load before: {machine.load():.1f}"]
    bandwidth = {}
    for device, test in (("cpu", "STREAM triad"), ("cuda", "copy")):
        judged = any(case.goal.bandwidth and case.device == device for case in cases)
        if judged and (device == "cpu" or machine.gpu()):
            bandwidth[device] = machine.bandwidth(device)
            rate = f"{bandwidth[device] / 1e9:.1f} GB/s"
            facts.append(f"bandwidth of the {device} memory ({test}): {rate}")
    print("\n".join(facts), flush=True)
    if machine.load() > 0.75 * threads():
        print("the machine is busy: these figures should not be kept", flush=True)
    apart = {"devito": arguments.devito} | dict.fromkeys(("jwave", "sweep"), arguments.jax_peers)
    plan = Plan(arguments.repeats, 0.01 if arguments.quick else 0.3, apart)
    rows = measure_all(cases, plan)
    found = [*goals.verdicts(rows, bandwidth)]
    if any(case.goal.milliseconds for case in cases):
        found += imports.verdicts(arguments.repeats, arguments.quick)
    judged, bounds = goals.table(found), goals.bounds(rows)
    print("", table(rows), "", judged, "", bounds, "", sep="\n")

    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    everything = {"machine": facts, "rows": [row.facts() for row in rows]}
    arguments.json.write_text(json.dumps(everything, indent=1))
    print(f"figures: {arguments.json}")
    problems = failures(rows)
    if problems:
        print("no page written", *problems, sep="\n", file=sys.stderr)
        return 1
    complete = not arguments.quick and arguments.cases == ["*"]
    page = arguments.output or (PAGE if complete else None)
    if page:
        write(page, block(rows, facts, command(arguments), judged, bounds))
        print(f"page: {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
