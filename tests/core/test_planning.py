"""plan(): what it says against what a call does, and what a reader can work out by hand."""

import numpy as np
import pytest

import dualwave
from helpers.calls import FRONT_ENDS, backends, case, clustered

pytestmark = pytest.mark.filterwarnings("ignore:there are:UserWarning")  # coarse on purpose


def test_by_hand():
    """A 2-D grid whose numbers are easy: cells, steps, and the memory of every kind."""
    p = dualwave.plan(
        "scalar",
        np.full((20, 30), 2000.0, np.float32),
        10.0,
        0.004,
        source_amplitudes=np.ones((3, 2, 100), np.float32),
        source_locations=np.arange(3 * 2 * 2).reshape(3, 2, 2),
        receiver_locations=np.arange(3 * 4 * 2).reshape(3, 4, 2) / 2 + 4.2,
        pml_width=[1, 2, 3, 4],
        pml_freq=20.0,
        backend="eager",
    )
    assert (p.grid, p.region, p.origin, p.pml) == ((23, 37), (20, 30), (0, 0), (1, 2, 3, 4))
    # 0.6 / (sqrt(2) / 10 m * 2000 m/s) = 2.12 ms, so two inner steps.
    assert (p.step_ratio, p.internal_dt, p.nt) == (2, 0.002, 100)
    assert (p.max_vel, p.pml_freq, p.cells_per_wavelength) == (2000.0, 20.0, 10.0)
    assert (p.source_taps, p.receiver_taps) == (1, 64)
    cells, memory = 23 * 37, 2 * (3 * 37 + 7 * 23)
    assert p.memory == {
        "coefficients": 4 * cells,
        "state before and after": 4 * 3 * (2 * cells + memory),  # there is none before
        "source amplitudes": 4 * 3 * 2 * 200,
        "receiver amplitudes": 4 * 3 * 4 * 200,
        "nodes and weights": 8 * 3 * (2 * 1 + 4 * 64),
        "PML profiles": 4 * 5 * (23 + 37),
    }
    assert p.total_memory == sum(p.memory.values())


def test_text_has_the_numbers():
    p = dualwave.plan("scalar", **clustered(2, survey_pad=1, backend="eager"))
    text = str(p)
    assert f"{p.grid[0]} x {p.grid[1]} cells of 5 x 6 m" in text
    for part in ("scalar, order 4, float64, eager", "50 of 0.0006 s", "2600 m/s, 60 Hz", "KiB"):
        assert part in text
    assert len({line[: text.index("scalar")].rstrip() for line in text.splitlines()}) > 12


@pytest.mark.parametrize("name", FRONT_ENDS)
@pytest.mark.parametrize("change", [{}, {"survey_pad": 1}, {"dt": 2e-3}, {"accuracy": 8}])
def test_a_call_does_what_its_plan_says(name, change, x64):
    front = FRONT_ENDS[name]()
    arguments = clustered(2, nt=20, **change) | {"backend": backends(name)[-1]}
    given = {k: front.array(x) for k, x in arguments.items()}
    p = dualwave.plan(front.module.scalar, **given)
    out = front.module.scalar(**given)
    settings = out.auxiliary_state.settings
    assert p.backend == arguments["backend"]
    assert p.grid == settings.n == out.wavefield_0.shape[1:]
    assert (p.origin, p.pml) == (settings.origin, settings.pml)
    assert (p.internal_dt, p.max_vel) == (settings.internal_dt, settings.max_vel)
    assert p.nt == out.receiver_amplitudes.shape[2]


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_run_may_be_longer_than_any_memory(name):
    front, steps = FRONT_ENDS[name](), 10**15
    given = {k: front.array(x) for k, x in (case(2) | {"nt": steps}).items()}
    p = dualwave.plan(front.module.scalar, **given)
    assert p.nt == steps
    assert p.total_memory > 4 * steps


def test_gradient_memory_is_that_of_the_compiled_core():
    if "compiled" in backends("torch"):
        p = dualwave.plan("scalar", **case(2))
        assert p.gradient_memory["kept states"] > 0
        assert p.total_gradient_memory > p.total_memory
        assert "with a gradient" in str(p)
    assert dualwave.plan("scalar", **case(2, backend="eager")).gradient_memory == {}


def test_errors_are_those_of_the_call():
    with pytest.raises(ValueError, match="accuracy: got 5"):
        dualwave.plan("scalar", **case(1, accuracy=5))
    with pytest.raises(TypeError, match="did you mean 'pml_width'"):
        dualwave.plan("scalar", **case(1), pml_widths=4)
    with pytest.raises(ValueError, match="equation 'acoustics' is unknown"):
        dualwave.plan("acoustics", **case(1))
    with pytest.raises(TypeError, match="propagator: got 3"):
        dualwave.plan(3, **case(1))


def test_nothing_of_the_size_of_the_grid_is_made():
    """A grid of 3.8 GiB for each field and grid of coefficients."""
    v = np.broadcast_to(np.float32(2000.0), (8, 8, 8))
    p = dualwave.plan(
        "scalar",
        v,
        10.0,
        1e-3,
        source_amplitudes=np.ones((1, 1, 10), np.float32),
        source_locations=np.zeros((1, 1, 3), int),
        pml_width=500,
        pml_freq=20.0,
        backend="eager",
    )
    assert p.memory["coefficients"] == 4 * 1008**3
