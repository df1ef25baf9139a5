"""What every test runs under, and the count of what did not run."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

# Before either framework is loaded. Under pytest-xdist each worker has its share of the machine.
os.environ.setdefault("OMP_NUM_THREADS", "1" if "PYTEST_XDIST_WORKER" in os.environ else "2")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import pytest

# Compiling for speed would take longer than all runs together. Processes that tests start have JAX
# as it is used.
jax.config.update("jax_disable_most_optimizations", True)

# The only reasons for a test not to run or to be expected to fail: missing hardware, or somebody
# else's open issue.
_GOOD_REASON = re.compile(r"GPU|CUDA|nvcc|\w+/[\w.-]+#\d+")


@pytest.fixture
def x64():
    """JAX with 64-bit types for one test; without it a test has JAX's default, 32 bits."""
    with jax.enable_x64(True):
        yield


def _not_run(reporter):
    for kind in ("skipped", "xfailed", "xpassed"):
        for report in reporter.stats.get(kind, []):
            if kind == "skipped" and isinstance(report.longrepr, tuple):
                reason = report.longrepr[2]
            else:
                reason = getattr(report, "wasxfail", "") or str(report.longrepr)
            yield kind, report.nodeid, reason


def _log():
    """The file of the rows of the table of transforms that are done, if there is one."""
    name = os.environ.get("DUALWAVE_TRANSFORMS_LOG")
    return Path(name) if name else None


def _logged():
    log = _log()
    lines = log.read_text().splitlines() if log and log.exists() else []
    return [json.loads(line) for line in lines]


def pytest_collection_modifyitems(config, items):
    """Rows that passed in a run before this one, which was cut off, are not run again."""
    done = {entry["row"] for entry in _logged() if entry["outcome"] != "failed"}
    again = [item for item in items if item.nodeid in done]
    if again:
        items[:] = [item for item in items if item.nodeid not in done]
        config.hook.pytest_deselected(items=again)


def pytest_runtest_logreport(report):
    facts, log = dict(report.user_properties), _log()
    # With pytest-xdist every report comes to the main process, too.
    if log and "transform" in facts and report.when == "call" and not _is_worker():
        outcome = "raises" if facts.get("raises") and report.passed else report.outcome
        entry = {"row": report.nodeid, "transform": facts["transform"], "outcome": outcome}
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as file:
            file.write(json.dumps(entry) + "\n")


def _is_worker():
    return "PYTEST_XDIST_WORKER" in os.environ


def pytest_sessionfinish(session):
    """A skip or an expected failure for any other reason fails the run.

    With DUALWAVE_WRITE_TRANSFORMS, "whole" or "cover", docs/transforms.md is written too, from
    DUALWAVE_TRANSFORMS_LOG.
    """
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(session.config, "workerinput"):
        return
    if scope := os.environ.get("DUALWAVE_WRITE_TRANSFORMS"):
        from helpers import transform_page

        found = transform_page.results(_logged())
        transform_page.PAGE.write_text(transform_page.page(found, whole=scope == "whole"))
    bad = [entry for entry in _not_run(reporter) if not _GOOD_REASON.search(entry[2])]
    session.config.stash[_BAD] = bad
    if bad and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


_BAD = pytest.StashKey[list]()


def pytest_terminal_summary(terminalreporter, config):
    """Say how many tests were skipped or expected to fail."""
    count = {"skipped": 0, "xfailed": 0, "xpassed": 0}
    for kind, _, _ in _not_run(terminalreporter):
        count[kind] += 1
    terminalreporter.write_line(
        f"not run or expected to fail: {count['skipped']} skip, {count['xfailed']} xfail"
    )
    for kind, node, reason in config.stash.get(_BAD, []):
        terminalreporter.write_line(
            f"  {kind} without hardware or an upstream issue as the reason: {node}: {reason}"
        )
