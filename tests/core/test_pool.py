"""Memory that waits for the next call: lent once at a time, used again, bounded."""

import gc

import numpy as np
import pytest

from dualwave import native, release_memory

MB = 1 << 20
SLACK = 4 * MB
"""More than is taken to begin at a huge page."""


@pytest.fixture(autouse=True)
def nothing_kept():
    release_memory()
    yield
    release_memory()


def address(x):
    return x.__array_interface__["data"][0]


def test_a_block_is_lent_again():
    first = native.lend(8 * MB)
    assert first.size == 8 * MB
    where = address(first)
    first[:] = 1
    del first
    assert 8 * MB <= native.kept_memory() <= 8 * MB + SLACK
    again = native.lend(8 * MB)
    assert address(again) == where
    assert native.kept_memory() == 0


def test_a_block_is_lent_to_one_at_a_time():
    first, second = native.lend(8 * MB), native.lend(8 * MB)
    first[:], second[:] = 1, 2
    assert (first == 1).all()
    assert (second == 2).all()


@pytest.mark.parametrize("of", [lambda x: x.view(np.float32)[3:], lambda x: x[5:], memoryview])
def test_a_view_keeps_it(of):
    whole = native.lend(8 * MB)
    view = of(whole)
    del whole
    gc.collect()
    assert native.kept_memory() == 0
    del view
    gc.collect()
    assert native.kept_memory() > 0


def test_what_nobody_wants_for_long_is_given_back():
    large, small = native.lend(64 * MB), native.lend(8 * MB)
    del large, small
    for _ in range(16):
        native.lend(8 * MB)
    assert native.kept_memory() >= 72 * MB  # it may be wanted again
    for _ in range(48):
        native.lend(8 * MB)
    assert native.kept_memory() <= 8 * MB + SLACK


def test_blocks_of_one_call_do_not_drive_each_other_out():
    """As of a gradient: a state, what is kept for the way back, and what comes when the state has
    gone: each fits nothing that waits."""

    def call(mark):
        state, residual = native.lend(24 * MB), native.lend(64 * MB)
        found = residual[0]
        residual[:] = mark
        del state
        sums, scratch = native.lend(16 * MB), native.lend(12 * MB)
        del residual, sums, scratch
        return found

    call(1)
    kept = native.kept_memory()
    assert kept >= 92 * MB
    for mark in (2, 3, 4):
        assert call(mark) == mark - 1  # fresh memory is zero
        assert native.kept_memory() == kept


def test_what_waits_takes_no_more_than_has_been_lent_at_once():
    first, second = native.lend(32 * MB), native.lend(8 * MB)
    del first, second
    third = native.lend(20 * MB)  # fits neither; beside it the larger would be more than both were
    assert native.kept_memory() == 0
    del third


def test_no_more_is_kept_than_an_eighth_of_what_the_process_may_use():
    most = native.load().allowed_memory() // 8
    lent = [native.lend(most // 4) for _ in range(6)]  # nobody touches it
    del lent
    assert most // 2 < native.kept_memory() <= most


def test_release():
    lent = native.lend(8 * MB)
    release_memory()  # what is lent stays
    lent[:] = 1
    del lent
    assert native.kept_memory() > 0
    release_memory()
    assert native.kept_memory() == 0


GB, OLD = 1 << 30, "memory"


@pytest.mark.parametrize(
    ("groups", "limits", "expected"),
    [
        ("0::/\n", {"memory.max": "max\n"}, None),
        ("0::/\n", {"memory.max": f"{GB}\n"}, GB),
        ("0::/jobs/7\n", {"jobs/memory.max": f"{GB}\n", "jobs/7/memory.max": "max\n"}, GB),
        ("0::/jobs/7\n", {"memory.max": f"{2 * GB}\n", "jobs/7/memory.max": f"{GB}\n"}, GB),
        # A container that sees its own group as the root, and is told the path of the machine.
        ("0::/machine/box\n", {"memory.max": f"{GB}\n"}, GB),
        ("5:cpu,cpuacct:/\n4:memory:/job\n", {f"{OLD}/job/{OLD}.limit_in_bytes": f"{GB}\n"}, GB),
        ("4:memory:/job\n", {f"{OLD}/{OLD}.limit_in_bytes": f"{GB}\n"}, GB),
        ("4:cpu:/job\n", {f"{OLD}/job/{OLD}.limit_in_bytes": f"{GB}\n"}, None),
        ("nonsense", {"memory.max": f"{GB}\n"}, None),
    ],
)
def test_limits_of_containers_and_jobs(groups, limits, expected, tmp_path):
    """As cgroups(7) has them, versions 2 and 1."""
    mount = tmp_path / "mount"
    (tmp_path / "groups").write_text(groups)
    for name, text in limits.items():
        file = mount / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    machine = native.load().allowed_memory("", "")
    allowed = native.load().allowed_memory(str(tmp_path / "groups"), str(mount))
    assert machine > GB
    assert allowed == (machine if expected is None else expected)
