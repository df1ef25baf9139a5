"""Dualwave for PyTorch.

``scalar(v, grid_spacing, dt, ...)`` propagates waves in tensors and can be differentiated like any
other operation; ``Scalar`` is the same as a module. ``propagator(equation)`` makes the function of
any equation.
"""

from torch.utils import _pytree

from ..output import AuxiliaryState
from .modules import Scalar
from .scalar import propagator, scalar

__all__ = ["Scalar", "propagator", "scalar"]

# torch.func looks into the outputs of a function; this is the module it does it with.
_pytree.register_pytree_node(
    AuxiliaryState,
    AuxiliaryState.flatten,
    lambda arrays, static: AuxiliaryState.unflatten(static, arrays),
    serialized_type_name="dualwave.AuxiliaryState",
)
