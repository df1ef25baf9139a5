"""Full-waveform inversion of Marmousi for the weights of a network, in PyTorch and in JAX.

    python main.py [--out FOLDER] [--iterations N] [--shots N] [--spacing METRES]

Writes marmousi_network_fwi.png and .json, prints a table, and exits with 1 when it does not show
what it should (see report.py).
"""

from __future__ import annotations

import argparse
import sys
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
    parser.add_argument("--iterations", type=int, default=default.iterations)
    parser.add_argument("--shots", type=int, default=default.shots)
    parser.add_argument("--spacing", type=float, default=default.spacing, help="cell size, m")
    given = parser.parse_args()
    return Settings(given.spacing, given.shots, given.iterations), given.out


def main() -> int:
    settings, out = parse_arguments()
    problem = make_problem(settings)
    survey = problem.survey
    print(f"{survey.name}: {survey.true.shape}, {survey.shots['source_amplitudes'].shape[-1]} time "
          f"steps of {1000 * survey.dt:g} ms", flush=True)  # fmt: skip
    runs = run_front_ends("invert", problem)

    from figure import draw  # here, so that the inversions do not pay for matplotlib

    figure, facts = out / "marmousi_network_fwi.png", summary(problem, runs)
    draw(problem, {name: run.result for name, run in runs.items()}, figure)
    write(facts, figure.with_suffix(".json"))
    print(table(facts))
    print(f"\nfigure: {figure}, table: {figure.with_suffix('.json')}")
    return 0 if all(facts["passed"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
