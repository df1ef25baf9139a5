"""Callbacks of the user during a run, forwards and backwards in time.

A run with callbacks is cut into segments of ``callback_frequency`` samples. Between two of them all
models and states pass through an identity of the framework (``Framework.tap``) that calls back: on
the way forward with the state, on the way back with its cotangent, the adjoint wavefields, and with
what the segments after it have added to the gradients of the models. The segments are the maps that
any run is made of, so that a callback that only looks changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from array_api_compat import array_namespace

from . import checks
from .framework import Array, slices
from .layout import unpack
from .setup import Setup

VIEWS = ("inner", "pml", "full")


@dataclass(frozen=True)
class CallbackState:
    """What a callback is given: a moment of the run.

    Arrays are detached from differentiation: tensors in PyTorch, NumPy arrays in JAX. Each is a
    copy, made when it is asked for: writing into it changes nothing.

    Attributes:
        step: sample of the caller's time axis: 0, f, 2 f, ... for ``callback_frequency=f``.
        nt: samples of the run.
        dt, internal_dt: the caller's and the inner time step in seconds.
        direction: "forward" or "backward". A backward callback is called for the same steps, in
            reverse order.
    """

    step: int
    nt: int
    dt: float
    internal_dt: float
    direction: str
    _setup: Setup = field(repr=False)
    _arrays: Mapping[str, Mapping[str, Array]] = field(repr=False)

    @property
    def time(self) -> float:
        """Time of the state since the beginning of the call, in seconds."""
        return self.step * self.dt

    @property
    def wavefield_names(self) -> tuple[str, ...]:
        """Names that :meth:`get_wavefield` takes: those of the call's results."""
        return tuple(self._arrays["forward"])

    @property
    def model_names(self) -> tuple[str, ...]:
        """Names that :meth:`get_model` and, backwards, :meth:`get_gradient` take."""
        return tuple(self._arrays["models"])

    def get_wavefield(self, name: str, view: str = "inner", role: str | None = None) -> Array:
        """A wavefield [shot, *grid].

        Args:
            name: as in the results of the call, "wavefield_0" for instance.
            view: "inner", the region without its PML (default); "pml" or "full", with it.
            role: "forward", or in a backward callback "adjoint" (the default there): the
                derivative of the loss with respect to the wavefield.
        """
        role = role or ("forward" if self.direction == "forward" else "adjoint")
        roles = ("forward",) if self.direction == "forward" else ("forward", "adjoint")
        checks.choice("role", role, roles)
        checks.choice("name", name, self.wavefield_names)
        checks.choice("view", view, VIEWS)
        x = self._arrays[role][name]
        if view == "inner":
            pairs = zip(self._setup.region.widths, x.shape[1:], strict=True)
            x = x[(slice(None), *(slice(low, cells - high) for (low, high), cells in pairs))]
        return _copy(x)

    def get_model(self, name: str) -> Array:
        """A model, [1 or shot, *space]."""
        return _copy(self._arrays["models"][checks.choice("name", name, self.model_names)])

    def get_gradient(self, name: str) -> Array:
        """The gradient of a model so far: the part of all later samples, [1 or shot, *space]."""
        if self.direction == "forward":
            checks.fail(
                "direction", "is forward", "a backward callback", "There is no gradient yet."
            )
        return _copy(self._arrays["gradients"][checks.choice("name", name, self.model_names)])


def _copy(x: Array) -> Array:
    """What is held is the run's own memory, and the caller's models."""
    return array_namespace(x).asarray(x, copy=True)


class Snapshots:
    """A ``forward_callback`` that keeps wavefields.

    Args:
        names: wavefields to keep, as in the results of the call.
        view: as in :meth:`CallbackState.get_wavefield`.

    ``times`` are the seconds of the snapshots, and ``snapshots[name]`` is a NumPy array
    [snapshot, shot, *grid]. Every run that it is given to adds to them.
    """

    def __init__(self, *names: str, view: str = "inner") -> None:
        checks.choice("view", view, VIEWS)
        self.view = view
        self.times: list[float] = []
        self._kept: dict[str, list[np.ndarray]] = {name: [] for name in names}

    def __call__(self, state: CallbackState) -> None:
        """Keep the wavefields of a state."""
        self.times.append(state.time)
        for name, kept in self._kept.items():
            x = state.get_wavefield(name, self.view)
            kept.append(np.asarray(x.cpu() if hasattr(x, "cpu") else x))

    def __getitem__(self, name: str) -> np.ndarray:
        return np.stack(self._kept[name])


@dataclass(frozen=True)
class Tap:
    """The hooks of one moment of a run, for ``Framework.tap``.

    arrays: the models, then the packed states by level.
    """

    setup: Setup
    step: int
    models: tuple[str, ...]

    @property
    def forward(self) -> Callable[..., None] | None:
        """Takes the arrays."""
        return None if self.setup.options.forward_callback is None else self._forward

    @property
    def backward(self) -> Callable[..., None] | None:
        """Takes the arrays and their cotangents."""
        return None if self.setup.options.backward_callback is None else self._backward

    def _forward(self, arrays: tuple[Array, ...]) -> None:
        found = {"models": self._models(arrays), "forward": self._fields(arrays)}
        self.setup.options.forward_callback(self._state("forward", found))  # type: ignore[misc]

    def _backward(self, arrays: tuple[Array, ...], bars: tuple[Array, ...]) -> None:
        found = {
            "models": self._models(arrays),
            "forward": self._fields(arrays),
            "gradients": self._models(bars),
            "adjoint": self._fields(bars),
        }
        self.setup.options.backward_callback(self._state("backward", found))  # type: ignore[misc]

    def _models(self, arrays: tuple[Array, ...]) -> dict[str, Array]:
        return dict(zip(self.models, arrays, strict=False))

    def _fields(self, arrays: tuple[Array, ...]) -> dict[str, Array]:
        setup, found = self.setup, {}
        entries = setup.description.state_entries()
        by_level = [unpack(slices, entries, x) for x in arrays[len(self.models) :]]
        for keyword, (level, name) in setup.form.wavefields_in(setup.inputs.ndim).items():
            found[keyword] = by_level[level][name]
        return found

    def _state(self, direction: str, arrays: dict[str, dict[str, Array]]) -> CallbackState:
        s = self.setup
        return CallbackState(self.step, s.inputs.nt, s.dt, s.internal_dt, direction, s, arrays)


def segments(setup: Setup) -> Iterator[tuple[int, int, int]]:
    """The caller's first sample of each segment, and its first and last inner step."""
    nt, ratio, stride = setup.inputs.nt, setup.step_ratio, setup.options.callback_frequency
    for first in range(0, nt, stride):
        yield first, first * ratio, min(first + stride, nt) * ratio
