"""Small calls in NumPy: the bits of the framework's own calls, and only where nothing is lost."""

import numpy as np
import pytest

from dualwave import at_hand, propagator
from dualwave.output import AuxiliaryState
from helpers.calls import FRONT_ENDS, case, case_of, numpy, with_equations

pytestmark = [
    pytest.mark.usefixtures("x64"),
    pytest.mark.filterwarnings("ignore:there are:UserWarning"),  # coarse on purpose
]
BOTH = pytest.mark.parametrize("name", FRONT_ENDS)


@pytest.fixture
def taken(monkeypatch):
    """One entry for each call that NumPy takes."""
    calls, run = [], propagator.handed_back
    record = lambda fw, output: calls.append(fw.name) or run(fw, output)  # noqa: E731
    monkeypatch.setattr(propagator, "handed_back", record)
    return calls


def arrays(out):
    found = {k: x for k, x in out._asdict().items() if k != "auxiliary_state"}
    return found | out.auxiliary_state


@with_equations()
def test_the_bits_are_those_of_the_framework(name, equation, taken, monkeypatch):
    front = FRONT_ENDS[name]()
    for dtype in ("float32", "float64"):
        arguments = case_of(equation, 2, 23, dtype)
        got = front.call(arguments, equation)
        assert taken.pop() == name
        with monkeypatch.context() as patched:
            patched.setattr(at_hand, "_MOST_ENTRIES", 0)
            want = front.call(arguments, equation)
        assert not taken
        assert isinstance(got.auxiliary_state, AuxiliaryState)
        assert got.auxiliary_state.settings == want.auxiliary_state.settings
        assert arrays(got).keys() == arrays(want).keys()
        for key, x in arrays(want).items():
            assert type(arrays(got)[key]) is type(x)
            assert not numpy(x).size or key.startswith("wavefield") or np.abs(numpy(x)).max() > 0
            np.testing.assert_array_equal(numpy(arrays(got)[key]), numpy(x), strict=True)


@BOTH
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_in_all_dimensions(name, ndim, taken, monkeypatch):
    front, arguments = FRONT_ENDS[name](), case(ndim)
    got = front.call(arguments).receiver_amplitudes
    assert taken
    monkeypatch.setattr(at_hand, "_MOST_ENTRIES", 0)
    want = front.call(arguments).receiver_amplitudes
    assert np.abs(numpy(want)).max() > 0
    np.testing.assert_array_equal(numpy(got), numpy(want), strict=True)


@BOTH
def test_what_the_framework_is_needed_for(name, taken):
    front, arguments = FRONT_ENDS[name](), case(2)
    state = front.call(arguments)
    assert taken.pop()
    changes = {
        "resampled": {"dt": 3e-3},
        "continued": {"initial_state": state},
        "eager": {"backend": "eager"},
        "within a limit": {"memory_limit": "1 GB"},
        "with callbacks": {"forward_callback": lambda state: None, "callback_frequency": 9},
        "many samples": {"source_amplitudes": np.zeros((2, 2, 1 << 14))},
    }
    for change in changes.values():
        front.call(arguments | change)
        assert not taken
    front.call(arguments | {"dv": arguments["v"]}, "scalar_born")
    assert not taken


def test_what_torch_differentiates_or_sees(taken):
    front = FRONT_ENDS["torch"]()
    torch, given = front.torch, {k: front.array(x) for k, x in case(2).items()}
    call = lambda **changes: front.module.scalar(**(given | changes)).receiver_amplitudes  # noqa: E731
    assert call(v=given["v"].clone().requires_grad_()).requires_grad
    assert call(source_amplitudes=given["source_amplitudes"].clone().requires_grad_()).requires_grad
    assert not taken
    with torch.no_grad():
        assert not call(v=torch.nn.Parameter(given["v"])).requires_grad
    assert taken.pop() == "torch"
    with torch.inference_mode():
        assert call().is_inference()
    assert taken.pop() == "torch"
    torch.func.vmap(lambda x: x * call())(torch.ones(2))
    torch.fx.experimental.proxy_tensor.make_fx(lambda x: x + call())(torch.ones(()))
    with torch.autograd.forward_ad.dual_level():
        call()
    assert not taken


def test_what_torch_gives_may_be_changed_in_place(taken):
    front = FRONT_ENDS["torch"]()
    out = front.call(case(2))
    kept = out.wavefield_m1.clone()
    out.receiver_amplitudes.mul_(2)
    out.wavefield_0.zero_()
    assert taken
    assert front.torch.equal(out.wavefield_m1, kept)
    assert all(x.is_contiguous() for x in (out.receiver_amplitudes, out.wavefield_0[0]))


def test_what_jax_traces(taken):
    front = FRONT_ENDS["jax"]()
    jax, arguments = front.jax, case(2)
    traced = jax.make_jaxpr(lambda: front.call(arguments).receiver_amplitudes)()
    assert not taken
    assert len(traced.eqns) > 1  # not a constant
    placed = jax.device_put(arguments["v"], jax.devices()[0])
    front.call(arguments | {"v": placed})  # results are to be there as well
    assert not taken
