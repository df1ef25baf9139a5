"""``max_vel`` where it is left out: seen through every transform that has values, or an error.

Never another time step: what is inferred is what the models give.
"""

import numpy as np
import pytest

from helpers.calls import FRONT_ENDS, assert_close, case, numpy

pytestmark = pytest.mark.usefixtures("x64")
BOTH = pytest.mark.parametrize("name", FRONT_ENDS)


@pytest.fixture
def problem(name):
    front = FRONT_ENDS[name]()
    arguments = {k: front.array(x) for k, x in case(2, nt=30).items() if k != "v"}
    v = front.array(case(2)["v"])

    def loss(v, **changes):
        out = front.function("scalar")(v, **(arguments | changes))
        return (out.receiver_amplitudes**2).sum()

    return front, v, loss


def transforms(t, array):
    d = lambda v: 0.01 * v  # noqa: E731
    return {
        "grad": lambda f, v: t.grad(f)(v),
        "jvp": lambda f, v: t.jvp(f, (v,), (d(v),))[1],
        "jvp(grad)": lambda f, v: t.jvp(t.grad(f), (v,), (d(v),))[1],
        "hessian": lambda f, v: t.hessian(lambda a: f(v * (1 + 0.01 * a)))(array(np.array(0.5))),
        "jacfwd": lambda f, v: t.jacfwd(lambda a: f(v * (1 + 0.01 * a)))(array(np.array(0.5))),
        "vmap of a direction": lambda f, v: t.vmap(lambda s: t.jvp(f, (v,), (s * v,))[1])(
            array(np.array([0.01, 0.02]))
        ),
    }


@BOTH
@pytest.mark.parametrize("transform", transforms(None, None))
def test_max_vel_is_inferred_where_values_can_be_seen(problem, name, transform):
    front, v, loss = problem
    t = front.jax if name == "jax" else front.torch.func
    run = transforms(t, front.array)[transform]
    # The models of the last two reach half a per cent further.
    largest = float(numpy(v).max())
    if transform in ("hessian", "jacfwd"):
        largest *= 1 + 0.01 * 0.5
    found = run(lambda v: loss(v, max_vel=None), v)
    assert_close(found, run(lambda v: loss(v, max_vel=largest), v), 1e-12)


def test_vmap_over_models_in_torch():
    """The largest of the batch: all elements share a time step and a PML."""
    front = FRONT_ENDS["torch"]()
    torch, arguments = front.torch, case(2, nt=30)
    v = torch.tensor(arguments.pop("v"))
    own = {k: front.array(x) for k, x in arguments.items()} | {"max_vel": None}
    batch = torch.stack([v, 1.1 * v])
    run = lambda v, **more: front.module.scalar(v, **(own | more))[-1]  # noqa: E731
    found = torch.func.vmap(run)(batch)
    assert_close(found, torch.func.vmap(lambda v: run(v, max_vel=float(batch.max())))(batch), 1e-13)


def test_errors_where_they_cannot_be_seen():
    front = FRONT_ENDS["jax"]()
    jax, arguments = front.jax, case(2, nt=30)
    v = front.array(arguments.pop("v"))
    own = {k: front.array(x) for k, x in arguments.items()} | {"max_vel": None}
    loss = lambda v: (front.module.scalar(v, **own)[-1] ** 2).sum()  # noqa: E731
    several = jax.numpy.stack([v, v])
    runs = ((jax.jit(loss), v), (jax.grad(jax.checkpoint(loss)), v), (jax.vmap(loss), several))
    for run, given in runs:
        with pytest.raises(ValueError, match="max_vel: is missing, and the models have no known"):
            run(given)
