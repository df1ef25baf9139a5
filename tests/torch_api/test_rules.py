"""The maps under PyTorch's transforms, against PyTorch's own derivatives of the eager engine."""

import dataclasses

import numpy as np
import pytest
import torch

from dualwave import engine, equations, native
from dualwave.maps import OPERANDS, Constants, Primal
from dualwave.torch import rules
from dualwave.torch.framework import TorchFramework
from helpers.fake_native import FakeCore
from helpers.small import assert_close, loss_weights, small_run

func = torch.func


@pytest.fixture(params=["stand-in", "compiled"])
def core(request, monkeypatch):
    """The stand-in for the compiled core, and the core itself."""
    if request.param == "stand-in":
        stand_in = FakeCore()
        monkeypatch.setattr(native, "load", lambda: stand_in)


@pytest.fixture
def log(monkeypatch):
    """The stand-in, and the calls that it got."""
    stand_in = FakeCore()
    monkeypatch.setattr(native, "load", lambda: stand_in)
    return stand_in.calls


class Problem:
    """A loss of chosen operands, by the compiled maps or by the eager engine."""

    def __init__(self, names=OPERANDS, models=1, dtype=torch.float64):
        run = small_run(models)
        self.description = dataclasses.replace(run.description, dtype=str(dtype).split(".")[-1])
        self.p = Primal(*(torch.tensor(x, dtype=dtype) for x in run.p))
        constants = Constants(*map(torch.tensor, run.constants))
        self.constants = constants._replace(profiles=constants.profiles.to(dtype))
        self.names, self.dtype = names, dtype
        self.weights = [torch.tensor(w, dtype=dtype) for w in loss_weights(run)]
        self.x = torch.cat([getattr(self.p, name).flatten() for name in names])
        scale = torch.cat([x.abs().max() * torch.ones(x.numel()) for x in self.chosen()])
        noise = torch.tensor(np.random.default_rng(5).standard_normal(self.x.numel()))
        self.v = (scale * noise).to(dtype)

    def chosen(self):
        return [getattr(self.p, name) for name in self.names]

    def run(self, p, eager):
        if not eager:
            return rules.forward(self.description, p, self.constants)
        scalar = equations.get("scalar")
        return engine.forward(TorchFramework(), scalar, self.description, p, self.constants)

    def loss(self, eager):
        def evaluate(x):
            parts = x.split([part.numel() for part in self.chosen()])
            pairs = zip(self.names, parts, self.chosen(), strict=True)
            p = self.p._replace(**{name: part.reshape(like.shape) for name, part, like in pairs})
            receivers, state = self.run(p, eager)
            linear, square = self.weights
            return (receivers * linear).sum() + (receivers**3).sum() + (state**2 * square).sum()

        return evaluate

    def compare(self, transform, tolerance=1e-12):
        got, want = (transform(self.loss(eager), self.x, self.v) for eager in (False, True))
        assert_close(got.detach(), want.detach(), tolerance)


def jvp(f, x, v):
    return func.jvp(f, (x,), (v,))[1]


def backward(f, x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(f(x), x)[0]


def double_backward(f, x, v):
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(f(x), x, create_graph=True)
    return torch.autograd.grad(gradient @ v, x)[0]


def dual_numbers(f, x, v):
    with torch.autograd.forward_ad.dual_level():
        out = f(torch.autograd.forward_ad.make_dual(x, v))
        return torch.autograd.forward_ad.unpack_dual(out).tangent


def within_dual_level(differentiate):
    """``differentiate`` the dual number that ``f`` returns, while its level lasts."""

    def transform(f, x, v):
        x = x.detach().requires_grad_()
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(x, v)
            return differentiate(f(dual), x)

    return transform


def gradient_of_tangent(dual, x):
    return torch.autograd.grad(torch.autograd.forward_ad.unpack_dual(dual).tangent, x)[0]


def tangent_of_gradient(dual, x):
    gradient = torch.autograd.grad(dual, x, create_graph=True)[0]
    return torch.autograd.forward_ad.unpack_dual(gradient).tangent


def checkpointed(f, x, v):
    return backward(lambda x: torch.utils.checkpoint.checkpoint(f, x, use_reentrant=False), x)


FIRST_ORDER = {
    "backward": lambda f, x, v: backward(f, x),
    "checkpoint": checkpointed,
    "grad": lambda f, x, v: func.grad(f)(x),
    "vjp": lambda f, x, v: func.vjp(f, x)[1](f(x).detach())[0],
    "jvp": jvp,
    "linearize": lambda f, x, v: func.linearize(f, x)[1](v),
    "dual numbers": dual_numbers,
    "vmap": lambda f, x, v: func.vmap(f)(torch.stack([x, x * 1.01])),
    "vmap of vmap": lambda f, x, v: func.vmap(func.vmap(f), 1)(
        torch.stack([x * scale for scale in (1.0, 1.01, 1.02, 1.03, 1.04, 1.05)]).unflatten(
            0, (2, 3)
        )
    ),
    "vmap(grad)": lambda f, x, v: func.vmap(func.grad(f))(torch.stack([x, x * 1.01])),
    "grad(vmap)": lambda f, x, v: func.grad(
        lambda x: func.vmap(f)(torch.stack([x, x * 1.01])).prod()
    )(x),
    "vmap(jvp)": lambda f, x, v: func.vmap(lambda v: jvp(f, x, v))(torch.stack([v, 2 * v])),
}
SECOND_ORDER = {
    "double backward": double_backward,
    "jvp(grad)": lambda f, x, v: jvp(func.grad(f), x, v),
    "grad(jvp)": lambda f, x, v: func.grad(lambda x: jvp(f, x, v))(x),
    "grad(jvp) of a direction that moves": lambda f, x, v: func.grad(
        lambda x: jvp(f, x, x * torch.sin(x))
    )(x),
    "grad(grad)": lambda f, x, v: func.grad(lambda x: func.grad(f)(x) @ v)(x),
    "jvp(jvp)": lambda f, x, v: jvp(lambda x: jvp(f, x, torch.sin(x)), x, v),
    "backward(dual numbers)": within_dual_level(gradient_of_tangent),
    "dual numbers(backward)": within_dual_level(tangent_of_gradient),
    "functional.hvp": lambda f, x, v: torch.autograd.functional.hvp(f, x, v)[1],
    "functional.vhp": lambda f, x, v: torch.autograd.functional.vhp(f, x, v)[1],
    "hessian": lambda f, x, v: func.hessian(f)(x),
    "jacrev(jacrev)": lambda f, x, v: func.jacrev(func.jacrev(f))(x),
    "vmap(jvp(grad))": lambda f, x, v: func.vmap(lambda v: jvp(func.grad(f), x, v))(
        torch.stack([v, 2 * v])
    ),
    "vmap(jvp(grad)) over models": lambda f, x, v: func.vmap(lambda x: jvp(func.grad(f), x, v))(
        torch.stack([x, x * 1.01])
    ),
}


@pytest.mark.parametrize("name", FIRST_ORDER)
def test_first_order(core, name):
    Problem().compare(FIRST_ORDER[name])


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_second_order(core, name):
    Problem().compare(SECOND_ORDER[name])


@pytest.mark.parametrize("operand", OPERANDS)
def test_one_operand_alone(core, operand):
    problem = Problem((operand,))
    for name in ("backward", "jvp"):
        problem.compare(FIRST_ORDER[name])
    for name in ("double backward", "jvp(grad)", "grad(jvp)", "functional.hvp"):
        problem.compare(SECOND_ORDER[name])


@pytest.mark.parametrize("name", ["vmap(grad)", "grad(vmap)", "vmap(jvp)"])
def test_a_model_per_shot(core, name):
    Problem(models=2).compare(FIRST_ORDER[name])


@pytest.mark.parametrize("name", ["jvp(grad)", "vmap(jvp(grad))", "functional.hvp"])
def test_a_model_per_shot_second_order(core, name):
    Problem(models=2).compare(SECOND_ORDER[name])


def test_gradients_batched_by_autograd_itself(log):
    problem, results = Problem(), []
    bars = torch.randn(3, 2, 2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for eager in (False, True):
        c = problem.p.coefficients.clone().requires_grad_()
        receivers, _ = problem.run(problem.p._replace(coefficients=c), eager)
        results += torch.autograd.grad(receivers, c, bars, is_grads_batched=True)
    assert_close(*results)
    assert log == ["forward", "adjoint"]


def test_gradcheck(core):
    problem = Problem()
    inputs = [x.clone().requires_grad_() for x in problem.p]
    run = lambda *p: problem.run(Primal(*p), eager=False)  # noqa: E731
    assert torch.autograd.gradcheck(
        run,
        inputs,
        fast_mode=True,
        check_forward_ad=True,
        check_batched_grad=True,
        check_batched_forward_grad=True,
        check_undefined_grad=True,
    )
    assert torch.autograd.gradgradcheck(run, inputs, fast_mode=True, check_fwd_over_rev=True)


@pytest.mark.parametrize(
    "transform", ["jvp(jvp(jvp))", "grad(grad(grad))", "jvp(grad(jvp))", "vmap"]
)
def test_third_order_raises(core, transform):
    problem = Problem(("coefficients",))
    f, x, v = problem.loss(eager=False), problem.x, problem.v
    along, steepest = (lambda f: lambda x: jvp(f, x, v)), (lambda f: lambda x: func.grad(f)(x) @ v)
    third = {
        "jvp(jvp(jvp))": along(along(along(f))),
        "grad(grad(grad))": steepest(steepest(steepest(f))),
        "jvp(grad(jvp))": along(steepest(along(f))),
        "vmap": lambda x: func.vmap(steepest(along(steepest(f))))(torch.stack([x, x])),
    }[transform]
    with pytest.raises(NotImplementedError, match="to second order"):
        third(x)


def test_third_order_raises_in_backward(core):
    problem = Problem(("coefficients",))
    x = problem.x.requires_grad_()
    (first,) = torch.autograd.grad(problem.loss(eager=False)(x), x, create_graph=True)
    (second,) = torch.autograd.grad(first @ problem.v, x, create_graph=True)
    with pytest.raises(NotImplementedError, match="to second order"):
        second.sum().backward()


@pytest.mark.parametrize("wanted", OPERANDS)
def test_only_wanted_gradients_are_computed(monkeypatch, wanted):
    stand_in, asked = FakeCore(), []
    monkeypatch.setattr(native, "load", lambda: stand_in)
    run = native.run
    monkeypatch.setattr(
        native, "run", lambda *args: (asked.append((args[0], tuple(args[3]))), run(*args))[1]
    )
    problem = Problem((wanted,))
    backward(problem.loss(eager=False), problem.x)
    # Only these gradients are sums over forward fields.
    left = ("residual",) * (wanted in ("coefficients", "receiver_weights"))
    assert asked == [
        ("forward", ("receivers0", "state0", *left)),
        ("adjoint", (f"{wanted}_gradient0",)),
    ]


def test_a_residual_only_where_a_gradient_may_come(monkeypatch):
    stand_in, asked = FakeCore(), []
    monkeypatch.setattr(native, "load", lambda: stand_in)
    run = native.run
    monkeypatch.setattr(native, "run", lambda *args: (asked.append(tuple(args[3])), run(*args))[1])
    problem = Problem()
    problem.run(problem.p, eager=False)
    with torch.no_grad():
        problem.run(Primal(*(x.clone().requires_grad_() for x in problem.p)), eager=False)
    assert asked == [("receivers0", "state0")] * 2


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("vmap", ["forward"]),
        ("vmap of vmap", ["forward"]),
        ("backward", ["forward", "adjoint"]),
        ("jvp", ["tangent"]),
        ("vmap(grad)", ["forward", "adjoint"]),
        ("vmap(jvp)", ["tangent"]),
        ("jvp(grad)", ["tangent", "tangent_adjoint"]),
        ("grad(jvp)", ["tangent", "tangent_adjoint"]),
        ("hessian", ["tangent", "tangent_adjoint"]),
    ],
)
def test_number_of_native_calls(log, name, calls):
    problem = Problem(("coefficients",))
    {**FIRST_ORDER, **SECOND_ORDER}[name](problem.loss(eager=False), problem.x, problem.v)
    assert log == calls


@pytest.mark.parametrize("name", ["backward", "jvp", "vmap(grad)"])
def test_float32(core, name):
    Problem(dtype=torch.float32).compare(FIRST_ORDER[name], tolerance=1e-5)


def test_operands_that_are_not_contiguous(core):
    problem = Problem()
    spread = Primal(*(torch.stack([x, 7 * x], dim=-1)[..., 0] for x in problem.p))
    assert not spread.amplitudes.is_contiguous()
    for got, want in zip(problem.run(spread, False), problem.run(problem.p, True), strict=True):
        assert_close(got, want)


def test_profiles_have_no_derivative(core):
    problem = Problem()
    problem.constants = problem.constants._replace(
        profiles=problem.constants.profiles.clone().requires_grad_()
    )
    with pytest.raises(NotImplementedError, match="profiles have no derivative"):
        problem.run(problem.p, eager=False)


def test_wrong_operands_are_named(core):
    problem = Problem()
    short = problem.p._replace(amplitudes=problem.p.amplitudes[..., 1:])
    with pytest.raises(ValueError, match=r"amplitudes0 .* shape \(2, 1, 4\).*\(2, 1, 5\)"):
        problem.run(short, eager=False)
    single = problem.p._replace(state=problem.p.state.float())
    with pytest.raises(ValueError, match="state0 of the map forward is float32"):
        problem.run(single, eager=False)


def test_tensors_without_values(core):
    problem = Problem()
    problem.p = Primal(*(x.to("meta") for x in problem.p))
    problem.constants = Constants(*(x.to("meta") for x in problem.constants))
    receivers, state = problem.run(problem.p, eager=False)
    assert receivers.is_meta
    assert receivers.shape == (2, 2, 5)
    assert state.shape == (2, problem.description.state_size)
