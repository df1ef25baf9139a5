"""Derivatives of the NumPy engine without differentiation rules: an oracle for `tangent`."""

from __future__ import annotations

import numpy as np

from .engine import forward
from .equations.table import Equation
from .framework import NumpyFramework
from .layout import Description
from .maps import Constants, Primal

STEP = 2.0**-100
"""The imaginary step. Results are polynomials in the operands, so the error is about STEP^2; a
power of two, so that scaling by it rounds nothing."""


def tangent(
    equation: Equation,
    description: Description,
    p: Primal,
    d: Primal,
    constants: Constants,
) -> tuple[np.ndarray, np.ndarray]:
    """Derivative of the engine in direction ``d`` by a complex step, in float64.

    Args:
        equation: the table.
        description: shapes of the run.
        p: float64 operands.
        d: the direction; None where it is zero. Its coefficients may have another number of
            models, chosen by row 1 of ``model_index``.
        constants: nodes, model indices and profiles.

    Returns:
        Tangents of the receivers [S, Nr, nt] and of the final state [S, E].
    """
    if d.coefficients is not None:
        index = np.asarray(constants.model_index)
        if p.coefficients.shape[0] > 1 or d.coefficients.shape[0] > 1:
            # A model per shot, so that both sides have the same number.
            p = p._replace(coefficients=_chosen(p.coefficients, index[0]))
            d = d._replace(coefficients=_chosen(d.coefficients, index[1]))
            own = np.arange(description.shots, dtype=index.dtype)
            constants = constants._replace(model_index=np.broadcast_to(own, index.shape))
    stepped = Primal(
        *(
            np.asarray(value) + (0j if change is None else 1j * STEP * np.asarray(change))
            for value, change in zip(p, d, strict=True)
        )
    )
    receivers, state = forward(NumpyFramework(), equation, description, stepped, constants)
    return receivers.imag / STEP, state.imag / STEP


def _chosen(models: np.ndarray, index: np.ndarray) -> np.ndarray:
    return models[index] if models.shape[0] > 1 else np.repeat(models, index.size, axis=0)
