"""Shots shared by processes with DistributedDataParallel."""

import subprocess
import sys
from pathlib import Path

import numpy as np

PROGRAM = Path(__file__).parents[1] / "helpers" / "distributed_program.py"


def test_two_processes_give_the_gradient_of_one(tmp_path):
    meeting, out = tmp_path / "meeting", tmp_path / "gradients.npz"
    processes = [
        subprocess.Popen(
            [sys.executable, "-P", PROGRAM, str(rank), "2", meeting, out], stderr=subprocess.PIPE
        )
        for rank in range(2)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors.decode()[-2000:]
    found = np.load(out)
    scale = np.abs(found["alone"]).max()
    assert scale > 0
    assert np.abs(found["shared"] - found["alone"]).max() < 1e-12 * scale
