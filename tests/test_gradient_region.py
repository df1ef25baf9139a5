"""grad_region: models that are constants outside some cells, for every derivative."""

import numpy as np
import pytest

import dualwave
from helpers.calls import (
    FRONT_ENDS,
    ROWS,
    assert_close,
    case,
    case_of,
    numpy,
    squares,
    with_equations,
)
from helpers.equations import EQUATIONS

pytestmark = [
    pytest.mark.usefixtures("x64"),
    pytest.mark.filterwarnings("ignore:there are:UserWarning"),  # coarse on purpose
]
TABLE = with_equations()
# To an edge, to none, and over a whole axis.
REGIONS = [[(3, 9), (2, 7)], [(0, 4), None], [(5, None), (14, 15)]]


def masked(x, region):
    mask = np.zeros(x.shape, bool)
    mask[tuple(slice(None) if pair is None else slice(*pair) for pair in region)] = True
    return np.where(mask, x, 0)


@TABLE
@pytest.mark.parametrize("storage", [{}, {"gradient_storage": "full"}], ids=["states", "history"])
def test_gradients_are_those_of_all_cells_cut(name, equation, storage):
    front, arguments = FRONT_ENDS[name](), case_of(equation, 2, 23)
    models = [*EQUATIONS[equation].parameters]
    names = [*models, next(k for k in arguments if k.startswith("source_amplitudes"))]
    want = front.gradients(squares, arguments, names, equation)
    for region in REGIONS:
        got = front.gradients(
            squares, arguments | storage | {"grad_region": region}, names, equation
        )
        for key, ours, plain in zip(names, got, want, strict=True):
            # Nodes where a cell's neighbour is cut have that one's share no more, and no other.
            expected = masked(plain, region) if key in models else plain
            assert_close(ours, expected, 1e-12)
            assert np.count_nonzero(ours) == np.count_nonzero(expected)


@pytest.mark.parametrize(("name", "backend"), ROWS)
def test_every_derivative_is_that_of_a_model_that_is_cut(name, backend):
    """Forward mode, Hessian-vector products and Born modelling; cutting the model by hand."""
    front, arguments = FRONT_ENDS[name](), case(2, nt=17)
    t = front.jax if name == "jax" else front.torch.func
    fw = front.module.scalar.framework
    v, region = front.array(arguments.pop("v")), REGIONS[0]
    given = {k: front.array(x) for k, x in arguments.items()} | {"backend": backend}
    rng = np.random.default_rng(3)
    turn, change = (front.array(rng.normal(size=v.shape)) for _ in range(2))
    mask = front.array(masked(np.ones(v.shape), region) > 0)
    cut = lambda x: fw.xp.where(mask, x, fw.stop_gradient(x))  # noqa: E731

    def products(prepare, **more):
        f = lambda v: squares(front.module.scalar(prepare(v), **given, **more))  # noqa: E731

        def born(x):
            return squares(
                front.module.scalar_born(prepare(x[0]), scatter=prepare(x[1]), **given, **more)
            )

        def all_of_them(v, change):
            return [
                t.jvp(f, (v,), (turn,))[1],
                t.jvp(t.grad(f), (v,), (turn,))[1],
                t.grad(lambda v: t.jvp(f, (v,), (turn,))[1])(v),
                *t.grad(born)((v, change)),
            ]

        return (t.jit(all_of_them) if name == "jax" else all_of_them)(v, change)

    for ours, plain in zip(products(lambda x: x, grad_region=region), products(cut), strict=True):
        assert_close(ours, plain, 1e-11)
    assert np.count_nonzero(masked(numpy(ours), region)) == np.count_nonzero(numpy(ours)) > 0


def test_less_is_kept():
    arguments = case_of("acoustic", 3, 40, space=(40, 40, 40))
    arguments |= {"gradient_storage": "full"}
    whole = dualwave.plan("acoustic", **arguments)
    part = dualwave.plan("acoustic", **arguments, grad_region=[(10, 20), (10, 20), (8, 24)])
    cells = np.prod([10 + 2, 10 + 2, 32]) / np.prod(whole.grid)
    assert part.gradient_memory["history"] < 1.2 * cells * whole.gradient_memory["history"]
    assert part.memory["coefficients"] == whole.memory["coefficients"]


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_wrong_region_raises(name):
    front, arguments = FRONT_ENDS[name](), case(2, nt=5)
    arguments = {k: front.array(x) for k, x in arguments.items()}
    for region, error in [([(0, 3)], ValueError), ([(0, 40), None], ValueError), (7, ValueError)]:
        with pytest.raises(error, match=r"grad_region: .* Accepted: None, or 2 pairs"):
            front.module.scalar(**arguments, grad_region=region)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_callbacks_see_the_gradients_of_the_cells_alone(name):
    front, arguments = FRONT_ENDS[name](), case_of("acoustic", 2, 12)
    region, seen = REGIONS[0], {}

    def look(state):
        seen[state.step] = {k: numpy(state.get_gradient(k)) for k in ("v", "rho")}

    more = {"grad_region": region, "backward_callback": look, "callback_frequency": 4}
    got = front.gradients(squares, arguments | more, ["v", "rho"], "acoustic")
    assert len(seen) == 3
    for key, ours in zip(("v", "rho"), got, strict=True):
        for gradients in seen.values():
            one = gradients[key][0]
            np.testing.assert_array_equal(one, masked(one, region))
        assert_close(seen[0][key].reshape(ours.shape), ours, 1e-12)
