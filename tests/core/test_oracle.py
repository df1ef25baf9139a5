"""The complex-step tangent against finite differences and against forward mode of PyTorch."""

import numpy as np
import pytest

from dualwave.engine import forward
from dualwave.equations import get
from dualwave.framework import NumpyFramework
from dualwave.maps import Constants, Primal
from dualwave.oracle import tangent
from helpers.equations import EQUATIONS, random_models
from helpers.runs import Setup, make_run, random_direction

REGION = (8, 10)


def make(equation, models=1, shots=2):
    parameters = random_models(equation.name, (models, *REGION), np.random.default_rng(4))
    setup = Setup(
        equation,
        REGION,
        (5.0, 6.0),
        (3, 2, 0, 4),
        0.0007,
        parameters,
        nt=15,
        shots=shots,
        taps=2,
        state_scale=0.1,
    )
    return make_run(setup)


@pytest.mark.parametrize("equation", EQUATIONS.values(), ids=EQUATIONS)
@pytest.mark.parametrize("slot", Primal._fields)
def test_against_central_differences(equation, slot):
    """The fourth-order rule; its own error is rounding and the fifth derivative."""
    run = make(equation)
    d = Primal(**{slot: getattr(random_direction(run.p), slot)})
    ours = tangent(equation, run.description, run.p, d, run.constants)

    def at(h):
        moved = {slot: getattr(run.p, slot) + h * getattr(d, slot)}
        return forward(
            NumpyFramework(), equation, run.description, run.p._replace(**moved), run.constants
        )

    h = 3e-4
    near, far = zip(at(h), at(-h), strict=True), zip(at(2 * h), at(-2 * h), strict=True)
    for mine, (a, b), (c, e) in zip(ours, near, far, strict=True):
        theirs = (8 * (a - b) - (c - e)) / (12 * h)
        if slot == "receiver_weights" and theirs.ndim == 2:
            assert not mine.any()
            assert not theirs.any()
            continue
        assert np.abs(theirs).max() > 0
        assert np.abs(mine - theirs).max() <= 1e-9 * np.abs(theirs).max()


@pytest.mark.parametrize("equation", EQUATIONS.values(), ids=EQUATIONS)
def test_against_torch_forward_mode(equation):
    torch = pytest.importorskip("torch")
    from dualwave.torch.framework import TorchFramework

    run = make(equation, models=2)
    d = random_direction(run.p)
    ours = tangent(equation, run.description, run.p, d, run.constants)
    constants = Constants(*(torch.tensor(np.array(x)) for x in run.constants))

    def call(*p):
        return forward(TorchFramework(), equation, run.description, Primal(*p), constants)

    _, theirs = torch.func.jvp(call, tuple(map(torch.tensor, run.p)), tuple(map(torch.tensor, d)))
    for mine, other in zip(ours, theirs, strict=True):
        assert other.abs().max() > 0
        assert np.abs(mine - other.numpy()).max() <= 1e-12 * other.abs().max().item()


@pytest.mark.parametrize(("models", "directions"), [(1, 1), (1, 3), (3, 1), (2, 3)])
def test_direction_may_have_its_own_models(models, directions):
    """Equal to giving every shot a model and a direction of its own."""
    equation = get("scalar")
    run = make(equation, models=models, shots=3)
    d = Primal(coefficients=random_direction(run.p, models=directions).coefficients)
    index = np.stack([np.arange(3) % models, np.arange(3)[::-1] % directions]).astype(np.int32)
    index = np.concatenate([index, np.zeros((3, 3), np.int32)])
    constants = run.constants._replace(model_index=index)
    ours = tangent(equation, run.description, run.p, d, constants)
    apart = run.p._replace(coefficients=run.p.coefficients[index[0]])
    each = Primal(coefficients=d.coefficients[index[1]])
    own = run.constants._replace(model_index=np.tile(np.arange(3, dtype=np.int32), (5, 1)))
    for mine, theirs in zip(
        ours, tangent(equation, run.description, apart, each, own), strict=True
    ):
        assert np.abs(theirs).max() > 0
        np.testing.assert_array_equal(mine, theirs)
