"""The demonstration at a small size: both front ends, what it writes, and its exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[1] / "docs" / "examples" / "marmousi_fwi"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Two iterations on coarse cells: too few to meet the requirements."""
    out = tmp_path_factory.mktemp("demo")
    environment = {k: v for k, v in os.environ.items() if k != "DUALWAVE_DATA"}
    small = ["--spacing", "50", "--shots", "2", "--iterations", "2"]
    done = subprocess.run(
        [sys.executable, DEMO / "main.py", "--out", out, *small],
        capture_output=True,
        text=True,
        env=environment,
        timeout=600,
        check=False,
    )
    assert (out / "demo.json").exists(), done.stderr
    return done, out, json.loads((out / "demo.json").read_text())


def test_too_few_iterations_are_a_failure(demo):
    done, _, facts = demo
    assert done.returncode == 1
    assert not facts["passed"]["misfit falls by 80%"]


def test_the_front_ends_agree(demo):
    _, _, facts = demo
    assert facts["passed"]["front ends agree to 0.001"]
    assert facts["difference"]["norm, of the update's"] < 1e-4


def test_both_front_ends_move_towards_the_data(demo):
    _, _, facts = demo
    assert set(facts["front ends"]) == {"PyTorch", "JAX"}
    for row in facts["front ends"].values():
        assert 0 < row["misfit at end"] < 0.95 * row["misfit at start"]
        assert 0 < row["model error at end"] < row["model error at start"]
        assert row["seconds"] > 0
        assert row["peak memory, MiB"] > 50


def test_the_table_and_the_figure_are_there(demo):
    done, out, facts = demo
    assert "synthetic" in facts["model"]
    for text in ("misfit at end", "model error at end", "peak memory", "difference"):
        assert text in done.stdout
    assert (out / "marmousi_fwi.png").read_bytes().startswith(b"\x89PNG")
