"""Products with the Hessians of a misfit, and an estimate of a diagonal, for any framework.

Each is a composition of transforms that the framework has; none forms a matrix.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import checks
from .framework import Array, Framework


class Tools(NamedTuple):
    """The functions of this module for one framework."""

    gauss_newton_product: Callable[..., Any]
    hessian_vector_product: Callable[..., Any]
    illumination: Callable[..., Any]


def tools(fw: Framework) -> Tools:
    """The functions that the front end of a framework offers."""

    def gauss_newton_product(
        forward: Callable[[Any], Array],
        models: Any,
        direction: Any,
        weight: Callable[[Array], Array] | None = None,
    ) -> Any:
        """J* W J d: the Hessian of a misfit without its second derivatives of the data.

        One `tangent` and one `adjoint` of the compiled core. Positive semi-definite where the
        weight is, so conjugate gradients can solve with it (Pratt, Shin and Hicks 1998).

        Args:
            forward: data as one array of the models: a function that calls a propagator.
            models: an array, or a tuple or dict of arrays.
            direction: d, of the same structure and shapes.
            weight: W, the second derivative of the misfit with respect to the data, as a function
                of data; None for half a sum of squares.

        Returns:
            The product, of the structure of ``models``; it can be differentiated once more with
            respect to ``direction``.
        """
        _, scattered = fw.jvp(forward, models, direction)
        _, pull = fw.vjp(forward, models)
        return pull(scattered if weight is None else weight(scattered))

    def hessian_vector_product(misfit: Callable[[Any], Array], models: Any, direction: Any) -> Any:
        """H d, with the exact Hessian of a misfit.

        One `tangent` and one `tangent_adjoint` of the compiled core (Fichtner and Trampert 2011).

        Args:
            misfit: a number of the models: a function that calls a propagator.
            models: an array, or a tuple or dict of arrays.
            direction: d, of the same structure and shapes.

        Returns:
            The product, of the structure of ``models``.
        """
        return fw.jvp(fw.grad(misfit), models, direction)[1]

    def illumination(
        forward: Callable[[Any], Array], models: Any, probes: int = 4, seed: int = 0
    ) -> Any:
        """An estimate of the diagonal of J* J, by which a gradient can be divided.

        The mean, over random data of +1 and -1, of the squares of the gradients that they give: it
        tends to the diagonal, with a relative standard deviation of about sqrt(2 / probes) in each
        cell, so smooth it, or take its mean over a neighbourhood (Hutchinson 1990; Tang 2009 for
        migration). One `adjoint` for each probe, and the random numbers are the same in PyTorch and
        JAX.

        Args:
            forward: data as one array of the models: a function that calls a propagator.
            models: an array, or a tuple or dict of arrays.
            probes: how many random data.
            seed: of the random numbers.

        Returns:
            Of the structure of ``models``, zero or more everywhere. Add a fraction of its largest
            value before you divide.
        """
        probes = checks.integer("probes", probes, 1)
        rng, total = np.random.default_rng(seed), None
        data, pull = fw.vjp(forward, models)
        for _ in range(probes):
            signs = rng.choice(np.array([-1.0, 1.0]), tuple(data.shape))
            gradient = pull(fw.asarray(signs, dtype=fw.dtype_name(data), like=data))
            squares = fw.tree_map(lambda x: x * x / probes, gradient)
            total = squares if total is None else fw.tree_map(operator.add, total, squares)
        return total

    return Tools(gauss_newton_product, hessian_vector_product, illumination)
