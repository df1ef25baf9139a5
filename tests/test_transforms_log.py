"""The log by which a run of the table of transforms goes on after one that was cut off."""

import json
import os
import subprocess
import sys
from pathlib import Path

from helpers.transform_page import results

TABLE = Path(__file__).with_name("test_transforms.py")
ROW = f"{TABLE}::test_transform[torch: backward, scalar, models, 1-D, float64, compiled]"


def run(log):
    """Of one row; what pytest says last, and what the log has then."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:xdist", ROW],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=TABLE.parents[1],
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST_XDIST")}
        | {"DUALWAVE_TRANSFORMS_LOG": str(log), "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return done.stdout, [json.loads(line) for line in log.read_text().splitlines()]


def test_rows_that_passed_are_not_run_again(tmp_path):
    log = tmp_path / "new" / "log.jsonl"
    said, entries = run(log)
    assert "1 passed" in said
    assert [entry["outcome"] for entry in entries] == ["passed"]
    said, entries = run(log)
    assert "1 deselected" in said
    assert len(entries) == 1
    log.write_text(json.dumps(entries[0] | {"outcome": "failed"}) + "\n")
    said, entries = run(log)
    assert "1 passed" in said
    assert [entry["outcome"] for entry in entries] == ["failed", "passed"]
    assert results(entries) == {("torch", "backward", "compiled", "scalar"): {"passed": 1}}
