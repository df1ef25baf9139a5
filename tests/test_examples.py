"""The other examples at a small size: both front ends, what they write, and their exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
# Cells that are too coarse, and iterations that are too few, to show anything in a figure.
SMALL = {
    "marmousi2_elastic_fwi": ["--spacing", "100", "--shots", "3", "--iterations", "2", "2"],
    "marmousi_network_fwi": ["--spacing", "100", "--shots", "2", "--iterations", "3"],
    "marmousi_rtm": ["--spacing", "75", "--shots", "3", "--iterations", "1"],
}


@pytest.fixture(scope="module", params=SMALL)
def example(request, tmp_path_factory):
    """The finished process, the file name of what it wrote, and its facts."""
    name = request.param
    out = tmp_path_factory.mktemp(name) / name
    environment = {k: v for k, v in os.environ.items() if k != "DUALWAVE_DATA"}
    done = subprocess.run(
        [sys.executable, EXAMPLES / name / "main.py", "--out", out.parent, *SMALL[name]],
        capture_output=True,
        text=True,
        env=environment | {"OMP_NUM_THREADS": "1"},  # more are slower on so few cells
        timeout=600,
        check=False,
    )
    assert out.with_suffix(".json").exists(), done.stderr
    return done, out, json.loads(out.with_suffix(".json").read_text())


def test_too_few_iterations_are_a_failure(example):
    done, _, facts = example
    assert done.returncode == 1
    assert not facts["passed"]["misfit falls by 60%"]


def test_the_front_ends_agree(example):
    _, _, facts = example
    assert facts["passed"]["front ends agree to 0.001"]
    assert max(facts["difference"].values()) < 1e-4


def test_both_front_ends_move_towards_the_data(example):
    _, _, facts = example
    assert set(facts["front ends"]) == {"PyTorch", "JAX"}
    for row in facts["front ends"].values():
        assert 0 < row["misfit at end"] < 0.95 * row["misfit at start"]
        assert row["seconds"] > 0
        assert row["peak memory, MiB"] > 50


def test_the_table_and_the_figure_are_there(example):
    done, out, facts = example
    assert "synthetic" in facts["model"]
    for text in ("misfit at end", "peak memory", "difference", "front ends agree"):
        assert text in done.stdout
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_images_resemble_the_perturbation(example):
    _, _, facts = example
    for row in facts["front ends"].values():
        for name in ("correlation of RTM", "correlation of LSRTM"):
            assert row.get(name, 1.0) > 0.1
