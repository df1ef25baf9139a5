"""Born modelling in both front ends: against Deepwave, forward mode, and differences.

``*_born`` are the map `tangent` by name, so what is tested is that names and results are the right
ones, and that derivatives hold when results of both levels are in the loss.
"""

import itertools

import numpy as np
import pytest

from dualwave.form import Form, scattered_name
from helpers.calls import FRONT_ENDS, assert_close, case_of, numpy
from helpers.equations import EQUATIONS, NAMES, rows

pytestmark = [
    pytest.mark.usefixtures("x64"),
    pytest.mark.filterwarnings("ignore:there are:UserWarning"),  # coarse on purpose
]
BOTH = pytest.mark.parametrize("name", FRONT_ENDS)
# JAX compiles for longer than it runs: one equation, and the others where time is given.
TABLE = pytest.mark.parametrize(
    ("name", "equation"),
    rows(
        itertools.product(FRONT_ENDS, NAMES),
        lambda name, equation: name != "jax" or equation == "scalar",
    ),
)


def born_case(equation, ndim=2, nt=30):
    """Models, their changes, amplitudes, and the rest; receivers of both levels."""
    arguments = case_of(equation, ndim, nt)
    models = {name: arguments.pop(name) for name in EQUATIONS[equation].parameters}
    rng = np.random.default_rng(2)
    changes = {f"d{k}": 0.1 * x.mean() * rng.normal(size=x.shape) for k, x in models.items()}
    signals = {k: arguments.pop(k) for k in list(arguments) if k.startswith("source_amplitudes")}
    for k in [k for k in arguments if k.startswith("receiver_locations")]:
        places = arguments.pop(k)
        arguments |= {f"bg_{k}": places, f"sc_{k}": places[:, :2]}
    return models, changes, signals, arguments


def born(front, equation):
    function = getattr(front.module, f"{equation}_born", None)
    return function or front.module.born_propagator(EQUATIONS[equation])


def call(front, equation, arrays, arguments, **more):
    given = {k: front.array(x) for k, x in (arguments | more).items()}
    return born(front, equation)(**arrays, **given)


@TABLE
def test_it_is_the_derivative_of_the_function(name, equation):
    """Both levels of all results, against forward mode by the framework of the eager backend."""
    front = FRONT_ENDS[name]()
    models, changes, signals, arguments = born_case(equation)
    out = call(
        front,
        equation,
        {k: front.array(x) for k, x in (models | changes | signals).items()},
        arguments,
    )
    plain = {k: x for k, x in arguments.items() if not k.startswith(("bg_", "sc_"))}
    places = {k[3:]: x for k, x in arguments.items() if k.startswith("bg_")}
    given = {k: front.array(x) for k, x in (plain | places | signals).items()}

    def run(models):
        found = front.function(equation)(**models, **given, backend="eager")._asdict()
        return {**found.pop("auxiliary_state"), **found}

    own = {k: front.array(x) for k, x in models.items()}
    step = {k: front.array(changes[f"d{k}"]) for k in models}
    jvp = front.jax.jvp if name == "jax" else front.torch.func.jvp
    values, slopes = jvp(run, (own,), (step,))
    memory = out.auxiliary_state
    for key, x in values.items():
        slope = slopes[key]
        if key.startswith("receiver"):
            if x.shape[1]:
                assert_close(getattr(out, f"bg_{key}"), x, 1e-12)
                assert_close(getattr(out, f"sc_{key}"), numpy(slope)[:, :2], 1e-12)
        elif key in memory:
            assert_close(memory[key], x, 1e-12)
            assert_close(memory[f"{key}_sc"], slope, 1e-12)
        else:
            assert_close(getattr(out, key), x, 1e-12)
            assert_close(getattr(out, scattered_name(key)), slope, 1e-12)


@TABLE
def test_gradients_with_both_levels_in_the_loss(name, equation):
    """With respect to models, changes and amplitudes, compiled against eager."""
    front = FRONT_ENDS[name]()
    models, changes, signals, arguments = born_case(equation, nt=20)
    arrays = {k: front.array(x) for k, x in (models | changes | signals).items()}

    def loss(arrays, backend):
        out = call(front, equation, arrays, arguments, backend=backend)._asdict()
        found = [x for k, x in out.items() if k != "auxiliary_state" and x.shape[1]]
        return sum(((x / abs(numpy(x)).max() if name == "torch" else x) ** 2).sum() for x in found)

    if name == "torch":
        found = {}
        for backend in ("eager", "compiled"):
            leaves = {k: x.clone().requires_grad_() for k, x in arrays.items()}
            grads = front.torch.autograd.grad(loss(leaves, backend), list(leaves.values()))
            found[backend] = dict(zip(leaves, grads, strict=True))
    else:
        run = front.jax.jit(front.jax.grad(loss), static_argnums=1)
        found = {backend: run(arrays, backend) for backend in ("eager", "compiled")}
    for k, x in found["eager"].items():
        assert_close(found["compiled"][k], x, 1e-12)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("equation", ["scalar", "acoustic", "elastic"])
def test_deepwave(equation, ndim):
    """Results of both levels, and gradients of everything, against Deepwave's Born propagators."""
    deepwave, front = pytest.importorskip("deepwave"), FRONT_ENDS["torch"]()
    models, changes, signals, arguments = born_case(equation, ndim)
    for k in [k for k in arguments if "moment" in k or "strain" in k]:
        del arguments[k]
    signals = {k: x for k, x in signals.items() if "moment" not in k}
    # Deepwave's bound of the speed of a rough model is above the speed.
    arguments = {**arguments, "max_vel": 4500.0, "dt": 3e-4}
    both = []
    for function in (born(front, equation), getattr(deepwave, f"{equation}_born")):
        leaves = {
            k: front.array(x).requires_grad_() for k, x in (models | changes | signals).items()
        }
        out = function(**leaves, **{k: front.array(x) for k, x in arguments.items()})
        names = [k for k in out._asdict() if k != "auxiliary_state"] if not both else both[0][0]
        found = {k: getattr(out, k) for k in names if "strain" not in k}
        loss = sum(
            (i + 1) * (x / x.detach().abs().max()).square().sum()
            for i, x in enumerate(found.values())
        )
        grads = front.torch.autograd.grad(loss, list(leaves.values()))
        both.append((names, found, dict(zip(leaves, grads, strict=True))))
    for part in (1, 2):
        for k, x in both[1][part].items():
            assert_close(both[0][part][k], x, 1e-11)


@BOTH
def test_a_run_cut_in_two(name):
    front = FRONT_ENDS[name]()
    models, changes, signals, arguments = born_case("acoustic")

    def run(first, last, **more):
        part = {k: x[..., first:last] for k, x in signals.items()}
        arrays = {k: front.array(x) for k, x in (models | changes | part).items()}
        return call(front, "acoustic", arrays, arguments, **more)

    whole, first = run(0, 30), run(0, 13)
    second = run(13, 30, initial_state=first)
    for k in ("bg_receiver_amplitudes_p", "sc_receiver_amplitudes_x"):
        joined = np.concatenate([numpy(getattr(first, k)), numpy(getattr(second, k))], axis=-1)
        np.testing.assert_array_equal(joined, numpy(getattr(whole, k)))
        assert np.abs(joined).max() > 0
    np.testing.assert_array_equal(numpy(second.pressure_sc_0), numpy(whole.pressure_sc_0))


@BOTH
def test_a_change_for_each_shot_and_its_other_name(name):
    front = FRONT_ENDS[name]()
    models, changes, signals, arguments = born_case("scalar")
    dv = np.stack([changes["dv"], -2 * changes["dv"]])
    arrays = {k: front.array(x) for k, x in (models | signals).items()}
    each = call(front, "scalar", arrays, arguments, dv=dv)
    shared = call(front, "scalar", arrays, arguments, scatter=changes["dv"])
    for shot, factor in enumerate((1, -2)):
        want = factor * numpy(shared.sc_receiver_amplitudes)[shot]
        assert_close(numpy(each.sc_receiver_amplitudes)[shot], want, 1e-12)


@BOTH
def test_what_is_refused(name):
    front = FRONT_ENDS[name]()
    models, changes, signals, arguments = born_case("scalar")
    arrays = {k: front.array(x) for k, x in (models | signals).items()}
    with pytest.raises(ValueError, match="dv: no perturbation of a model is given"):
        call(front, "scalar", arrays, arguments)
    with pytest.raises(ValueError, match="scatter: is given, and so is dv"):
        call(front, "scalar", arrays, arguments, scatter=changes["dv"], dv=changes["dv"])
    with pytest.raises(ValueError, match="dv: has shape"):
        call(front, "scalar", arrays, arguments, dv=changes["dv"][:5])


def test_third_order_raises():
    """A second derivative with respect to the model of the scattered field is of third order."""
    front = FRONT_ENDS["jax"]()
    models, changes, signals, arguments = born_case("scalar", nt=10)
    rest = {k: front.array(x) for k, x in (changes | signals).items()}

    def loss(v):
        out = call(front, "scalar", {"v": v, **rest}, arguments)
        return (out.sc_receiver_amplitudes**2).sum()

    v = front.array(models["v"])
    with pytest.raises(NotImplementedError, match="derivatives to second order"):
        front.jax.jvp(front.jax.grad(loss), (v,), (v,))


def test_names():
    form = Form(EQUATIONS["acoustic"], scattered=True)
    assert form.name == "acoustic_born"
    assert form.perturbations == {"dv": "v", "drho": "rho"}
    assert form.wavefields["vx_sc_0"] == (1, "vx")
    assert scattered_name("wavefield_m1") == "wavefield_sc_m1"
