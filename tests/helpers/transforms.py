"""The transforms of both frameworks that a compiled call must support, each as one function.

An entry is called with (t, f, r, x, v): what the framework offers, a loss and a vector of results
as functions of a few numbers, the numbers, and a direction. ``of`` names what it must return, one
one of the references of ``transform_case``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Transform:
    """of: the reference. order: of the derivative. run: (t, f, r, x, v) -> array."""

    of: str
    order: int
    run: Callable[..., Any]


def jvp(t, f, x, v):
    return t.jvp(f, (x,), (v,))[1]


def points(t, x):
    """The three places of a batch."""
    return t.stack([x, x + 0.5, x - 0.25])


def directions(t, v):
    return t.stack([v, 2 * v, v * v])


COMMON = {
    "grad": Transform("gradient", 1, lambda t, f, r, x, v: t.grad(f)(x)),
    "vjp": Transform("vjp", 1, lambda t, f, r, x, v: t.vjp(r, x)[1](t.weights)[0]),
    "jvp": Transform("jvp", 1, lambda t, f, r, x, v: jvp(t, r, x, v)),
    "linearize": Transform("jvp", 1, lambda t, f, r, x, v: t.linearize(r, x)[1](v)),
    "jacrev": Transform("jacobian", 1, lambda t, f, r, x, v: t.jacrev(r)(x)),
    "jacfwd": Transform("jacobian", 1, lambda t, f, r, x, v: t.jacfwd(r)(x)),
    "vmap": Transform("batch", 0, lambda t, f, r, x, v: t.vmap(r)(points(t, x))),
    "vmap over axis 1": Transform("batch", 0, lambda t, f, r, x, v: t.vmap(r, 1)(points(t, x).T)),
    "vmap(vmap)": Transform(
        "batch",
        0,
        lambda t, f, r, x, v: t.vmap(t.vmap(r))(points(t, x)[:, None]).reshape(3, -1),
    ),
    "vmap(grad)": Transform(
        "batch of gradients", 1, lambda t, f, r, x, v: t.vmap(t.grad(f))(points(t, x))
    ),
    "grad(vmap)": Transform(
        "gradient of the batch",
        1,
        lambda t, f, r, x, v: t.grad(lambda x: (t.vmap(f)(points(t, x))).sum())(x),
    ),
    "vmap(jvp)": Transform(
        "jvps", 1, lambda t, f, r, x, v: t.vmap(lambda v: jvp(t, r, x, v))(directions(t, v))
    ),
    "vmap(vjp)": Transform(
        "jacobian", 1, lambda t, f, r, x, v: t.vmap(lambda w: t.vjp(r, x)[1](w)[0])(t.eye(4))
    ),
    "checkpoint": Transform("gradient", 1, lambda t, f, r, x, v: t.gradient(t.checkpoint(f), x)),
    "Gauss-Newton product": Transform(
        "gauss-newton", 1, lambda t, f, r, x, v: t.vjp(r, x)[1](jvp(t, r, x, v))[0]
    ),
    "hessian": Transform("hessian", 2, lambda t, f, r, x, v: t.hessian(f)(x)),
    "jvp(grad)": Transform("hvp", 2, lambda t, f, r, x, v: jvp(t, t.grad(f), x, v)),
    "grad(jvp)": Transform("hvp", 2, lambda t, f, r, x, v: t.grad(lambda x: jvp(t, f, x, v))(x)),
    "grad(grad)": Transform("hvp", 2, lambda t, f, r, x, v: t.grad(lambda x: t.grad(f)(x) @ v)(x)),
    "jvp(jvp)": Transform(
        "curvature", 2, lambda t, f, r, x, v: jvp(t, lambda x: jvp(t, f, x, v), x, v)
    ),
    "jacfwd(jacrev)": Transform("hessian", 2, lambda t, f, r, x, v: t.jacfwd(t.jacrev(f))(x)),
    "jacrev(jacfwd)": Transform("hessian", 2, lambda t, f, r, x, v: t.jacrev(t.jacfwd(f))(x)),
    "jacrev(jacrev)": Transform("hessian", 2, lambda t, f, r, x, v: t.jacrev(t.jacrev(f))(x)),
    "vmap(jvp(grad))": Transform(
        "hvps",
        2,
        lambda t, f, r, x, v: t.vmap(lambda v: jvp(t, t.grad(f), x, v))(directions(t, v)),
    ),
}


def backward(t, f, x, **how):
    x = x.clone().requires_grad_()
    return t.torch.autograd.grad(f(x), x, **how)[0]


def double_backward(t, f, r, x, v):
    x = x.clone().requires_grad_()
    (gradient,) = t.torch.autograd.grad(f(x), x, create_graph=True)
    return t.torch.autograd.grad(gradient @ v, x)[0]


def batched_gradients(t, f, r, x, v):
    x = x.clone().requires_grad_()
    return t.torch.autograd.grad(r(x), x, t.eye(4), is_grads_batched=True)[0]


def dual_numbers(t, f, r, x, v):
    forward_ad = t.torch.autograd.forward_ad
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(r(forward_ad.make_dual(x, v))).tangent


def compiled(t, function):
    t.torch._dynamo.reset()
    return t.torch.compile(function, fullgraph=True, backend="aot_eager")


def backward_inside(t, f, r, x, v):
    def step(x):
        x = x.detach().clone().requires_grad_()
        return t.torch.autograd.grad(f(x), x)[0]

    with t.torch._dynamo.config.patch(trace_autograd_ops=True):
        return compiled(t, step)(x)


def functional(name, of, order, run):
    """A function of torch.autograd.functional."""
    return Transform(
        of,
        order,
        lambda t, f, r, x, v: run(getattr(t.torch.autograd.functional, name), t, f, r, x, v),
    )


TORCH = {
    "backward": Transform("gradient", 1, lambda t, f, r, x, v: backward(t, f, x)),
    "double backward": Transform("hvp", 2, double_backward),
    "is_grads_batched": Transform("jacobian", 1, batched_gradients),
    "functional.vjp": functional("vjp", "vjp", 1, lambda g, t, f, r, x, v: g(r, x, t.weights)[1]),
    "functional.jvp": functional("jvp", "jvp", 1, lambda g, t, f, r, x, v: g(r, x, v)[1]),
    "functional.hvp": functional("hvp", "hvp", 2, lambda g, t, f, r, x, v: g(f, x, v)[1]),
    "functional.vhp": functional("vhp", "hvp", 2, lambda g, t, f, r, x, v: g(f, x, v)[1]),
    "functional.hessian": functional("hessian", "hessian", 2, lambda g, t, f, r, x, v: g(f, x)),
    "forward_ad": Transform("jvp", 1, dual_numbers),
    "compile": Transform("gradient", 1, lambda t, f, r, x, v: backward(t, compiled(t, f), x)),
    "compile, backward inside": Transform("gradient", 1, backward_inside),
    "compile(func.grad)": Transform(
        "gradient", 1, lambda t, f, r, x, v: compiled(t, lambda x: t.grad(f)(x))(x)
    ),
    "compile(func.jvp)": Transform(
        "jvp", 1, lambda t, f, r, x, v: compiled(t, lambda x: jvp(t, r, x, v))(x)
    ),
}


def scanned(t, f, r, x, v):
    def total(x):
        step = lambda carry, shift: (carry + f(x + shift), None)  # noqa: E731
        return t.jax.lax.scan(step, 0.0 * x.sum(), points(t, 0 * x))[0]

    return t.grad(total)(x)


def switched(t, f, r, x, v):
    return t.grad(lambda x: t.jax.lax.cond(x.sum() > -1e9, f, lambda x: x.sum(), x))(x)


def looped(t, f, r, x, v):
    """Forward mode, the only one that JAX's while loop has."""

    def once(x):
        start = (0, 0 * t.weights * x.sum())
        return t.jax.lax.while_loop(lambda c: c[0] < 1, lambda c: (c[0] + 1, r(x)), start)[1]

    return jvp(t, once, x, v)


def exported(t, f, r, x, v):
    from dualwave.jax import ffi

    check = t.jax.export.DisabledSafetyCheck.custom_call(ffi.TARGET)
    program = t.jax.export.export(t.jax.jit(r), disabled_checks=[check])(x)
    return program.call(x)[None]


def donated(t, f, r, x, v):
    return t.jax.jit(t.grad(f), donate_argnums=0)(x + 0)


JAX = {
    "jit(grad)": Transform("gradient", 1, lambda t, f, r, x, v: t.jax.jit(t.grad(f))(x)),
    "value_and_grad": Transform("gradient", 1, lambda t, f, r, x, v: t.jax.value_and_grad(f)(x)[1]),
    "grad(jit)": Transform("gradient", 1, lambda t, f, r, x, v: t.grad(t.jax.jit(f))(x)),
    "jit(jvp)": Transform("jvp", 1, lambda t, f, r, x, v: t.jax.jit(lambda x: jvp(t, r, x, v))(x)),
    "linear_transpose": Transform(
        "vjp",
        1,
        lambda t, f, r, x, v: t.jax.linear_transpose(lambda v: jvp(t, r, x, v), v)(t.weights)[0],
    ),
    "scan": Transform("gradient of the batch", 1, scanned),
    "cond": Transform("gradient", 1, switched),
    "while_loop": Transform("jvp", 1, looped),
    "donation": Transform("gradient", 1, donated),
    "export": Transform("value", 0, exported),
    "jit(jvp(grad))": Transform(
        "hvp", 2, lambda t, f, r, x, v: t.jax.jit(lambda x: jvp(t, t.grad(f), x, v))(x)
    ),
    "jvp(grad(checkpoint))": Transform(
        "hvp", 2, lambda t, f, r, x, v: jvp(t, t.grad(t.checkpoint(f)), x, v)
    ),
    "vmap(jit(grad))": Transform(
        "batch of gradients", 1, lambda t, f, r, x, v: t.vmap(t.jax.jit(t.grad(f)))(points(t, x))
    ),
}
TRANSFORMS = {"torch": {**COMMON, **TORCH}, "jax": {**COMMON, **JAX}}


class Tools:
    """What a framework offers, under one name for both."""

    def __init__(self, front: Any, dtype: str) -> None:
        self.front, self.name = front, front.name
        module = front.jax if front.name == "jax" else front.torch.func
        for name in ("grad", "vjp", "jvp", "linearize", "jacrev", "jacfwd", "vmap", "hessian"):
            setattr(self, name, getattr(module, name))
        if front.name == "jax":
            self.jax, self.checkpoint = front.jax, front.jax.checkpoint
            self.stack, self.gradient = front.jax.numpy.stack, lambda f, x: self.grad(f)(x)
            self.eye = functools.partial(front.jax.numpy.eye, dtype=dtype)
        else:
            self.torch, self.stack = front.torch, front.torch.stack
            self.gradient = lambda f, x: backward(self, f, x)
            self.eye = functools.partial(front.torch.eye, dtype=getattr(front.torch, dtype))
            from torch.utils.checkpoint import checkpoint

            self.checkpoint = lambda f: lambda x: checkpoint(f, x, use_reentrant=False)
