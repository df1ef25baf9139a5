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


@functools.cache
def references(case: Case) -> dict[str, np.ndarray]:
    """What the transforms must return, in float64."""
    front = FRONT_ENDS["torch"]()
    _, r = functions(front, case, "float64")

    @functools.cache
    def value(*x: float) -> np.ndarray:
        return numpy(r(front.array(np.array(x))))

    def loss(x: np.ndarray) -> float:
        return float((value(*x) ** 2).sum() / 2)

    def slope(x: np.ndarray, d: np.ndarray) -> np.ndarray:
        terms = (
            c * (value(*x + k * _STEP * d) - value(*x - k * _STEP * d)) for k, c in _FIRST.items()
        )
        return sum(terms) / _STEP

    def curvature(d: np.ndarray) -> float:
        total = _SECOND[0] * loss(X)
        for k, c in list(_SECOND.items())[1:]:
            total += c * (loss(X + k * _STEP * d) + loss(X - k * _STEP * d))
        return total / _STEP**2

    axes = np.eye(3)
    values = [value(*x) for x in BATCH]
    jacobians = [np.stack([slope(x, e) for e in axes], axis=1) for x in BATCH]
    hessian = np.diag([curvature(e) for e in axes])
    for i, j in itertools.combinations(range(3), 2):
        both = curvature(axes[i] + axes[j]) - curvature(axes[i] - axes[j])
        hessian[i, j] = hessian[j, i] = both / 4
    return _all(values, jacobians, hessian)


@functools.cache
def eager_references(case: Case) -> dict[str, np.ndarray]:
    """The same from PyTorch's derivatives of the eager backend."""
    front = FRONT_ENDS["torch"]()
    f, r = functions(front, case, "float64", "eager")
    func, batch = front.torch.func, [front.array(x) for x in BATCH]
    jacobians = [numpy(func.jacfwd(r)(x)) for x in batch]
    hessian = numpy(func.jacfwd(func.jacrev(f))(batch[0]))
    return _all([numpy(r(x)) for x in batch], jacobians, hessian)


def _all(values: list, jacobians: list, hessian: np.ndarray) -> dict[str, np.ndarray]:
    """What the transforms return, from values and Jacobians of the batch and a Hessian."""
    gradients = np.stack([j.T @ value for j, value in zip(jacobians, values, strict=True)])
    jacobian, turned = jacobians[0], np.stack([V, 2 * V, V * V])
    return {
        "value": values[0][None],
        "batch": np.stack(values),
        "jacobian": jacobian,
        "jvp": jacobian @ V,
        "jvps": turned @ jacobian.T,
        "vjp": WEIGHTS @ jacobian,
        "gradient": gradients[0],
        "batch of gradients": gradients,
        "gradient of the batch": gradients.sum(0),
        "gauss-newton": jacobian.T @ jacobian @ V,
        "hessian": hessian,
        "hvp": hessian @ V,
        "hvps": turned @ hessian,
        "curvature": np.asarray(V @ hessian @ V),
    }
