"""A stand-in for the compiled extension: the five maps by PyTorch's differentiation of the engine.

It has the entry points of ``dualwave._C`` that the rules of the front ends use, so that those are
tested apart from the compiled kernels. All levels come from PyTorch's reverse mode through the
eager engine, which nests whatever the caller is inside of, and never from ``dualwave.rules``.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from dualwave import engine, equations, maps
from dualwave.faces import FACES
from dualwave.layout import Description
from dualwave.maps import OPERANDS, Constants, Primal
from dualwave.torch.framework import TorchFramework

RESULTS = ("receivers", "state")


class FakeCore:
    """What ``dualwave.native.load`` returns in a test. ``calls`` lists the maps that ran."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def equations(self) -> list[str]:
        return list(equations.names())

    def residual_shape(self, integers: list[int]) -> tuple[int, int]:
        return 2, _description(integers, (1.0, 1.0, 1.0)).state_size

    def run(self, number, integers, spacing, inputs, present, outputs, wanted) -> None:
        name = maps.MAPS[number]
        self.calls.append(name)
        description = _description(integers, spacing)
        given = dict(zip(maps.input_names(present), inputs, strict=True))
        asked = dict(zip(maps.output_names(wanted), outputs, strict=True))
        assert all(x.flags.c_contiguous for x in (*inputs, *outputs))
        found = evaluate(name, description, given)
        for slot, out in asked.items():
            out[...] = found[slot]


def evaluate(
    name: str, description: Description, arrays: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Every output of a map, by slot."""

    def work() -> dict[str, np.ndarray]:
        given = {slot: torch.tensor(np.asarray(x)) for slot, x in arrays.items()}
        found = _Levels(description, given).outputs(name)
        return {slot: x.detach().numpy() for slot, x in found.items()}

    # In a thread of its own, which is not inside the caller's transforms and modes.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


class _Levels:
    """The propagation with coefficients [S, K, *n], one model per shot, at every level."""

    def __init__(self, description: Description, given: dict[str, torch.Tensor]) -> None:
        self.description, self.given = description, given
        self.constants = Constants(*(given[slot] for slot in maps.CONSTANTS))
        self.index = self.constants.model_index.long()
        own = torch.arange(description.shots, dtype=torch.int32)
        self.constants = self.constants._replace(model_index=own.repeat(5, 1))
        self.shapes = [self._level(0)[k].shape for k in range(len(OPERANDS))]

    def _level(self, level: int) -> tuple[torch.Tensor, ...]:
        found = []
        for k, name in enumerate(OPERANDS):
            x = self.given.get(f"{name}{level}")
            if x is None:
                x = torch.zeros(self.shapes[k], dtype=self.given["state0"].dtype)
            elif name == "coefficients":
                x = x[self.index[level]]
            found.append(x.requires_grad_())
        return tuple(found)

    def _bars(self, level: int) -> tuple[torch.Tensor, ...]:
        d, like = self.description, self.given["state0"]
        shapes = {"receivers": (d.shots, d.receivers, d.nt), "state": (d.shots, d.state_size)}
        return tuple(
            self.given.get(f"{name}_bar{level}", torch.zeros(shapes[name], dtype=like.dtype))
            for name in RESULTS
        )

    def forward(self, *p: torch.Tensor) -> tuple[torch.Tensor, ...]:
        equation = equations.get(self.description.equation)
        return engine.forward(
            TorchFramework(), equation, self.description, Primal(*p), self.constants
        )

    def tangent(self, p: tuple, d: tuple) -> tuple:
        return _jvp(self.forward, p, d)

    def outputs(self, name: str) -> dict[str, torch.Tensor]:
        p = self._level(0)
        found = _named(RESULTS, 0, self.forward(*p))
        if name in ("forward", "tangent"):
            found["residual"] = self.given["state0"][:, None, :] * torch.ones(2)[:, None]
        if name in ("tangent", "second_tangent", "tangent_adjoint"):
            d = self._level(1)
            found |= _named(RESULTS, 1, self.tangent(p, d))
        if name == "second_tangent":
            e, f = self._level(2), self._level(3)
            found |= _named(RESULTS, 2, self.tangent(p, e))
            both = lambda *x: self.tangent(x[: len(p)], x[len(p) :])  # noqa: E731
            found |= _named(RESULTS, 3, _jvp(both, (*p, *d), (*e, *f)))
        if name in ("adjoint", "tangent_adjoint"):
            if "residual" in self.given:
                # They must belong to the shots that they are passed for.
                assert torch.equal(self.given["residual"][:, 1], self.given["state0"])
            g = self._bars(0)
            found |= self._gradients(0, _vjp(self.forward(*p), p, g))
        if name == "tangent_adjoint":
            values = (*self.forward(*p), *self.tangent(p, d))
            found |= self._gradients(1, _vjp(values, p, (*self._bars(1), *g)))
        return found

    def _gradients(self, level: int, values: tuple) -> dict[str, torch.Tensor]:
        found = _named([f"{name}_gradient" for name in OPERANDS], level, values)
        per_shot = found[f"coefficients_gradient{level}"]
        shape = (self.description.gradients, *per_shot.shape[1:])
        reduced = torch.zeros(shape, dtype=per_shot.dtype).index_add(0, self.index[4], per_shot)
        return found | {f"coefficients_gradient{level}": reduced}


def _vjp(values: tuple, inputs: tuple, bars: tuple) -> tuple:
    pairs = [(x, bar) for x, bar in zip(values, bars, strict=True) if x.requires_grad]
    values, bars = zip(*pairs, strict=True)
    return torch.autograd.grad(values, inputs, bars, create_graph=True, materialize_grads=True)


def _jvp(function, inputs: tuple, direction: tuple) -> tuple:
    """Forward mode by two reverse passes: the first is linear in the cotangents."""
    values = function(*inputs)
    bars = tuple(torch.zeros_like(x, requires_grad=True) for x in values)
    return _vjp(_vjp(values, inputs, bars), bars, direction)


def _named(names, level: int, values) -> dict[str, torch.Tensor]:
    return {f"{name}{level}": x for name, x in zip(names, values, strict=True)}


def _description(integers: list[int], spacing) -> Description:
    (number, ndim, accuracy, nt, shots, sources, receivers, source_taps, receiver_taps) = integers[
        :9
    ]
    interval, gradients, bits = integers[9:12]
    missing = 3 - ndim
    return Description(
        equation=equations.names()[number],
        ndim=ndim,
        accuracy=accuracy,
        n=tuple(integers[12 + missing : 15]),
        spacing=tuple(spacing[missing:]),
        pml=tuple(integers[15 + 2 * missing : 21]),
        faces=tuple(FACES[face] for face in integers[21 + 2 * missing : 27]),
        nt=nt,
        shots=shots,
        sources=sources,
        receivers=receivers,
        source_taps=source_taps,
        receiver_taps=receiver_taps,
        gradients=gradients,
        checkpoint_interval=interval,
        dtype=f"float{bits}",
    )
