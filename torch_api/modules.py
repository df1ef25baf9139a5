"""Propagators as PyTorch modules, which keep the models and the grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch

from .. import checks
from . import propagators

_TEXT = """The function :func:`dualwave.torch.{name}` with its models.

``{title}({models}, grid_spacing)(dt, ...)`` calls the function, which explains arguments and
results.

Args:
    {models}: as for the function. Each becomes a ``torch.nn.Parameter`` that shares its memory; a
        Parameter stays the same object unless its ``requires_grad`` argument changes it. A tensor
        that was computed from others is refused, since a module would cut it off from them: call
        the function instead.
    grid_spacing: metres per cell, one number or one per axis.
    {flags}: whether the parameter gets a gradient. Default: what a Parameter says, False for other
        tensors.
"""


class Propagator(torch.nn.Module):
    """What the modules share; each subclass has the function of one equation."""

    function: ClassVar[Callable[..., Any]]

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__()
        models = self._models()
        names = (*models, "grid_spacing", *(f"{name}_requires_grad" for name in models))
        given = _bound(type(self).__name__, names, args, keywords)
        for name in models:
            wanted = given.get(f"{name}_requires_grad")
            setattr(self, name, _parameter(name, given[name], wanted, type(self).function))
        self.grid_spacing = given["grid_spacing"]

    def forward(self, dt: float, **arguments: Any) -> Any:
        """Propagate; ``arguments`` are the keywords of the function."""
        models = (getattr(self, name) for name in self._models())
        return type(self).function(*models, self.grid_spacing, dt, **arguments)

    def extra_repr(self) -> str:
        """What ``print`` shows beside the name."""
        shapes = (f"{name}: {list(getattr(self, name).shape)}" for name in self._models())
        return ", ".join((*shapes, f"grid_spacing={self.grid_spacing}"))

    @classmethod
    def _models(cls) -> tuple[str, ...]:
        return cls.function.equation.parameters  # type: ignore[attr-defined]


def _bound(title: str, names: tuple[str, ...], args: tuple, keywords: dict) -> dict[str, Any]:
    """Arguments by name; TypeError, as Python raises it, where they do not fit."""
    given = dict(zip(names, args, strict=False))
    unknown = [name for name in keywords if name not in names or name in given]
    if len(args) > len(names) or unknown:
        what = f"argument {unknown[0]!r}" if unknown else f"{len(args)} positional arguments"
        raise TypeError(f"{title}() does not take {what}; it takes {', '.join(names)}")
    given |= keywords
    missing = [n for n in names if n not in given and not n.endswith("_requires_grad")]
    if missing:
        raise TypeError(f"{title}() is missing {', '.join(missing)}")
    return given


def _parameter(
    name: str, x: Any, requires_grad: bool | None, function: Callable
) -> torch.nn.Parameter:
    if not isinstance(x, torch.Tensor):
        checks.fail(name, f"got {checks.shown(x)}", "a torch.Tensor", kind=TypeError)
    if x.grad_fn is not None:
        mend = f"Call dualwave.torch.{function.__name__}, or pass {name}.detach()."
        checks.fail(name, "is computed from other tensors", "a tensor of its own", mend)
    keep = isinstance(x, torch.nn.Parameter)
    if requires_grad is not None:
        checks.flag(f"{name}_requires_grad", requires_grad)
        keep = keep and x.requires_grad == requires_grad
    if isinstance(x, torch.nn.Parameter) and keep:
        return x
    return torch.nn.Parameter(x.detach(), requires_grad=bool(requires_grad))


def _module(function: Callable) -> type[Propagator]:
    """The module of a propagator."""
    title = "".join(word.capitalize() for word in function.__name__.split("_"))
    models = function.equation.parameters  # type: ignore[attr-defined]
    flags = ", ".join(f"{name}_requires_grad" for name in models)
    text = _TEXT.format(name=function.__name__, title=title, models=", ".join(models), flags=flags)
    members = {"function": staticmethod(function), "__doc__": text, "__module__": __name__}
    return type(title, (Propagator,), members)


Scalar, ScalarBorn = _module(propagators.scalar), _module(propagators.scalar_born)
Acoustic, AcousticBorn = _module(propagators.acoustic), _module(propagators.acoustic_born)
Elastic, ElasticBorn = _module(propagators.elastic), _module(propagators.elastic_born)
