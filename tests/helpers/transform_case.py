"""A whole call as a function of three numbers, and its derivatives by differences.

The numbers move chosen inputs (models, amplitudes, positions, initial state) along random
directions, each by about a hundredth of its size. The references are central differences of the
forward call alone, of sixth order, so that no rule of differentiation enters them.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dualwave.form import scattered_name
from dualwave.layout import memories
from helpers.calls import FRONT_ENDS, numpy
from helpers.equations import EQUATIONS
from helpers.joint import joint_case

KINDS = ("models", "amplitudes", "source positions", "receiver positions", "state", "everything")
X, V = np.array([0.1, -0.2, 0.15]), np.array([1.0, -0.7, 0.4])
BATCH = [X, X + 0.5, X - 0.25]
WEIGHTS = np.array([0.5, -1.0, 0.8, 0.3])
_STEP = 0.1
_FIRST = {1: 3 / 4, 2: -3 / 20, 3: 1 / 60}
_SECOND = {0: -49 / 18, 1: 3 / 2, 2: -3 / 20, 3: 1 / 90}


@dataclass(frozen=True)
class Case:
    """form: an equation, or with _born its scattered form. substeps: dt above the CFL limit."""

    form: str
    ndim: int
    kind: str
    substeps: bool = False

    @property
    def equation(self) -> str:
        return self.form.removesuffix("_born")

    @property
    def scattered(self) -> bool:
        return self.form != self.equation


def _kind(name: str, case: Case) -> str:
    models = EQUATIONS[case.equation].parameters
    if name in models or name.removeprefix("d") in models:
        return "models"
    for start, kind in (
        ("source_locations", "source positions"),
        ("source_", "amplitudes"),
        ("receiver_", "receiver positions"),
        ("bg_receiver_", "receiver positions"),
        ("sc_receiver_", "receiver positions"),
    ):
        if name.startswith(start):
            return kind
    return "state"


@functools.cache
def arrays(case: Case) -> tuple[dict, dict, dict]:
    """Inputs in NumPy, the direction in which each of the three numbers moves each, the rest."""
    sizes = {"nt": 8, "dt": 2.4e-3} if case.substeps else {"nt": 20, "dt": 6e-4}
    inputs, fixed = joint_case(case.equation, case.ndim, **sizes)
    fixed["max_vel"] = 3000.0  # differences reach further than the models
    rng, table = np.random.default_rng(3), EQUATIONS[case.equation]
    if case.scattered:
        for name in table.parameters:
            inputs[f"d{name}"] = 0.1 * inputs[name].mean() * rng.normal(size=inputs[name].shape)
        for name in list(inputs):
            if name.startswith("receiver_"):
                inputs[f"sc_{name}"] = inputs[name][:, ::-1].copy()
                inputs[f"bg_{name}"] = inputs.pop(name)
            elif name in table.wavefields:
                inputs[scattered_name(name)] = rng.permuted(inputs[name])
    if case.kind not in ("state", "everything"):
        # It would hide what the others do.
        inputs = {k: x for k, x in inputs.items() if _kind(k, case) != "state"}
        del fixed["origin"]
    moved = {}
    for name, x in inputs.items():
        size = 0.01 if "locations" in name else 0.02 * np.abs(x).max()
        if case.kind in ("everything", _kind(name, case)):
            moved[name] = size * rng.normal(size=(3, *x.shape))
    assert moved
    return inputs, moved, fixed


def functions(
    front: Any, case: Case, dtype: str, backend: str = "compiled"
) -> tuple[Callable, Callable]:
    """A loss f and results r, four numbers, of the three numbers."""
    inputs, moved, fixed = arrays(case)
    cast = lambda x: front.array(np.asarray(x, dtype))  # noqa: E731
    inputs, moved = ({k: cast(x) for k, x in part.items()} for part in (inputs, moved))
    weights = {k: cast(w) for k, w in _weights(case).items()}
    call = _call(front, case, fixed | {"backend": backend})

    def r(x: Any) -> Any:
        own = {
            k: a + sum(x[i] * moved[k][i] for i in range(3)) if k in moved else a
            for k, a in inputs.items()
        }
        found = call(own)
        return sum((w * found[k]).reshape(4, -1).sum(1) for k, w in weights.items())

    return (lambda x: (r(x) ** 2).sum() / 2), r


def _call(front: Any, case: Case, fixed: dict) -> Callable[[dict], dict[str, Any]]:
    """The results by name, of the inputs by name."""
    table = EQUATIONS[case.equation]
    names = [*table.wavefields, *map(scattered_name, table.wavefields)]
    memory = {m.name for ndim in table.ndims for m in memories(table, ndim)}
    make = front.module.born_propagator if case.scattered else front.module.propagator
    function = make(table)

    def call(inputs: dict) -> dict[str, Any]:
        own = {k: x for k, x in inputs.items() if k not in names and k not in memory}
        state = {k: x for k, x in inputs.items() if k in names}
        if state:
            state["auxiliary_state"] = {k: x for k, x in inputs.items() if k in memory}
        out = function(**own, initial_state=state or None, **fixed)._asdict()
        return {**out.pop("auxiliary_state"), **out}

    return call


@functools.cache
def _weights(case: Case) -> dict[str, np.ndarray]:
    """Of every result that is not zero, such that all count alike."""
    inputs, _, fixed = arrays(case)
    front, rng = FRONT_ENDS["torch"](), np.random.default_rng(4)
    found = _call(front, case, fixed)({k: front.array(x) for k, x in inputs.items()})
    found = {k: numpy(x) for k, x in found.items() if x.shape[1]}
    assert found
    norms = {k: np.linalg.norm(x) for k, x in found.items()}
    return {
        k: 4 * rng.normal(size=(4, *x.shape)) / norms[k] for k, x in found.items() if norms[k] > 0
    }


class References:
    """What the transforms must return, in float64; of each no more is formed than it needs."""

    r: Callable[[Any], Any]

    def value(self, x: np.ndarray) -> np.ndarray:
        return numpy(self.r(FRONT_ENDS["torch"]().array(x)))

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def hessian(self) -> np.ndarray:
        """Of the loss, in X."""
        raise NotImplementedError

    @functools.cached_property
    def values(self) -> list[np.ndarray]:
        return [self.value(x) for x in BATCH]

    @functools.cached_property
    def jacobians(self) -> list[np.ndarray]:
        return [self.jacobian(x) for x in BATCH]

    @functools.cached_property
    def _jacobian(self) -> np.ndarray:
        return self.jacobian(X)

    @functools.cached_property
    def _hessian(self) -> np.ndarray:
        return self.hessian()

    def _gradients(self) -> np.ndarray:
        return np.stack([j.T @ r for j, r in zip(self.jacobians, self.values, strict=True)])

    def __getitem__(self, of: str) -> np.ndarray:
        turned = np.stack([V, 2 * V, V * V])
        forms: dict[str, Callable[[], np.ndarray]] = {
            "value": lambda: self.value(X)[None],
            "batch": lambda: np.stack(self.values),
            "jacobian": lambda: self._jacobian,
            "jvp": lambda: self._jacobian @ V,
            "jvps": lambda: turned @ self._jacobian.T,
            "vjp": lambda: WEIGHTS @ self._jacobian,
            "gradient": lambda: self._jacobian.T @ self.value(X),
            "batch of gradients": self._gradients,
            "gradient of the batch": lambda: self._gradients().sum(0),
            "gauss-newton": lambda: self._jacobian.T @ self._jacobian @ V,
            "hessian": lambda: self._hessian,
            "hvp": lambda: self._hessian @ V,
            "hvps": lambda: turned @ self._hessian,
            "curvature": lambda: np.asarray(V @ self._hessian @ V),
        }
        return forms[of]()


class Differences(References):
    """Central differences of the compiled forward call."""

    def __init__(self, case: Case) -> None:
        _, self.r = functions(FRONT_ENDS["torch"](), case, "float64")
        self._known: dict[tuple, np.ndarray] = {}

    def value(self, x: np.ndarray) -> np.ndarray:
        key = tuple(x)
        if key not in self._known:
            self._known[key] = super().value(x)
        return self._known[key]

    def _slope(self, x: np.ndarray, d: np.ndarray) -> np.ndarray:
        terms = (
            c * (self.value(x + k * _STEP * d) - self.value(x - k * _STEP * d))
            for k, c in _FIRST.items()
        )
        return sum(terms) / _STEP

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        return np.stack([self._slope(x, e) for e in np.eye(3)], axis=1)

    def _loss(self, x: np.ndarray) -> float:
        return float((self.value(x) ** 2).sum() / 2)

    def _curvature(self, d: np.ndarray) -> float:
        total = _SECOND[0] * self._loss(X)
        for k, c in list(_SECOND.items())[1:]:
            total += c * (self._loss(X + k * _STEP * d) + self._loss(X - k * _STEP * d))
        return total / _STEP**2

    def hessian(self) -> np.ndarray:
        axes = np.eye(3)
        hessian = np.diag([self._curvature(e) for e in axes])
        for i, j in itertools.combinations(range(3), 2):
            both = self._curvature(axes[i] + axes[j]) - self._curvature(axes[i] - axes[j])
            hessian[i, j] = hessian[j, i] = both / 4
        return hessian


class Eager(References):
    """PyTorch's derivatives of the eager backend."""

    def __init__(self, case: Case) -> None:
        self.front = FRONT_ENDS["torch"]()
        self.f, self.r = functions(self.front, case, "float64", "eager")

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        return numpy(self.front.torch.func.jacfwd(self.r)(self.front.array(x)))

    def hessian(self) -> np.ndarray:
        func = self.front.torch.func
        return numpy(func.jacfwd(func.jacrev(self.f))(self.front.array(X)))


differences, eager_references = functools.cache(Differences), functools.cache(Eager)
