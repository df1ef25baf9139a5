"""The NumPy call of the compiled core: what it checks, and what it says without the extension."""

import importlib
import os
import subprocess
import sys

import numpy as np
import pytest

from dualwave import engine, equations, native
from dualwave.framework import NumpyFramework
from helpers.small import assert_close, small_run

ISAS = ("generic", "avx2", "avx512")


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


def instruction_set(wanted):
    """What a process takes that is asked for one."""
    code = "import dualwave._C as core; print(core.instruction_set())"
    return subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=os.environ | {"DUALWAVE_ISA": wanted},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("wanted", ISAS)
def test_the_instruction_set_is_none_wider_than_was_asked_for(wanted):
    done = instruction_set(wanted)
    if done.returncode == 0:
        assert ISAS.index(done.stdout.strip()) <= ISAS.index(wanted)
    else:  # a build for this machine's own
        assert "or with DUALWAVE_VECTORS=ALL in CMake" in done.stderr


def test_no_such_instruction_set():
    done = instruction_set("avx3")
    assert done.returncode != 0
    assert "DUALWAVE_ISA: got 'avx3'. Accepted: generic, avx2, avx512" in done.stderr


def test_threads():
    before = native.get_num_threads()
    native.set_num_threads(1)
    assert native.get_num_threads() == 1
    native.set_num_threads(before)
    for count in (0, -2, 1.5):
        with pytest.raises(ValueError, match="whole number"):
            native.set_num_threads(count)


MANY_RUNS = """
import numpy as np
from dualwave import maps, native
from dualwave.layout import Description

WANTED = {"tangent": ["receivers0", "state1"], "tangent_adjoint": ["coefficients_gradient1"]}
for name in ("scalar", "acoustic", "elastic"):
    for turn in range(60):
        shape = (12 + turn % 5, 18 + turn % 11)
        d = Description(name, 2, 4, shape, (5.0, 5.0), (2, 2, 0, 0), nt=3, shots=1)
        for map_name, wanted in WANTED.items():
            present = maps.input_mask(set(maps.accepted_inputs(map_name)) - {"residual"})
            given = maps.signature(d, map_name, present, maps.output_mask(wanted)).inputs
            shapes = {x.slot: [1 if n is None else n for n in x.shape] for x in given}
            arrays = {x.slot: np.zeros(shapes[x.slot], x.dtype) for x in given}
            native.evaluate(map_name, d, arrays, wanted)
"""


def test_nothing_is_written_beyond_the_memory_of_a_run():
    """Rows that end inside a vector, in the PML of an outer axis alone: there is no slab along x.

    The C library ends a process whose heap has been written over.
    """
    done = subprocess.run([sys.executable, "-P", "-c", MANY_RUNS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
