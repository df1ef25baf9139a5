"""``torch.compile``, ``torch.export`` and the operator that a recorded program calls.

The transforms of a compiled call are in the table of tests/test_transforms.py. Without a graph
break always: ``fullgraph=True``.
"""

import numpy as np
import pytest
import torch

from dualwave import native as core
from dualwave import wavelets
from dualwave.maps import INPUT_SLOTS, MAPS, input_mask, output_mask, possible_outputs
from dualwave.torch import Elastic, Scalar, scalar, vpvsrho_to_lambmubuoyancy
from dualwave.torch import native as operator
from helpers.small import small_run

PLACES = {
    "source_locations": torch.tensor([[[3, 4]], [[3, 9]]]),
    "receiver_locations": torch.tensor([[[3, 8], [3, 12]]]).repeat(2, 1, 1),
}
FIXED = {"pml_width": 4, "max_vel": 2600.0, "pml_freq": 25.0}


def signal(nt=60):
    wave = wavelets.ricker(25.0, nt, 0.001, dtype="float64")
    return torch.from_numpy(wave).reshape(1, 1, -1).repeat(2, 1, 1)


def speed():
    noise = np.random.default_rng(0).uniform(size=(20, 24))
    return 2000 + 100 * torch.tensor(noise)


def record(v, **changes):
    arguments = {"source_amplitudes": signal(), **PLACES, **FIXED} | changes
    return scalar(v, 5.0, 0.001, **arguments)


def loss(v, **changes):
    return record(v, **changes).receiver_amplitudes.square().sum()


def compiled(function, backend="aot_eager"):
    torch._dynamo.reset()
    return torch.compile(function, fullgraph=True, backend=backend)


def gradient(function, *inputs):
    inputs = [x.detach().clone().requires_grad_() for x in inputs]
    return torch.autograd.grad(function(*inputs), inputs)


def assert_equal(found, wanted):
    for own, other in zip(found, wanted, strict=True):
        assert other.abs().max() > 0
        torch.testing.assert_close(own, other, rtol=1e-12, atol=1e-12 * other.abs().max().item())


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_a_network_the_propagation_and_the_loss(backend):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 480))
    network, latent = network.double(), torch.randn(3, dtype=torch.float64)

    def chain(latent):
        return loss(2000 + 50 * network(latent).reshape(20, 24))

    parameters = [*network.parameters()]
    wanted = torch.autograd.grad(chain(latent), parameters)
    assert_equal(torch.autograd.grad(compiled(chain, backend)(latent), parameters), wanted)


def test_backward_inside():
    def step(v):
        v = v.detach().clone().requires_grad_()
        loss(v).backward()
        return v.grad

    with torch._dynamo.config.patch(trace_autograd_ops=True):
        assert_equal([compiled(step)(speed())], gradient(loss, speed()))


def test_float_locations():
    v = speed()

    def moved(places):
        return loss(v, source_locations=places)

    places = PLACES["source_locations"] + torch.tensor(0.3, dtype=torch.float64)
    assert_equal(gradient(compiled(moved), places), gradient(moved, places))


def test_modules():
    v = speed()
    module = Scalar(v, 5.0, v_requires_grad=True)
    arguments = {"source_amplitudes": signal(), **PLACES, **FIXED}
    wanted = module(0.001, **arguments)
    found = compiled(module)(0.001, **arguments)
    assert type(found) is type(wanted)
    assert_equal(found[-1:], wanted[-1:])
    models = vpvsrho_to_lambmubuoyancy(v, v / 2, v)
    module = Elastic(*models, 5.0, lamb_requires_grad=True)
    steps = signal(150)
    arguments = {"source_amplitudes_y": steps, "source_locations_y": PLACES["source_locations"]}
    arguments |= {"receiver_locations_p": PLACES["receiver_locations"], **FIXED}
    pressures = (m(0.0005, **arguments).receiver_amplitudes_p for m in (compiled(module), module))
    assert_equal(*(torch.autograd.grad(p.square().sum(), [module.lamb]) for p in pressures))


def test_conversions():
    def models(vp):
        return sum(x.square().sum() for x in vpvsrho_to_lambmubuoyancy(vp, vp / 2, 1 + 0 * vp))

    assert_equal(gradient(compiled(models), speed()), gradient(models, speed()))


def test_a_run_in_two_parts():
    """The state that one call hands to the next keeps what it was computed with."""
    first = record(speed())

    def whole(v):
        start = record(v)
        return scalar(v, 5.0, 0.001, nt=30, initial_state=start, pml_width=4, **PLACES_OF_RECEIVERS)

    def second(v, start):
        return scalar(v, 5.0, 0.001, nt=30, initial_state=start, pml_width=4, **PLACES_OF_RECEIVERS)

    wanted = whole(speed())
    assert_equal(compiled(whole)(speed())[-1:], wanted[-1:])
    for start in (first, first.final_state):
        found = compiled(second)(speed(), start)
        assert_equal(found[-1:], wanted[-1:])
        assert found.auxiliary_state.settings == wanted.auxiliary_state.settings


PLACES_OF_RECEIVERS = {"receiver_locations": PLACES["receiver_locations"]}


def test_other_shapes_are_compiled_anew():
    function = compiled(lambda v, f: loss(v, source_amplitudes=f))
    for v, nt in ((speed(), 60), (speed(), 40), (speed()[:, :20], 40)):
        wanted = loss(v, source_amplitudes=signal(nt))
        assert_equal([function(v, signal(nt))], [wanted])


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"max_vel": None}, "max_vel: is missing, and the models have no known values"),
        ({"pml_freq": None}, "pml_freq: is missing, and the amplitudes have no known values"),
        ({"accuracy": 3}, "accuracy: "),
        ({"forward_callback": print}, "callbacks are not supported under torch.compile"),
    ],
)
def test_errors_keep_their_words(changes, text):
    with pytest.raises(Exception, match=text):
        compiled(lambda v: loss(v, **changes))(speed())


def test_without_fullgraph_what_cannot_be_traced_runs_as_it_is():
    torch._dynamo.reset()
    function = torch.compile(lambda v: loss(v, max_vel=None), backend="aot_eager")
    assert_equal([function(speed())], [loss(speed(), max_vel=None)])


class Survey(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.propagator = Scalar(speed(), 5.0, v_requires_grad=True)

    def forward(self, f):
        return self.propagator(0.001, source_amplitudes=f, **PLACES, **FIXED).receiver_amplitudes


def test_export(tmp_path):
    survey, f = Survey(), signal()
    wanted = survey(f)
    torch.export.save(torch.export.export(survey, (f,)), tmp_path / "survey.pt2")
    program = torch.export.load(tmp_path / "survey.pt2").module()
    assert_equal([program(f)], [wanted])
    assert_equal(
        gradient(lambda f: program(f).square().sum(), f),
        gradient(lambda f: survey(f).square().sum(), f),
    )
    with torch.autograd.forward_ad.dual_level():
        turned = [torch.autograd.forward_ad.make_dual(f, 2 * f) for _ in range(2)]
        found, other = (g(x) for g, x in zip((program, survey), turned, strict=True))
        assert_equal(*([torch.autograd.forward_ad.unpack_dual(x).tangent] for x in (found, other)))
    for transform in (torch.func.grad, torch.func.jacfwd, torch.func.vmap):
        # A program that was recorded has no rules for these: an error, not zeros.
        given = torch.stack([f, f]) if transform is torch.func.vmap else f
        with pytest.raises((NotImplementedError, RuntimeError)):
            transform(lambda f: program(f).square().sum())(given)


@pytest.mark.parametrize("name", MAPS)
def test_opcheck(name):
    run = small_run(1)
    rng = np.random.default_rng(0)
    levels = {"forward": 1, "adjoint": 1, "second_tangent": 4}.get(name, 2)
    d = run.description
    given = {f"{k}{level}": x for level in range(levels) for k, x in run.p._asdict().items()}
    given |= run.constants._asdict()
    if "adjoint" in name:
        for level in range(levels):
            given[f"receivers_bar{level}"] = rng.normal(size=(d.shots, d.receivers, d.nt))
            given[f"state_bar{level}"] = rng.normal(size=(d.shots, d.state_size))
    slots = [slot for slot in INPUT_SLOTS if slot in given]
    last = name in ("second_tangent", "tangent_adjoint")

    def tensor(slot):
        x = torch.tensor(given[slot])
        fixed = slot == "profiles" or (last and "_bar" not in slot and slot.endswith("0"))
        return x.requires_grad_(x.is_floating_point() and not fixed)

    wanted = [slot for slot in possible_outputs(name) if slot != "residual"]
    arguments = (
        name,
        operator.encoded(d),
        [tensor(slot) for slot in slots],
        input_mask(slots),
        output_mask(wanted),
    )
    assert core.available()
    assert set(torch.library.opcheck(torch.ops.dualwave.run.default, arguments).values()) == {
        "SUCCESS"
    }
