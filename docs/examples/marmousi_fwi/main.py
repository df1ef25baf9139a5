"""Full-waveform inversion of Marmousi in PyTorch and in JAX, over the same compiled core.

    python main.py [--out FOLDER] [--iterations N] [--shots N] [--spacing METRES]

Writes marmousi_fwi.png and demo.json, prints a table, and exits with 1 when it does not show what
it should (see report.py).
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from problem import Problem, Settings, make_problem
from report import Run, summary, table, write

FRONT_ENDS = {"PyTorch": "invert_torch", "JAX": "invert_jax"}


def run(module: str, problem: Problem) -> Run:
    """One inversion. Called in a process of its own, so that its peak memory is its own."""
    invert = importlib.import_module(module).invert
    begin = time.perf_counter()
    result = invert(problem)
    return Run(result, time.perf_counter() - begin, _peak_bytes())


def _peak_bytes() -> int:
    # getrusage counts what the parent held when it started this process; Linux's own file does not.
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


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
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    problem = make_problem(
        Settings(spacing=arguments.spacing, shots=arguments.shots, iterations=arguments.iterations)
    )
    print(f"{problem.name}: {problem.true.shape}, {problem.shots['source_amplitudes'].shape[-1]} "
          f"time steps of {1000 * problem.dt:g} ms", flush=True)  # fmt: skip
    runs = {}
    for name, module in FRONT_ENDS.items():
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            runs[name] = pool.submit(run, module, problem).result()

    from figure import draw  # here, so that the inversions do not pay for matplotlib

    draw(problem, {name: r.result for name, r in runs.items()}, arguments.out / "marmousi_fwi.png")
    facts = summary(problem, runs)
    write(facts, arguments.out / "demo.json")
    print(table(facts))
    print(f"\nfigure: {arguments.out / 'marmousi_fwi.png'}, table: {arguments.out / 'demo.json'}")
    return 0 if all(facts["passed"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
