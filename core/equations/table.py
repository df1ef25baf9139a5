"""The table that describes one equation: what a time step reads, and what it adds to what.

A step is a tuple of stages. A stage first evaluates its *quantities*, each a sum of pieces
``scale * op_axis(field)``, all from the state as it was before the stage, and then applies its
*terms*, ``target += scale * coefficient * quantity``. The step is linear in the fields and linear
in the coefficients, which is all that the engines need to march it, differentiate it and
transpose it. Nothing else about an equation is written anywhere in Python.

A term may have no coefficient (it is 1 then), and a stage may end by exchanging the names of
fields, so that the leapfrog of a second-order equation moves no memory.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any, NamedTuple

AXES = ("z", "y", "x")
"""Axis names, slowest first; an equation in fewer dimensions uses the last ones."""

MEMORY = {
    "value": (),
    "second": ("psi", "zeta"),
    "forward": ("m",),
    "backward": ("m",),
}
"""The operators, and the C-PML memory variables that a piece with the operator owns.

``value``: the field itself. ``second``: second derivative on the regular grid (Pasalic & McGarry
2010). ``forward``, ``backward``: first derivative from whole to half nodes and back (Komatitsch &
Martin 2007).
"""


@dataclass(frozen=True)
class Piece:
    """``quantity += scale * op_axis(field)``; derivatives are per metre, PML included."""

    quantity: str
    field: str
    op: str = "value"
    axis: int = 0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.op not in MEMORY:
            raise ValueError(f"op is {self.op!r}; use one of {', '.join(MEMORY)}")

    @property
    def memory(self) -> tuple[str, ...]:
        """Kinds of memory variable that this piece owns, in their order in the state."""
        return MEMORY[self.op]


@dataclass(frozen=True)
class Term:
    """``target += scale * coefficient * quantity``, the coefficient being 1 when None."""

    target: str
    quantity: str
    coefficient: str | None = None
    scale: float = 1.0


@dataclass(frozen=True)
class Stage:
    """One update of some fields from the state before it.

    With ``accumulate`` the terms are added to the targets; without, they replace them, and the
    old value enters only through pieces. The pairs of ``swap`` exchange names after the update.
    """

    pieces: tuple[Piece, ...]
    terms: tuple[Term, ...]
    swap: tuple[tuple[str, str], ...] = ()
    accumulate: bool = False

    @property
    def targets(self) -> tuple[str, ...]:
        """Fields written, by their name before the swap, in the order of the terms."""
        return tuple(dict.fromkeys(term.target for term in self.terms))

    @property
    def updated(self) -> tuple[str, ...]:
        """Fields written, by their name after the swap: where sources act after this stage."""
        names = list(self.targets)
        for one, other in self.swap:
            exchanged = {one: other, other: one}
            names = [exchanged.get(name, name) for name in names]
        return tuple(names)

    @property
    def reversible(self) -> bool:
        """Whether the state before follows from the state after: where what coefficients multiply
        is added to the targets, and has no part of them; or where every target is replaced by -1
        times its old value, and by what has no part of any target."""
        if self.accumulate:
            reads = any(piece.field in self.targets for piece in self.pieces)
            return not reads and all(term.coefficient is not None for term in self.terms)
        return all(self._leaps(target) for target in self.targets)

    def _leaps(self, target: str) -> bool:
        old = [
            (piece, term)
            for term in self.terms
            for piece in self.pieces
            if piece.field == target and piece.quantity == term.quantity
        ]
        plain = all(
            piece.op == "value" and term.coefficient is None and term.target == target
            for piece, term in old
        )
        return plain and sum(term.scale * piece.scale for piece, term in old) == -1


class Action(NamedTuple):
    """What one sample of a source adds to a field, or what a receiver reads of it.

    At a node of the field that is ``scale * coefficient[node]`` times the weight of the
    interpolation, and times the time step where the amplitude is a ``rate``. Locations count the
    nodes of the field itself; ``stencil`` is for what lies at whole nodes instead, see
    `stencils.py`: pairs of axis and operation. ``tensor`` names the component of the source's
    moment tensor that it is multiplied by.
    """

    field: str
    coefficient: str | None = None
    scale: float = 1.0
    rate: bool = False
    stencil: tuple[tuple[int, str], ...] = ()
    tensor: tuple[int, int] | None = None


Channels = Mapping[str, tuple[Action, ...]]


class Condition(NamedTuple):
    """What the values of a model must satisfy: an array of bools from (parameters, ndim)."""

    parameter: str
    holds: Callable[[Mapping[str, Any], int], Any]
    accepted: str
    mend: str = ""


@dataclass(frozen=True, eq=False)
class Equation:
    """One equation, equal to itself alone.

    Arrays below are of whichever framework the call runs in.

    name: what the registry and the compiled core call it.
    parameters: the user's models, in the order of the propagator's arguments.
    coefficients: grids that the terms use, in their order in the operand. Those that no stage
        uses in a given number of dimensions are left out there.
    coefficient_map: (parameters by name, each [M, *n], and the time step dt in seconds) to
        coefficients by name, each [M, *n], in plain array arithmetic. Fold the scalars first,
        ``v**2 * (dt * dt)``: compilers reassociate, and the frameworks would differ by a bit.
    speed: parameters to the speed [M, *n] in m/s that the time step and the PML go by.
    fields, stages: for a number of dimensions. At most one stage updates a field.
    sources, receivers: for a number of dimensions: channel -> actions, in the order of the call;
        the channel "" is the plain ``source_amplitudes`` and ``receiver_amplitudes``.
    wavefields: keyword of the call -> field, in the order of the results. Those whose field is
        absent in a number of dimensions do not exist there.
    ndims: the numbers of dimensions for which the equation exists.
    aliases: other names of source channels -> the channel.
    conditions: what the models must satisfy beside being finite.
    slowest: parameters to the speed that the warning of too few cells in a wavelength goes by;
        None: ``speed``.
    grid_speed: the speed that the grid has at each node, from (parameters, ndim), where averages of
        the models make it exceed ``speed``; the limit of the time step goes by it. None: never.
    faces: what ``boundary`` may be, see ``faces.py``.
    """

    name: str
    parameters: tuple[str, ...]
    coefficients: tuple[str, ...]
    coefficient_map: Callable[[Mapping[str, Any], float], Mapping[str, Any]]
    speed: Callable[[Mapping[str, Any]], Any]
    fields: Callable[[int], tuple[str, ...]]
    stages: Callable[[int], tuple[Stage, ...]]
    sources: Callable[[int], Channels]
    receivers: Callable[[int], Channels]
    wavefields: Mapping[str, str]
    ndims: tuple[int, ...] = (1, 2, 3)
    aliases: Mapping[str, str] = dataclass_field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    slowest: Callable[[Mapping[str, Any]], Any] | None = None
    grid_speed: Callable[[Mapping[str, Any], int], Any] | None = None
    faces: tuple[str, ...] = ("pml", "free", "rigid")

    def __post_init__(self) -> None:
        for name in ("fields", "stages", "sources", "receivers", "coefficient_names"):
            # They are asked for many times in a call.
            object.__setattr__(self, name, functools.cache(getattr(self, name)))
        for ndim in self.ndims:
            self._check(ndim)

    def coefficient_names(self, ndim: int) -> tuple[str, ...]:
        """Coefficient grids in use in ``ndim`` dimensions, in order (the K of the operands)."""
        used = {term.coefficient for stage in self.stages(ndim) for term in stage.terms}
        return tuple(name for name in self.coefficients if name in used)

    def all_channels(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of the source and of the receiver channels in any number of dimensions."""
        most = max(self.ndims)
        return tuple(self.sources(most)), tuple(self.receivers(most))

    def half(self, ndim: int, field: str) -> tuple[bool, ...]:
        """Along which axes the nodes of a field lie half a cell on.

        A field that is differentiated from half to whole nodes is at half nodes of that axis, and
        so is one to which a derivative from whole to half nodes is added.
        """
        found = [False] * ndim
        for stage in self.stages(ndim):
            for piece in stage.pieces:
                goes_to = [t.target for t in stage.terms if t.quantity == piece.quantity]
                if (piece.op == "backward" and piece.field == field) or (
                    piece.op == "forward" and field in goes_to
                ):
                    found[piece.axis] = True
        return tuple(found)

    def _check(self, ndim: int) -> None:
        """Raise ValueError when a name is unknown or the table contradicts itself."""
        fields = self.fields(ndim)
        where = f"equation {self.name!r} in {ndim}-D"

        def known(what: str, name: str, names: tuple[str, ...]) -> None:
            if name not in names:
                raise ValueError(f"{where}: {what} {name!r} is not among {', '.join(names)}")

        if len(set(fields)) != len(fields):
            raise ValueError(f"{where}: a field is named twice: {', '.join(fields)}")
        updated: list[str] = []
        for stage in self.stages(ndim):
            quantities = tuple(piece.quantity for piece in stage.pieces)
            for piece in stage.pieces:
                known("field", piece.field, fields)
                if not 0 <= piece.axis < ndim:
                    raise ValueError(f"{where}: axis {piece.axis} does not exist")
            for term in stage.terms:
                known("target", term.target, fields)
                known("quantity", term.quantity, quantities)
                if term.coefficient is not None:
                    known("coefficient", term.coefficient, self.coefficients)
            for name in (name for pair in stage.swap for name in pair):
                known("field", name, fields)
            updated.extend(stage.updated)
        if len(set(updated)) != len(updated):
            raise ValueError(f"{where}: a field is updated by two stages")
        for kind, channels in (("source", self.sources), ("receiver", self.receivers)):
            for action in (action for actions in channels(ndim).values() for action in actions):
                known(f"{kind} field", action.field, tuple(updated))
                if action.coefficient is not None:
                    names = self.coefficient_names(ndim)
                    known(f"{kind} coefficient", action.coefficient, names)
        for field in self.wavefields.values():
            known("wavefield", field, tuple(f for d in self.ndims for f in self.fields(d)))
