"""Shots divided over devices by shard_map, with the model on all of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[1] / "helpers" / "sharded_program.py"


@pytest.mark.parametrize(
    ("form", "checks"),
    [
        ("primitives", ["value", "grad", "jit(grad)", "jvp", "jit(jvp(grad))"]),
        ("custom_vjp", ["value", "grad", "jit(grad)"]),
    ],
)
def test_gradient_of_a_replicated_model(form, checks):
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "PYTHONPATH": os.pathsep.join([str(PROGRAM.parents[1]), os.environ.get("PYTHONPATH", "")]),
    }
    done = subprocess.run(
        [sys.executable, str(PROGRAM), form],
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [*checks, "no all-gather"]
