"""Whole calls in JAX: under jit, grad and vmap, and what is checked while values are unknown."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dualwave.jax import scalar
from helpers.calls import Jax, assert_close, backends, case

FRONT = Jax()
BACKENDS = pytest.mark.parametrize("backend", backends("jax"))
pytestmark = pytest.mark.filterwarnings("ignore:there are:UserWarning")  # coarse on purpose


def given(**changes):
    return {k: FRONT.array(x) for k, x in case(1, nt=40, **changes).items()}


@BACKENDS
def test_jit_is_the_call_itself(backend, x64):
    """Everything that is an array may be traced."""
    arguments = given() | {"backend": backend}
    arrays = {k: arguments.pop(k) for k, x in list(arguments.items()) if hasattr(x, "dtype")}
    expected = scalar(**arrays, **arguments)
    out = jax.jit(lambda arrays: scalar(**arrays, **arguments))(arrays)
    for ours, theirs in zip(jax.tree.leaves(out), jax.tree.leaves(expected), strict=True):
        assert_close(ours, theirs, 1e-13)
    assert jax.tree.structure(out) == jax.tree.structure(expected)


@BACKENDS
def test_gradient_under_jit(backend, x64):
    arguments = given() | {"backend": backend}
    v = arguments.pop("v")

    def loss(v):
        return (scalar(v, **arguments)[-1] ** 2).sum()

    gradient = jax.grad(loss)(v)
    assert_close(jax.jit(jax.grad(loss))(v), gradient, 1e-13)
    direction = np.random.default_rng(0).normal(size=v.shape)
    step, value = 1e-3, jax.jit(loss)
    slope = (value(v + step * direction) - value(v - step * direction)) / (2 * step)
    assert_close(jnp.vdot(gradient, direction), slope, 1e-7)


def test_custom_vjp_is_a_choice(x64):
    rows = backends("jax")
    arguments = given()
    v = arguments.pop("v")
    with pytest.raises(ValueError, match="ad: got 'forward'"):
        scalar(v, **arguments, ad="forward", backend=rows[-1])
    if "compiled" in rows:

        def loss(v, ad):
            return (scalar(v, **arguments, ad=ad)[-1] ** 2).sum()

        assert_close(jax.grad(loss)(v, "custom_vjp"), jax.grad(loss)(v, "primitives"), 1e-13)


@BACKENDS
def test_vmap_over_models_is_a_loop(backend, x64):
    arguments = given() | {"backend": backend}
    v = arguments.pop("v")
    both = jnp.stack([v, 0.9 * v])
    out = jax.vmap(lambda v: scalar(v, **arguments)[-1])(both)
    single = jax.jit(lambda v: scalar(v, **arguments)[-1])
    for model, ours in zip(both, out, strict=True):
        assert_close(ours, single(model), 1e-13)


def test_state_passes_through_jit_with_its_settings(x64):
    """The memory of the PML is a tree with static settings, so a chunk can be a jitted function."""
    arguments = given() | {"backend": "eager"}
    amplitudes = arguments.pop("source_amplitudes")
    whole = scalar(**arguments, source_amplitudes=amplitudes)

    @jax.jit
    def chunk(part, state):
        return scalar(**arguments, source_amplitudes=part, initial_state=state)

    first = chunk(amplitudes[..., :20], None)
    second = chunk(amplitudes[..., 20:], first.final_state)
    both = jnp.concatenate([first[-1], second[-1]], axis=-1)
    assert_close(both, whole[-1], 1e-13)
    assert second.auxiliary_state.settings == whole.auxiliary_state.settings


@pytest.mark.parametrize(
    ("missing", "traced"), [("max_vel", "v"), ("pml_freq", "source_amplitudes")]
)
def test_unknown_values_must_be_replaced(missing, traced):
    arguments = given(dtype="float32", **{missing: None}) | {"backend": "eager"}
    x = arguments.pop(traced)
    run = jax.jit(lambda x: scalar(**arguments, **{traced: x})[-1])
    with pytest.raises(ValueError, match=f"{missing}: is missing, and the .* no known values"):
        run(x)
    # The other direction: constants of a traced function are known.
    other = arguments | {traced: x}
    locations = other.pop("receiver_locations")
    out = jax.jit(lambda r: scalar(**other, receiver_locations=r)[-1])(locations)
    assert jnp.abs(out).max() > 0


def test_numbers_must_be_static():
    arguments = given(dtype="float32") | {"backend": "eager"}
    dt = arguments.pop("dt")
    with pytest.raises(TypeError, match=r"dt: got .*make it static"):
        jax.jit(lambda dt: scalar(dt=dt, **arguments)[-1])(dt)


def test_region_cannot_depend_on_unknown_locations():
    arguments = given(dtype="float32", survey_pad=2) | {"backend": "eager"}
    locations = arguments.pop("source_locations")
    with pytest.raises(ValueError, match="survey_pad: the region depends on locations"):
        jax.jit(lambda s: scalar(source_locations=s, **arguments)[-1])(locations)


@BACKENDS
def test_unknown_location_outside_the_model_is_never_another_cell(backend):
    """The compiled core refuses it; the eager engine, which cannot raise, gives NaN."""
    arguments = {k: FRONT.array(x) for k, x in case(2, nt=5, dtype="float32").items()}
    arguments |= {"backend": backend, "check_output_finite": False}
    locations = arguments.pop("receiver_locations")
    run = jax.jit(lambda r: scalar(receiver_locations=r, **arguments)[-1])
    assert np.isfinite(run(locations)).all()
    outside = locations.at[0, 1, 1].set(15)
    if backend == "compiled":
        with pytest.raises((ValueError, jax.errors.JaxRuntimeError), match="receiver_nodes"):
            run(outside).block_until_ready()
    else:
        bad = np.isnan(run(outside))
        assert bad[0, 1].all()
        assert bad.sum() == 5


def test_float64_without_x64_says_how():
    arguments = case(1) | {"backend": "eager"}
    with pytest.raises(TypeError, match=r"v: has dtype float64\..*jax_enable_x64"):
        scalar(**arguments)
