"""Full-waveform inversion of Marmousi in PyTorch and in JAX, over the same compiled core.

    python main.py [--out FOLDER] [--iterations N] [--shots N] [--spacing METRES]

Writes marmousi_fwi.png and demo.json, prints a table, and exits with 1 when it does not show what
it should (see report.py).
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


def parse_arguments() -> argparse.Namespace:
    default = Settings()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for what is written")
    parser.add_argument("--iterations", type=int, default=default.iterations)
    parser.add_argument("--shots", type=int, default=default.shots)
    parser.add_argument("--spacing", type=float, default=default.spacing, help="cell size, m")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    problem = make_problem(
        Settings(spacing=arguments.spacing, shots=arguments.shots, iterations=arguments.iterations)
    )
    print(f"{problem.name}: {problem.true.shape}, {problem.shots['source_amplitudes'].shape[-1]} "
          f"time steps of {1000 * problem.dt:g} ms", flush=True)  # fmt: skip
    runs = run_front_ends("invert", problem)

    from figure import draw  # here, so that the inversions do not pay for matplotlib

    draw(problem, {name: r.result for name, r in runs.items()}, arguments.out / "marmousi_fwi.png")
    facts = summary(problem, runs)
    write(facts, arguments.out / "demo.json")
    print(table(facts))
    print(f"\nfigure: {arguments.out / 'marmousi_fwi.png'}, table: {arguments.out / 'demo.json'}")
    return 0 if all(facts["passed"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
