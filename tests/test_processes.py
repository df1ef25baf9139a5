"""What the core owes its process: fork, and Ctrl-C."""

import signal
import subprocess
import sys
import textwrap
import time

import pytest

# Seconds from Ctrl-C to the exception in Python: the promise is one, the rest is for a machine on
# which other programs keep the interpreter waiting.
BOUND = 1.0 + 1.0

COMMON = """
    import os, sys, threading
    import numpy as np

    def arguments(asarray, nt, cells):
        v = np.linspace(1500.0, 2500.0, cells * cells).reshape(cells, cells)
        signal = np.zeros((2, 1, nt))
        signal[:, :, :8] = np.sin(np.arange(8.0))
        places = np.full((2, 1, 2), cells // 2)
        given = dict(v=v, source_amplitudes=signal, source_locations=places)
        given["receiver_locations"] = places + 1
        fixed = dict(grid_spacing=5.0, dt=5e-4, pml_freq=50.0, max_vel=2500.0, pml_width=8)
        return {k: asarray(x) for k, x in given.items()} | fixed

"""
TORCH = """
    import torch
    from dualwave.torch import scalar

    def run(nt=40, cells=90, gradient=False):
        given = arguments(torch.tensor, nt, cells)
        given["v"].requires_grad_(gradient)
        out = scalar(**given)[-1]
        return torch.autograd.grad((out**2).sum(), given["v"])[0] if gradient else out

    numpy = lambda x: x.detach().numpy()

"""
JAX = """
    import jax
    jax.config.update("jax_enable_x64", True)
    from dualwave.jax import scalar

    def run(nt=40, cells=90, gradient=False):
        given = arguments(jax.numpy.asarray, nt, cells)
        v = given.pop("v")
        if gradient:
            out = jax.jit(jax.grad(lambda v: (scalar(v, **given)[-1] ** 2).sum()))(v)
        else:
            out = jax.jit(lambda v: scalar(v, **given)[-1])(v)
        return jax.block_until_ready(out)

    numpy = np.asarray

"""
FRONT = {"torch": TORCH, "jax": JAX}


def start(*parts):
    code = "".join(textwrap.dedent(part) for part in (COMMON, *parts))
    return subprocess.Popen(
        [sys.executable, "-P", "-c", code], stdout=subprocess.PIPE, text=True, bufsize=1
    )


FORK = """
    from dualwave import native

    native.set_num_threads(3)
    # PyTorch's own team, of OpenMP, does not survive a fork.
    torch.set_num_threads(1)
    expected = numpy(run()), numpy(run(gradient=True))
    assert all(np.abs(x).max() > 0 for x in expected)
    # Another thread is in the middle of a run when the process forks.
    busy = threading.Thread(target=run, args=(1500,))
    busy.start()
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                found = numpy(run()), numpy(run(gradient=True))
                same = all(np.array_equal(*pair) for pair in zip(found, expected))
                status = 0 if same and native.get_num_threads() == 3 else 2
            finally:
                os._exit(status)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    busy.join()
    assert np.array_equal(numpy(run()), expected[0])
    print(codes)
"""


def test_a_forked_child_propagates():
    """Forked from a process that has used the core's threads, and is using them."""
    process = start(TORCH, FORK)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out == "[0, 0]\n"


INTERRUPT = """
    import time

    expected = numpy(run())
    assert np.abs(expected).max() > 0
    print("warm", flush=True)
    for gradient in (False, True):
        try:
            print("running", flush=True)
            try:
                # Minutes of work, nearly all of it in one native call.
                run(nt=60_000 if gradient else 1_000_000, cells=150, gradient=gradient)
            except RuntimeError:
                # JAX raises what the core returned to it, then Python what the signal asks for.
                for _ in range(100):
                    time.sleep(0.05)
            print("finished", flush=True)
        except KeyboardInterrupt:
            print("stopped", flush=True)
        assert np.array_equal(numpy(run()), expected)
        print("usable", flush=True)
"""


@pytest.mark.parametrize("name", FRONT)
def test_ctrl_c_stops_a_run(name):
    """Within a second, as KeyboardInterrupt, and the process goes on to propagate correctly.

    Through JAX its own error comes first, and KeyboardInterrupt as soon as Python goes on.
    """
    process = start(FRONT[name], INTERRUPT)
    try:
        assert process.stdout.readline() == "warm\n"
        for _ in range(2):
            assert process.stdout.readline() == "running\n"
            time.sleep(1.5)  # what comes before the native call takes less
            sent = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "stopped\n"
            print(f"{time.monotonic() - sent:.3f} s")
            assert time.monotonic() - sent < BOUND
            assert process.stdout.readline() == "usable\n"
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
