"""Dualwave: wave propagation as a differentiable operation in PyTorch and in JAX.

This package loads neither; the propagators are in ``dualwave.torch`` and ``dualwave.jax``. Here is
what both share: :func:`plan`, the wavelets, the marker for points to leave out, the number of
threads, and the memory that is kept.
"""

from . import wavelets
from .callbacks import CallbackState, Snapshots
from .checks import IGNORE_LOCATION
from .native import get_num_threads, release_memory, set_num_threads
from .planning import Plan, plan
from .timestep import cfl_condition, cfl_condition_n

__version__ = "0.1.0"

__all__ = [
    "IGNORE_LOCATION",
    "CallbackState",
    "Plan",
    "Snapshots",
    "__version__",
    "cfl_condition",
    "cfl_condition_n",
    "get_num_threads",
    "plan",
    "release_memory",
    "set_num_threads",
    "wavelets",
]
