"""Where a gradient has the forward fields from: whatever is chosen, no bit of it changes."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import dualwave
from dualwave import native
from helpers.calls import (
    FRONT_ENDS,
    assert_close,
    case,
    case_of,
    least_limit,
    numpy,
    squares,
    with_equations,
)
from helpers.equations import EQUATIONS, NAMES

pytestmark = [
    pytest.mark.usefixtures("x64"),
    pytest.mark.filterwarnings("ignore:there are:UserWarning"),  # coarse on purpose
]
TABLE = with_equations()
FULL = {"gradient_storage": "full"}
DISK = FULL | {"storage_mode": "disk"}
MOVED = "receiver_locations"


def between_cells(equation, **more):
    """A case whose receivers of one channel lie between cells, and what is differentiated."""
    arguments = case_of(equation, 2, 23)
    moved = next(k for k in arguments if k.startswith(MOVED))
    arguments[moved] = arguments[moved] + 0.25
    names = [*EQUATIONS[equation].parameters, moved]
    names.append(next(k for k in arguments if k.startswith("source_amplitudes")))
    return arguments | {"location_interpolation_halfwidth": 2} | more, names


def limited(equation, arguments):
    """A limit that takes more repeated steps than one for each: how low, threads decide."""
    total = dualwave.plan(equation, **arguments).total_gradient_memory
    for part in (0.8, 0.7, 0.6, 0.5, 0.4):
        limit = {"memory_limit": int(part * total)}
        if dualwave.plan(equation, **arguments, **limit).recomputation > 1:
            return limit
    raise AssertionError("no limit takes more repeated steps")


def second_derivatives(name, arguments):
    """A function of keywords of storage: products of scalar's Hessian, and gradients of a batch."""
    front = FRONT_ENDS[name]()
    t = front.jax if name == "jax" else front.torch.func
    v = front.array(arguments.pop("v"))
    turn = front.array(np.random.default_rng(3).normal(size=v.shape))
    given = {k: front.array(x) for k, x in arguments.items()}

    def products(**storage):
        f = lambda v: squares(front.module.scalar(v, **given, **storage))  # noqa: E731
        born = lambda v: t.jvp(f, (v,), (turn,))[1]  # noqa: E731
        return [
            front.module.hessian_vector_product(f, v, turn),
            t.grad(born)(v),
            t.vmap(t.grad(f))(front.module.scalar.framework.xp.stack([v, 1.01 * v])),
        ]

    return products


@TABLE
def test_storage_changes_no_bit(name, equation):
    front = FRONT_ENDS[name]()
    arguments, names = between_cells(equation)
    # Above the limit of stability: three inner steps to a sample.
    arguments["dt"] *= 3
    tight = limited(equation, arguments)
    for sampling in ({}, {"model_gradient_sampling_interval": 2}):
        given = arguments | sampling
        want = front.gradients(squares, given, names, equation)
        for storage in (FULL, DISK, tight):
            got = front.gradients(squares, given | storage, names, equation)
            for ours, plain in zip(got, want, strict=True):
                assert np.abs(plain).max() > 0
                np.testing.assert_array_equal(ours, plain)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_second_derivatives(name):
    """Of a network of transforms that march back what they have marched themselves."""
    products = second_derivatives(name, case(2, nt=23))
    want = products()
    for storage in (FULL, DISK):
        for ours, plain in zip(products(**storage), want, strict=True):
            assert_close(ours, plain, 1e-13)


@TABLE
def test_reduced_precision(name, equation):
    """Both frameworks' own names of the dtypes are taken; derivatives by amplitudes stay exact."""
    front = FRONT_ENDS[name]()
    types = front.jax.numpy if name == "jax" else front.torch
    arguments, names = between_cells(equation)
    models = len(EQUATIONS[equation].parameters)
    want = front.gradients(squares, arguments, names, equation)
    for dtype, most in (
        *((types.float32, 1e-7), (types.bfloat16, 1e-2), (types.float16, 1e-3)),
        *(("int8", 2e-2), (types.int8, 2e-2)),
    ):
        packed = FULL | {"storage_dtype": dtype}
        got = front.gradients(squares, arguments | packed, names, equation)
        for ours, exact in zip(got[:models], want[:models], strict=True):
            assert_close(ours, exact, most)
            assert np.abs(ours - exact).max() > 0
        for ours, exact in zip(got[models:], want[models:], strict=True):
            np.testing.assert_array_equal(ours, exact)
    plan = dualwave.plan(equation, **arguments, **FULL, storage_dtype="int8")
    assert plan.storage_dtype == "int8"
    assert "in int8" in str(plan)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_full_history_under_callbacks_and_in_segments(name):
    front = FRONT_ENDS[name]()
    arguments, names = between_cells("acoustic")
    want = front.gradients(squares, arguments, names, "acoustic")
    seen = []
    tapped = {"backward_callback": lambda state: seen.append(state.step), "callback_frequency": 7}
    got = front.gradients(squares, arguments | FULL | tapped, names, "acoustic")
    if name == "jax":
        front.jax.effects_barrier()
    assert seen == [21, 14, 7, 0]
    for ours, plain in zip(got, want, strict=True):
        assert_close(ours, plain, 1e-12)


def test_vmap_copies_no_history(monkeypatch):
    """A batch of cotangents of one run goes back over a march of its own."""
    front, run, given = FRONT_ENDS["torch"](), native.run, []

    def watched(map_name, description, inputs, outputs):
        given.append((map_name, "residual" in inputs))
        run(map_name, description, inputs, outputs)

    monkeypatch.setattr(native, "run", watched)
    arguments = {k: front.array(x) for k, x in case(2, nt=23).items()}
    v, t = arguments.pop("v"), front.torch

    def rows(**storage):
        f = lambda v: front.module.scalar(v, **arguments, **storage)[-1][:, 0, 20]  # noqa: E731
        return t.func.jacrev(f)(v)

    want = rows()
    assert given == [("forward", False), ("adjoint", True)]
    given.clear()
    assert_close(rows(**FULL), want, 1e-13)
    assert given == [("forward", False), ("adjoint", False)]


def test_what_is_kept(monkeypatch):
    """By forward the history of all steps, where the gradient is of the model, and else nothing."""
    front, run, left = FRONT_ENDS["torch"](), native.run, []

    def watched(map_name, description, inputs, outputs):
        left.append((map_name, outputs.get("residual", np.empty(0)).size))
        run(map_name, description, inputs, outputs)

    monkeypatch.setattr(native, "run", watched)
    arguments = case(2, nt=23) | FULL
    plan = dualwave.plan("scalar", **arguments)
    front.gradients(squares, arguments, ["v"])
    front.gradients(squares, arguments, ["source_amplitudes"])
    kept = plan.gradient_memory["history"] // 8
    assert left == [("forward", kept), ("adjoint", 0), ("forward", 0), ("adjoint", 0)]
    assert kept > 23 * 2 * np.prod(plan.grid)
    assert (plan.gradient_storage, plan.history_steps, plan.recomputation) == ("full", 23, 0)
    assert "full, history of 23 steps in float64" in str(plan)


def test_a_full_history_in_jax_is_made_by_the_call_that_goes_back():
    """XLA would take fresh pages for it each time; the core has those of the last call."""
    front, arguments = FRONT_ENDS["jax"](), case(2, nt=23) | FULL
    given = {k: front.array(x) for k, x in arguments.items()}
    plan = dualwave.plan(front.module.scalar, **given)
    history = 23 * 2 * 8 * np.prod(plan.grid)
    assert (plan.gradient_storage, plan.storage_mode, plan.recomputation) == ("full", "device", 1)
    assert plan.gradient_memory["history"] == 0
    assert plan.gradient_memory["workspace"] > history

    def amplitudes(v):
        return front.module.scalar(**given | {"v": v}).receiver_amplitudes

    receivers, backwards = front.jax.vjp(amplitudes, given["v"])
    assert 0 < sum(x.nbytes for x in front.jax.tree.leaves(backwards)) < history / 2
    assert np.abs(numpy(backwards(receivers)[0])).max() > 0


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_disk_without_space(name, tmp_path):
    """Raises, leaves nothing, and the next call is as ever."""
    front, arguments = FRONT_ENDS[name](), case(2, nt=23) | DISK | {"storage_path": tmp_path}
    want = front.gradients(squares, arguments, ["v"])[0]
    assert np.abs(want).max() > 0
    # Which of the two it is in JAX depends on whether the result was waited for.
    runtime = (front.jax.errors.JaxRuntimeError, ValueError) if name == "jax" else ()
    error = (OSError, *runtime)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(error, match="storage_path: a history in"):
            front.gradients(squares, arguments, ["v"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    np.testing.assert_array_equal(front.gradients(squares, arguments, ["v"])[0], want)
    assert not any(tmp_path.iterdir())


LONG = """
    import sys
    import torch
    from dualwave.torch import scalar

    v = torch.full((50, 50), 2000.0, requires_grad=True)
    places = dict(source_locations=[[[2, 2]]], receiver_locations=[[[3, 3]]])
    steps = torch.ones(1, 1, 20000)
    kept = dict(gradient_storage="full", storage_mode="disk", storage_path=sys.argv[1])
    out = scalar(v, 5.0, 5e-4, source_amplitudes=steps, **places, pml_freq=20.0, **kept)
    while True:
        (out[-1] ** 2).sum().backward(retain_graph=True)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no /proc")
def test_a_process_that_is_killed_leaves_no_file(tmp_path):
    command = [sys.executable, "-P", "-c", textwrap.dedent(LONG), str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as child:
        found, end = [], time.monotonic() + 120
        while not found and child.poll() is None and time.monotonic() < end:
            for link in Path(f"/proc/{child.pid}/fd").glob("*"):
                with contextlib.suppress(OSError):
                    found += [x for x in [os.readlink(link)] if x.startswith(str(tmp_path))]
        child.send_signal(signal.SIGKILL)
        assert found, child.communicate()[1]
    assert not any(tmp_path.iterdir())


def test_the_plan_of_a_history_on_disk():
    arguments = case(2, nt=23)
    plain = dualwave.plan("scalar", **arguments, **FULL)
    plan = dualwave.plan("scalar", **arguments, **DISK)
    assert plan.storage_bytes >= 23 * 8 * np.prod(plan.grid)
    assert plain.storage_bytes == 0
    assert plan.total_gradient_memory < plain.total_gradient_memory
    assert (plan.storage_mode, plan.recomputation) == ("disk", 1)
    assert "on disk" in str(plan)
    # For arrays that are in the host's memory anyway.
    near = dualwave.plan("scalar", **arguments, **FULL, storage_mode="cpu")
    assert near == plain


def test_it_is_refused_where_it_does_not_fit():
    arguments = case(2, nt=23) | FULL
    for name in FRONT_ENDS:
        front = FRONT_ENDS[name]()
        needed = least_limit(front, arguments)
        with pytest.raises(ValueError, match=f"at least {needed}.*gradient_storage='checkpoint'"):
            front.call(arguments | {"memory_limit": needed - 1})
        limit = {"memory_limit": needed}
        assert numpy(front.call(arguments | limit)[-1]).any()
        given = {k: front.array(x) for k, x in arguments.items()}
        planned = dualwave.plan(front.module.scalar, **given, **limit).total_gradient_memory
        assert planned == needed


def test_what_the_system_does_not_have():
    """More than a process may address: 256 TB of history, which in PyTorch the call asks for first;
    in JAX the call that goes back does, after all the steps."""
    arguments = {
        "v": np.full((4000, 4000), 2000.0, np.float32),
        "source_amplitudes": np.ones((1, 1, 4), np.float32),
        "source_locations": np.array([[[5, 5]]]),
        "receiver_locations": np.array([[[9, 9]]]),
    }
    fixed = {"grid_spacing": 5.0, "dt": 5e-4, "pml_freq": 20.0, "max_vel": 2000.0, "pml_width": 0}
    with pytest.raises(MemoryError, match=r"no block of 25\d{7} MB; .*memory_limit.*'checkpoint'"):
        FRONT_ENDS["torch"]().gradients(
            squares, arguments | fixed | FULL | {"nt": 4 * 10**6}, ["v"]
        )


BOUNDARY = {"gradient_storage": "boundary"}
REBUILT = with_equations([name for name in NAMES if name != "damped"])
SPACE = (24, 60)  # with cells that no layer reaches


def spacious(equation, nt, dtype="float64"):
    arguments = case_of(equation, 2, nt, dtype, space=SPACE)
    names = [*EQUATIONS[equation].parameters]
    return arguments, [*names, next(k for k in arguments if k.startswith("source_amplitudes"))]


@REBUILT
def test_boundary_agrees_to_rounding(name, equation):
    """With sub-stepping, at faces that reflect, and where gradients of some cells are wanted."""
    front = FRONT_ENDS[name]()
    arguments, names = spacious(equation, 60)
    for more in (
        {"dt": 3 * arguments["dt"]},
        {} if equation == "elastic" else {"boundary": ["free", "pml", "rigid", "pml"]},
        {"grad_region": [(3, 12), (2, 30)], "model_gradient_sampling_interval": 2},
    ):
        given = arguments | more
        if "boundary" in more:
            given["pml_width"] = [0, 2, 0, 5]
        want = front.gradients(squares, given, names, equation)
        got = front.gradients(squares, given | BOUNDARY, names, equation)
        for ours, plain in zip(got, want, strict=True):
            assert_close(ours, plain, 1e-11)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_boundary_of_second_derivatives(name):
    products = second_derivatives(name, case_of("scalar", 2, 30, space=SPACE))
    for ours, plain in zip(products(**BOUNDARY), products(), strict=True):
        assert_close(ours, plain, 1e-11)


def test_boundary_in_single_precision():
    """Rounding grows with the steps that are marched back, slowly."""
    front = FRONT_ENDS["torch"]()
    for equation in ("scalar", "elastic"):
        arguments, names = spacious(equation, 1000, "float32")
        want = front.gradients(squares, arguments, names, equation)
        got = front.gradients(squares, arguments | BOUNDARY, names, equation)
        for ours, plain in zip(got, want, strict=True):
            assert_close(ours, plain, 1e-4)


def test_boundary_keeps_less():
    arguments = case_of("acoustic", 2, 400, "float32", space=(200, 200))
    plans = {
        key: dualwave.plan("acoustic", **arguments, **given)
        for key, given in {
            "full": FULL,
            "boundary": BOUNDARY,
            "region": BOUNDARY | {"grad_region": [(20, 180), (40, 160)]},
        }.items()
    }
    history = {key: plan.gradient_memory["history"] for key, plan in plans.items()}
    assert history["boundary"] < 0.3 * history["full"]
    assert history["region"] < 0.2 * history["boundary"]
    assert plans["boundary"].recomputation == 1
    assert "boundary, history of 400 steps" in str(plans["boundary"])


def test_boundary_is_refused_where_waves_lose_energy():
    arguments = case_of("damped", 1, 9)
    with pytest.raises(
        ValueError, match="gradient_storage: is 'boundary', but in the equation damped"
    ):
        dualwave.plan("damped", **arguments, **BOUNDARY)
