"""Dualwave: wave propagation as a differentiable operation in PyTorch and in JAX.

This package loads neither; the propagators are in ``dualwave.torch`` and ``dualwave.jax``. Here is
what both share: :func:`plan`, the wavelets, the marker for points to leave out, the number of
threads, and the memory that is kept.
"""

from . import wavelets
from .callbacks import CallbackState, Snapshots
from .checks import IGNORE_LOCATION
from .native import release_memory
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


def set_num_threads(count: int) -> None:
    """Let the compiled core use ``count`` threads, 1 or more, the calling one included.

    There is one team for all callers and both frameworks. Without a call it has OMP_NUM_THREADS
    threads, or as many as the machine has cores.
    """
    from . import native  # the compiled core is loaded at first use

    native.set_num_threads(count)


def get_num_threads() -> int:
    """Threads that the compiled core uses, the calling one included."""
    from . import native

    return native.get_num_threads()
