"""What a call returns: a named tuple per equation, and the state that another call continues."""

from __future__ import annotations

import functools
from collections import namedtuple
from collections.abc import Mapping
from typing import Any, NamedTuple

from .checks import fail, warn
from .form import Form, output_names


class Settings(NamedTuple):
    """What a state was computed with; a run that continues it must agree, or say otherwise.

    A named tuple, since Dynamo does not rebuild a dataclass. origin: first cell of the region in
    the model. n: grid shape, region and PML.
    """

    equation: str
    accuracy: int
    n: tuple[int, ...]
    pml: tuple[int, ...]
    faces: tuple[str, ...]
    spacing: tuple[float, ...]
    internal_dt: float
    origin: tuple[int, ...]
    pml_freq: float
    max_vel: float


class AuxiliaryState(dict):
    """Memory variables of the PML by name, each [shot, *slab], and the settings they belong to.

    A dict in every respect; each front end makes it known to its framework's trees, so that it
    passes through ``jit``, ``vmap`` and their like with the settings as static data.
    """

    settings: Settings | None

    def __init__(self, entries: Any = (), settings: Settings | None = None) -> None:
        super().__init__(entries)
        self.settings = settings

    def flatten(self) -> tuple[list[Any], tuple]:
        """Arrays, and what is needed to put them back."""
        return list(self.values()), (tuple(self), self.settings)

    @classmethod
    def unflatten(cls, static: tuple, arrays: Any) -> AuxiliaryState:
        """The inverse of :meth:`flatten`."""
        names, settings = static
        return cls(zip(names, arrays, strict=True), settings)


def output_class(form: Form, ndim: int) -> Any:
    """The named tuple that a function returns in a number of dimensions."""
    return _named_tuple(form.name, output_names(form, ndim))


@functools.cache
def _named_tuple(equation: str, names: tuple[str, ...]) -> type:
    title = "".join(word.capitalize() for word in equation.split("_")) + "Output"
    # Made, not subclassed: PyTorch's trees know named tuples only as direct subclasses of tuple.
    cls = namedtuple(title, names)  # type: ignore[misc]
    cls.__doc__ = f"Results of {equation}: {', '.join(names)}; see its docstring for the shapes."
    cls.final_state = property(_final_state)  # type: ignore[attr-defined]
    cls.__reduce__ = lambda self: (_restore, (equation, names, tuple(self)))  # type: ignore
    return cls


def _restore(equation: str, names: tuple[str, ...], values: tuple) -> Any:
    return _named_tuple(equation, names)(*values)


def _final_state(self: Any) -> dict[str, Any]:
    """Wavefields and PML memory by name, to pass as ``initial_state`` of the next call."""
    return {
        name: value for name, value in self._asdict().items() if "receiver_amplitudes" not in name
    }


def initial_fields(
    form: Form, wavefields: Mapping[str, Any], state: Any
) -> tuple[dict[str, Any], AuxiliaryState]:
    """Initial fields by keyword, without the absent ones, and the PML memory.

    Args:
        wavefields: the keywords of the call; None where absent.
        state: ``initial_state`` of the call: an output, its ``final_state``, or such a mapping.
    """
    fields = {name: field for name, field in wavefields.items() if field is not None}
    if state is None:
        return fields, AuxiliaryState()
    given = state._asdict() if hasattr(state, "_asdict") else state
    accepted = (
        "an output of the same function, its final_state, or a mapping with the keys "
        f"{', '.join((*form.wavefields, 'auxiliary_state'))}"
    )
    if not isinstance(given, Mapping):
        fail("initial_state", f"got a {type(state).__name__}", accepted, kind=TypeError)
    for name, value in given.items():
        if name in fields:
            fail(name, "is given twice, alone and in initial_state", "one of the two")
        if name in form.wavefields:
            fields[name] = value
        elif name != "auxiliary_state" and "receiver_amplitudes" not in name:
            fail("initial_state", f"has an entry {name!r}", accepted)
    auxiliary = given.get("auxiliary_state")
    if auxiliary is None:
        auxiliary = {}
    if not isinstance(auxiliary, Mapping):
        came = f"auxiliary_state is a {type(auxiliary).__name__}"
        fail("initial_state", came, "a mapping", kind=TypeError)
    return (
        {name: field for name, field in fields.items() if field is not None},
        AuxiliaryState(auxiliary, getattr(auxiliary, "settings", None)),
    )


def check_settings(before: Settings | None, now: Settings) -> None:
    """Raise where a continued state was computed with something that must not change.

    Another PML, by pml_freq or max_vel, gives a warning.
    """
    if before is None:
        return
    for name in ("equation", "accuracy", "pml", "faces", "spacing", "internal_dt", "origin", "n"):
        old, new = getattr(before, name), getattr(now, name)
        if old != new:
            fail(
                "initial_state",
                f"was computed with {name} = {old}, but this call has {name} = {new}",
                f"{name} = {old}",
                "Pass the same arguments, or the wavefields alone, without auxiliary_state.",
            )
    for name in ("pml_freq", "max_vel"):
        old, new = getattr(before, name), getattr(now, name)
        if old != new:
            warn(
                f"initial_state was computed with {name}={old:.6g}, and this call has {new:.6g}: "
                f"the PML changes. Leave out {name} to keep it."
            )
