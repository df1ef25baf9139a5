"""Elastic full-waveform inversion of Marmousi2 in PyTorch and in JAX, over the same compiled core.

    python main.py [--out FOLDER] [--iterations N N] [--shots N] [--spacing METRES]

Writes marmousi2_elastic_fwi.png and .json, prints a table, and exits with 1 when it does not show
what it should (see report.py).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from common.report import table, write
from common.runs import run_front_ends
from problem import Settings, make_problem
from report import summary


def parse_arguments() -> tuple[Settings, Path]:
    default = Settings()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for what is written")
    parser.add_argument("--iterations", type=int, nargs=len(default.stages), help="of each stage",
                        default=[stage.iterations for stage in default.stages])  # fmt: skip
    parser.add_argument("--shots", type=int, default=default.shots)
    parser.add_argument("--spacing", type=float, default=default.spacing, help="cell size, m")
    given = parser.parse_args()
    stages = tuple(
        replace(stage, iterations=n)
        for stage, n in zip(default.stages, given.iterations, strict=True)
    )
    return Settings(spacing=given.spacing, shots=given.shots, stages=stages), given.out


def main() -> int:
    settings, out = parse_arguments()
    problem = make_problem(settings)
    print(f"{problem.name}: {problem.true.shape[1:]}, time steps of {1000 * problem.dt:g} ms",
          flush=True)  # fmt: skip
    runs = run_front_ends("invert", problem)

    from figure import draw  # here, so that the inversions do not pay for matplotlib

    figure, facts = out / "marmousi2_elastic_fwi.png", summary(problem, runs)
    draw(problem, {name: run.result for name, run in runs.items()}, figure)
    write(facts, figure.with_suffix(".json"))
    print(table(facts))
    print(f"\nfigure: {figure}, table: {figure.with_suffix('.json')}")
    return 0 if all(facts["passed"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
