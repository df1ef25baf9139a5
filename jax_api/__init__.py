"""Dualwave for JAX.

``scalar(v, grid_spacing, dt, ...)``, ``acoustic(v, rho, ...)`` and ``elastic(lamb, mu, buoyancy,
...)`` propagate waves in JAX arrays, also under ``jit``, and can be differentiated like any other
operation. ``propagator(equation)`` makes the function of any equation.
"""

import jax

from ..conversions import impedance, lambmubuoyancy_to_vpvsrho, vpvsrho_to_lambmubuoyancy
from ..output import AuxiliaryState
from .inversion import gauss_newton_product, hessian_vector_product, illumination
from .propagators import (
    acoustic,
    acoustic_born,
    born_propagator,
    elastic,
    elastic_born,
    propagator,
    scalar,
    scalar_born,
)

__all__ = [
    "acoustic",
    "acoustic_born",
    "born_propagator",
    "elastic",
    "elastic_born",
    "gauss_newton_product",
    "hessian_vector_product",
    "illumination",
    "impedance",
    "lambmubuoyancy_to_vpvsrho",
    "propagator",
    "scalar",
    "scalar_born",
    "vpvsrho_to_lambmubuoyancy",
]

jax.tree_util.register_pytree_node(AuxiliaryState, AuxiliaryState.flatten, AuxiliaryState.unflatten)
