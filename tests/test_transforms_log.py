"""The log by which a run of the table of transforms goes on after one that was cut off."""

import json
import os
import subprocess
import sys
from pathlib import Path

from helpers.transform_page import results

TABLE = Path(__file__).with_name("test_transforms.py")
ROWS = [
    f"{TABLE}::test_transform[torch: {name}, scalar, models, 1-D, float64, compiled]"
    for name in ("backward", "grad")
]


def run(log):
    """Of two rows; what pytest says last, and what the log has then."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:xdist", *ROWS],
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
    assert "2 passed" in said
    assert [entry["outcome"] for entry in entries] == ["passed", "passed"]
    entries[1]["outcome"] = "failed"
    log.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    said, entries = run(log)
    assert "1 passed, 1 deselected" in said
    assert [entry["outcome"] for entry in entries] == ["passed", "failed", "passed"]
    assert results(entries) == {
        ("torch", name, "compiled", "scalar"): {"passed": 1} for name in ("backward", "grad")
    }
