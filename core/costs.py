"""What a gradient is expected to cost, counted from the equation's table.

Time goes by what a march moves: each grid that a loop of the core reads or writes counts once, in
every cell. The PML, whose memory grows in the same proportion, is left out, and so is where a grid
is: in a cache, in memory that is used for the first time, or on a disk. It is an estimate of what
repeated steps cost; a full history may take longer than it says, and a gradient less where the CPU
marches cotangents times coefficients, in one loop in place of two.
"""

from __future__ import annotations

from . import equations
from .equations import Stage
from .layout import Description


def gradient_time(d: Description, repeated_steps: int) -> float:
    """Expected time of a run with a gradient with respect to the models, in forward runs.

    Args:
        d: the run.
        repeated_steps: forward steps that the gradient marches again.
    """
    stages = equations.get(d.equation).stages(d.ndim)
    forward = moved_by_a_step(d)
    history = sum(len(_history(stage)) for stage in stages) / d.sampling
    back = sum(map(_back, stages)) + sum(map(_gradient, stages)) / d.sampling
    # The history is written on the march that is the last before it is used.
    return 1 + (repeated_steps / max(d.nt, 1)) + (history + back) / forward


def moved_by_a_step(d: Description) -> int:
    """Grids that a forward step reads or writes."""
    return sum(map(_forward, equations.get(d.equation).stages(d.ndim)))


def _forward(stage: Stage) -> int:
    read = {piece.field for piece in stage.pieces}
    if stage.accumulate:
        read.update(stage.targets)
    return len(read) + len(stage.targets) + len(_coefficients(stage))


def _back(stage: Stage) -> int:
    """Of the two loops of a transposed stage: products of cotangents, and their differences."""
    scratches = {piece.quantity for piece in stage.pieces if piece.op != "value"}
    touched = {piece.field for piece in stage.pieces} | set(stage.targets)
    products = len(stage.targets) + len(_coefficients(stage)) + len(scratches)
    return products + len(scratches) + 2 * len(touched)


def _gradient(stage: Stage) -> int:
    """Of the history, and of the gradient that is added to."""
    return len(_history(stage)) + 2 * len(_coefficients(stage))


def _coefficients(stage: Stage) -> set[str]:
    return {term.coefficient for term in stage.terms if term.coefficient is not None}


def _history(stage: Stage) -> set[str]:
    return {term.quantity for term in stage.terms if term.coefficient is not None}
