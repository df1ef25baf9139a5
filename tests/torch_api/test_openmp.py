"""PyTorch's OpenMP threads, which spin where the core's want to run."""

import os
import time

import pytest
import torch

from dualwave import get_num_threads, set_num_threads
from dualwave.torch import openmp, scalar

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="no /proc")


@pytest.fixture
def two_threads():
    before = torch.get_num_threads(), get_num_threads()
    torch.set_num_threads(2)
    set_num_threads(2)
    yield
    torch.set_num_threads(before[0])
    set_num_threads(before[1])


def tasks():
    return set(os.listdir("/proc/self/task"))


def test_they_go_and_come_back(two_threads):
    x = torch.arange(1 << 20, dtype=torch.float64)
    openmp.rest()
    for _ in range(2):
        before = tasks()
        assert float((x + 1).sum()) == (1 << 19) * ((1 << 20) + 1)
        new = tasks() - before
        assert new
        assert openmp.rest()
        until = time.monotonic() + 5
        while new & tasks() and time.monotonic() < until:
            time.sleep(0.01)
        assert not new & tasks()


@pytest.mark.parametrize(("cells", "expected"), [(60, 0), (220, 2)])
def test_calls_of_grids_that_pytorch_shares_among_threads(
    cells, expected, two_threads, monkeypatch
):
    """A forward run and its adjoint."""
    given_up = []
    monkeypatch.setattr(openmp, "rest", lambda: given_up.append(cells))
    v = torch.full((cells, cells), 2000.0, requires_grad=True)
    where = torch.tensor([[[cells // 2, cells // 2]]])
    out = scalar(
        v,
        5.0,
        1e-3,
        source_amplitudes=torch.ones(1, 1, 20),
        source_locations=where,
        receiver_locations=where,
        pml_freq=25.0,
    )
    out.receiver_amplitudes.square().sum().backward()
    assert v.grad.abs().max() > 0
    assert len(given_up) == expected
