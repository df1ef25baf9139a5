"""The device backend emulated on the host: its sources with a loop in place of each launch."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from dualwave import native


def run_emulated(map_name, description, inputs, wanted, given=None):
    """The map on the emulated device; outputs by slot. given: a list for the memory it is given."""
    shapes = {out.slot: out for out in native.checked(map_name, description, inputs, wanted)}
    outputs = {slot: np.empty(out.shape, out.dtype) for slot, out in shapes.items()}
    given = [] if given is None else given

    def allocate(size):  # bytes that make NaNs: what is read before it is written shows
        given.append(np.full(size, 255, np.uint8))
        return given[-1].ctypes.data

    native.run_on_device(map_name, description, inputs, outputs, (0, 0, allocate))
    assert len(given) == 1
    return outputs


@pytest.fixture
def emulation(monkeypatch):
    """The emulation in place of the backend for CUDA."""
    emulated = importlib.import_module("dualwave._emulated")
    monkeypatch.setattr(native, "load_device", lambda: emulated)
