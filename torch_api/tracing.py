"""What ``torch.compile`` sees of this package: nodes, into which Dynamo does not look.

The array operations and native calls that a node stands for are recorded when the graph is lowered,
so every derivative and transform inside the compiled region is the one outside. Nothing here is
imported before it is needed: ``torch._dynamo`` takes seconds.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch.utils import _pytree

from ..form import Form
from ..output import output_class
from .framework import NO_CALLBACKS


def node(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors that returns tensors, as a node."""

    @functools.wraps(function)
    def public(*args: Any, **keywords: Any) -> Any:
        if torch.compiler.is_dynamo_compiling():
            return torch._dynamo.nonstrict_trace(function)(*args, **keywords)
        return _untraced(function)(*args, **keywords)

    return public


def _untraced(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself: after a graph break Dynamo would look into what it calls."""
    return _disabled(function) if "torch._dynamo" in sys.modules else function


@functools.cache
def _disabled(function: Callable[..., Any]) -> Callable[..., Any]:
    return torch._dynamo.disable(function)


def _with_numbers(x: Any) -> Any:
    """The argument with numbers for symbols: a grid is made for one size."""
    if isinstance(x, torch.Tensor) and any(isinstance(n, torch.SymInt) for n in x.shape):
        return x.reshape([int(n) for n in x.shape])
    if isinstance(x, (torch.SymInt, torch.SymFloat)):
        return int(x) if isinstance(x, torch.SymInt) else float(x)
    return x


def propagator_node(form: Form, function: Callable[..., Any]) -> Callable[..., Any]:
    """The public function of a form, as a node."""
    outputs = {(c := output_class(form, ndim))._fields: c for ndim in form.equation.ndims}

    def results(*args: Any, **keywords: Any) -> dict[str, Any]:
        # Dynamo can neither rebuild a named tuple nor repeat an error that comes out of a node.
        try:
            args, keywords = _pytree.tree_map(_with_numbers, (args, keywords))
            return function(*args, **keywords)._asdict()
        except (ValueError, TypeError, NotImplementedError) as error:
            # What is in the structure of a result reaches the caller as it is.
            return {"error": {str(error): torch.zeros(())}}

    @functools.wraps(function)
    def public(*args: Any, **keywords: Any) -> Any:
        if not torch.compiler.is_dynamo_compiling():
            return _untraced(function)(*args, **keywords)
        keywords = {name: x for name, x in keywords.items() if x is not None}
        if "forward_callback" in keywords or "backward_callback" in keywords:
            raise NotImplementedError(NO_CALLBACKS)
        found = torch._dynamo.nonstrict_trace(results)(*args, **keywords)
        if "error" in found:
            raise ValueError(next(iter(found["error"])))
        return outputs[tuple(found)](*found.values())

    return public
