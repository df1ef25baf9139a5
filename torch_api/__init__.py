"""Dualwave for PyTorch.

``scalar(v, grid_spacing, dt, ...)``, ``acoustic(v, rho, ...)`` and ``elastic(lamb, mu, buoyancy,
...)`` propagate waves in tensors and can be differentiated like any other operation; ``Scalar``,
``Acoustic`` and ``Elastic`` are the same as modules. ``propagator(equation)`` makes the function of
any equation.
"""

from torch.utils import _pytree

from ..output import AuxiliaryState
from .modules import Acoustic, Elastic, Scalar
from .propagators import acoustic, elastic, propagator, scalar

__all__ = ["Acoustic", "Elastic", "Scalar", "acoustic", "elastic", "propagator", "scalar"]

# torch.func looks into the outputs of a function; this is the module it does it with.
_pytree.register_pytree_node(
    AuxiliaryState,
    AuxiliaryState.flatten,
    lambda arrays, static: AuxiliaryState.unflatten(static, arrays),
    serialized_type_name="dualwave.AuxiliaryState",
)
