"""What a public function takes and returns: an equation, alone or with its scattered field.

``scalar`` is the map `forward` of its equation, ``scalar_born`` the map `tangent`: Born modelling
is the derivative in the direction of a change of the models, and nothing else about it is written.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from .equations import Equation


@dataclass(frozen=True)
class Form:
    """A public function. ``scattered``: with Born modelling of the first order."""

    equation: Equation
    scattered: bool = False

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.equation.name + "_born" * self.scattered

    @property
    def levels(self) -> int:
        """1, or 2 with a scattered field: the levels of the map."""
        return 1 + self.scattered

    @functools.cached_property
    def perturbations(self) -> Mapping[str, str]:
        """Keyword of the change of a model -> the model."""
        names = self.equation.parameters if self.scattered else ()
        return {f"d{name}": name for name in names}

    @functools.cached_property
    def perturbation_aliases(self) -> Mapping[str, str]:
        """Other names of those: Deepwave's ``scatter``, where there is one model."""
        names = list(self.perturbations)
        return {"scatter": names[0]} if len(names) == 1 else {}

    @property
    def receiver_prefixes(self) -> tuple[str, ...]:
        """What the names of receivers begin with, by level."""
        return ("bg_", "sc_") if self.scattered else ("",)

    @functools.cached_property
    def wavefields(self) -> Mapping[str, tuple[int, str]]:
        """Keyword of an initial and final wavefield -> its level and field."""
        fields = self.equation.wavefields.items()
        found = {name: (0, field) for name, field in fields}
        if self.scattered:
            found |= {scattered_name(name): (1, field) for name, field in fields}
        return found

    def wavefields_in(self, ndim: int) -> Mapping[str, tuple[int, str]]:
        """Those that exist in ``ndim`` dimensions."""
        names = self.equation.fields(ndim)
        return {k: entry for k, entry in self.wavefields.items() if entry[1] in names}


def scattered_name(name: str) -> str:
    """``vx_0`` to ``vx_sc_0``: the scattered field that goes with the field ``name``."""
    stem, _, time = name.rpartition("_")
    return f"{stem}_sc_{time}"


def memory_name(name: str, level: int) -> str:
    """The key in ``auxiliary_state`` of a memory variable of a level."""
    return name + "_sc" * level


def places(name: str) -> bool:
    """Whether an argument says where points are."""
    return "_locations" in name or "_mask" in name


def suffix(channel: str) -> str:
    """What the name of a channel adds to ``source_amplitudes`` and its like."""
    return f"_{channel}" if channel else ""


def output_names(form: Form, ndim: int) -> tuple[str, ...]:
    """Names of the outputs, in Deepwave's order.

    Wavefields, auxiliary_state, scattered wavefields, and one entry for each receiver channel.
    """
    fields: list[list[str]] = [[], []]
    for name, (level, _) in form.wavefields_in(ndim).items():
        fields[level].append(name)
    receivers = (
        f"{prefix}receiver_amplitudes{suffix(channel)}"
        for prefix in form.receiver_prefixes
        for channel in form.equation.receivers(ndim)
    )
    return (*fields[0], "auxiliary_state", *fields[1], *receivers)
