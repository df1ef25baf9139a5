"""The NumPy call of the compiled core: what it checks, and what it says without the extension."""

import importlib

import numpy as np
import pytest

from dualwave import engine, equations, native
from dualwave.framework import NumpyFramework
from helpers.small import assert_close, small_run


def test_forward_is_the_engine():
    run = small_run()
    got = native.forward(run.description, run.p, run.constants)
    scalar = equations.get("scalar")
    want = engine.forward(NumpyFramework(), scalar, run.description, run.p, run.constants)
    for one, other in zip(got, want, strict=True):
        assert_close(one, other)


def test_operands_that_do_not_fit_are_named():
    run = small_run()
    short = run.p._replace(amplitudes=run.p.amplitudes[..., 1:])
    with pytest.raises(ValueError, match=r"amplitudes0 .* float64 of shape \(2, 1, 4\)"):
        native.forward(run.description, short, run.constants)
    wide = run.constants._replace(source_nodes=run.constants.source_nodes.astype(np.int64))
    with pytest.raises(ValueError, match=r"source_nodes .* must be int32"):
        native.forward(run.description, run.p, wide)


def test_without_the_extension_it_says_how_to_build_it(monkeypatch):
    def missing(*_):
        raise ImportError("no _C here")

    native.load.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(importlib, "import_module", missing)
        assert not native.available()
        with pytest.raises(ImportError, match="pip install"):
            native.load()
    assert native.available()


def test_an_equation_that_is_not_compiled():
    with pytest.raises(ValueError, match="'nonsense' is not in the compiled core"):
        native.equation_id("nonsense")


def test_threads():
    before = native.get_num_threads()
    native.set_num_threads(1)
    assert native.get_num_threads() == 1
    native.set_num_threads(before)
    for count in (0, -2, 1.5):
        with pytest.raises(ValueError, match="whole number"):
            native.set_num_threads(count)
