"""Dualwave for PyTorch.

``scalar(v, grid_spacing, dt, ...)``, ``acoustic(v, rho, ...)`` and ``elastic(lamb, mu, buoyancy,
...)`` propagate waves in tensors and can be differentiated like any other operation; ``Scalar``,
``Acoustic`` and ``Elastic`` are the same as modules. ``propagator(equation)`` makes the function of
any equation.
"""

from torch.utils import _pytree

from .. import conversions
from ..output import AuxiliaryState
from .inversion import gauss_newton_product, hessian_vector_product, illumination
from .modules import Acoustic, AcousticBorn, Elastic, ElasticBorn, Scalar, ScalarBorn
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
from .tracing import node

impedance = node(conversions.impedance)
lambmubuoyancy_to_vpvsrho = node(conversions.lambmubuoyancy_to_vpvsrho)
vpvsrho_to_lambmubuoyancy = node(conversions.vpvsrho_to_lambmubuoyancy)

__all__ = [
    "Acoustic",
    "AcousticBorn",
    "Elastic",
    "ElasticBorn",
    "Scalar",
    "ScalarBorn",
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

# torch.func looks into the outputs of a function; this is the module it does it with.
_pytree.register_pytree_node(
    AuxiliaryState,
    AuxiliaryState.flatten,
    lambda arrays, static: AuxiliaryState.unflatten(static, arrays),
    serialized_type_name="dualwave.AuxiliaryState",
)
