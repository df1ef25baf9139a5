"""The eager engine: marches any equation table in NumPy, PyTorch or JAX.

It is slow and plain on purpose. Nothing is written in place, every framework's derivatives and
transforms go through it, and it applies the PML formulas on the whole grid, with no special
treatment of slabs, so that it can serve as the oracle for the compiled core.

One time step: record the receivers; then for each stage update the fields, exchange names, and add
the sources that act on the fields just updated. Outside the grid all fields are zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .equations.table import Equation, Piece, Stage
from .framework import Array, Framework
from .layout import Description, Memory, memories, pack, slabs, state_entries, unpack
from .maps import Constants, Primal
from .pml import ROWS
from .stencils import Profile, differentiate

State = dict[str, Array]
"""Fields and memory variables by name, each [S, *n]."""


def forward(
    fw: Framework,
    equation: Equation,
    description: Description,
    p: Primal,
    constants: Constants,
) -> tuple[Array, Array]:
    """Propagate ``description.nt`` steps.

    Args:
        fw: the framework of the arrays.
        equation: the table; its name need not be registered.
        description: shapes and spacings of the run; its dtype is not used, so that complex
            arrays pass.
        p: the operands, all of one dtype; a coefficient operand of one model is never copied.
        constants: nodes, model indices and PML profiles.

    Returns:
        Receivers [S, Nr, nt], the samples before each step, and the packed state [S, E] after the
        last one. Differentiable with respect to all of ``p`` wherever the framework can.
    """
    march = _March(fw, equation, description, p, constants)
    state = march.unpack(p.state)
    if description.nt == 0:
        empty = np.zeros((description.shots, description.receivers, 0))
        return fw.asarray(empty, like=p.receiver_weights), march.pack(state)
    amplitudes = fw.xp.permute_dims(p.amplitudes, (2, 0, 1))
    state, receivers = fw.scan(march.step, state, amplitudes)
    return fw.xp.permute_dims(receivers, (1, 2, 0)), march.pack(state)


@dataclass(frozen=True)
class _Taps:
    """Nodes of one field in the sources or receivers: cells and weights, zero where not in it."""

    field: str
    cells: Array
    weights: Array


class _March:
    """Everything of one run that does not change from step to step."""

    def __init__(
        self,
        fw: Framework,
        equation: Equation,
        description: Description,
        p: Primal,
        constants: Constants,
    ) -> None:
        ndim = description.ndim
        self.fw, self.description = fw, description
        self.fields = equation.fields(ndim)
        self.stages = equation.stages(ndim)
        self.memories = memories(equation, ndim)
        self.entries = state_entries(equation, ndim, description.n, description.pml)
        self.profiles = _profiles(fw, description, constants.profiles)
        models = p.coefficients
        if models.shape[0] > 1:
            models = fw.xp.take(models, constants.model_index[0, :], axis=0)
        names = equation.coefficient_names(ndim)
        self.coefficients = {name: models[:, k, ...] for k, name in enumerate(names)}
        self.sources = self._taps(constants.source_nodes, p.source_weights)
        self.receivers = self._taps(constants.receiver_nodes, p.receiver_weights)
        self.silence = fw.xp.sum(fw.xp.zeros_like(p.receiver_weights), axis=-1)

    def step(self, state: State, amplitudes: Array) -> tuple[State, Array]:
        """One time step from amplitudes [S, Ns]; also the receivers' samples [S, Nr] before it."""
        receivers = self._record(state)
        for number, stage in enumerate(self.stages):
            state = self._update(state, number, stage)
            state = self._inject(state, stage, amplitudes)
        return state, receivers

    def unpack(self, state: Array) -> State:
        """The packed state with its memory variables spread over the whole grid, zero between."""
        arrays = unpack(self.fw.split, self.entries, state)
        for memory in self.memories:
            axis, (low, gap, high, rest) = memory.axis + 1, self._spans(memory)
            first, last = self.fw.split(arrays[memory.name], (low, high), axis)
            parts = [self._pad(first, axis, (0, gap)), self._pad(last, axis, (0, rest))]
            arrays[memory.name] = self.fw.xp.concat(parts, axis=axis)
        return arrays

    def pack(self, state: State) -> Array:
        """The packed state, memory variables cut back to their slabs."""
        arrays = dict(state)
        for memory in self.memories:
            axis = memory.axis + 1
            first, _, last, _ = self.fw.split(state[memory.name], self._spans(memory), axis)
            arrays[memory.name] = self.fw.xp.concat((first, last), axis=axis)
        return pack(self.fw, self.entries, arrays)

    def _update(self, old: State, number: int, stage: Stage) -> State:
        """Quantities from the old state, terms added to the targets, names exchanged."""
        new = dict(old)
        quantities: State = {}
        for index, piece in enumerate(stage.pieces):
            names = [m.name for m in self.memories if (m.stage, m.piece) == (number, index)]
            value, memory = self._evaluate(piece, old[piece.field], [old[m] for m in names])
            new.update(zip(names, memory, strict=True))
            _add(quantities, piece.quantity, _scaled(piece.scale, value))
        changes: State = {name: old[name] for name in stage.targets} if stage.accumulate else {}
        for term in stage.terms:
            value = _scaled(term.scale, quantities[term.quantity])
            if term.coefficient is not None:
                value = self.coefficients[term.coefficient] * value
            _add(changes, term.target, value)
        new.update(changes)
        for one, other in stage.swap:
            new[one], new[other] = new[other], new[one]
        return new

    def _evaluate(
        self, piece: Piece, field: Array, memory: list[Array]
    ) -> tuple[Array, list[Array]]:
        if piece.op == "value":
            return field, memory
        return differentiate(self.fw, piece.op, field, memory, self.profiles[piece.axis])

    def _record(self, state: State) -> Array:
        samples = self.silence
        for taps in self.receivers:
            values = self.fw.gather(self._flat(state[taps.field]), self._joined(taps.cells))
            values = self.fw.xp.reshape(values, taps.weights.shape)
            samples = samples + self.fw.xp.sum(taps.weights * values, axis=-1)
        return samples

    def _inject(self, state: State, stage: Stage, amplitudes: Array) -> State:
        new = dict(state)
        for taps in self.sources:
            if taps.field in stage.updated:
                values = self._joined(taps.weights * amplitudes[:, :, None])
                field = new[taps.field]
                flat = self.fw.index_add(self._flat(field), self._joined(taps.cells), values)
                new[taps.field] = self.fw.xp.reshape(flat, field.shape)
        return new

    def _taps(self, nodes: Array, weights: Array) -> list[_Taps]:
        """Nodes [S, N, P] sorted by field; fields known to have none are left out."""
        xp, cells = self.fw.xp, self.description.cells
        known = self.fw.concrete(nodes)
        found = []
        for index, field in enumerate(self.fields):
            if known is None or (known[known >= 0] // cells == index).any():
                local = nodes - index * cells
                inside = (local >= 0) & (local < cells)
                # An ignored node, and one of another field, weighs nothing at the first cell.
                found.append(
                    _Taps(
                        field=field,
                        cells=xp.where(inside, local, xp.zeros_like(local)),
                        weights=xp.where(inside, weights, xp.zeros_like(weights)),
                    )
                )
        return found

    def _spans(self, memory: Memory) -> tuple[int, int, int, int]:
        """Cells of the low slab, between the slabs, of the high slab, and after it."""
        cells = self.description.n[memory.axis]
        low, high = slabs(cells, *self.description.widths(memory.axis), memory.half)
        return low.stop, high.start - low.stop, high.stop - high.start, cells - high.stop

    def _pad(self, x: Array, axis: int, width: tuple[int, int]) -> Array:
        return self.fw.pad_zero(x, [width] + [(0, 0)] * (self.description.ndim - axis))

    def _flat(self, x: Array) -> Array:
        return self.fw.xp.reshape(x, (x.shape[0], self.description.cells))

    def _joined(self, x: Array) -> Array:
        """[S, N, P] to [S, N * P]."""
        return self.fw.xp.reshape(x, (x.shape[0], x.shape[1] * x.shape[2]))


def _profiles(fw: Framework, description: Description, packed: Array) -> list[Profile]:
    """The packed profiles [5 * sum(n)] by axis, each row shaped to multiply that axis."""
    ndim, start, found = description.ndim, 0, []
    for axis, cells in enumerate(description.n):
        shape = (cells,) + (1,) * (ndim - axis - 1)
        rows = [
            fw.xp.reshape(packed[start + row * cells : start + (row + 1) * cells], shape)
            for row in range(5)
        ]
        start += 5 * cells
        found.append(
            Profile(
                axis=axis - ndim,
                spacing=float(description.spacing[axis]),
                accuracy=description.accuracy,
                absorbing=any(description.widths(axis)),
                faces=description.faces[2 * axis : 2 * axis + 2],
                **dict(zip(ROWS, rows, strict=True)),
            )
        )
    return found


def _add(sums: State, name: str, value: Array) -> None:
    sums[name] = sums[name] + value if name in sums else value


def _scaled(scale: float, value: Array) -> Array:
    return value if scale == 1.0 else scale * value
