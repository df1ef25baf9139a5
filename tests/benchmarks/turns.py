"""One case, all libraries, in turns."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cases import JAX_PEERS, Case
from peer import Peer, PeerError
from report import BARE, BASE, OURS, Row


@dataclass(frozen=True)
class Plan:
    """How a case is measured: rounds, seconds of a turn, and the Pythons of environments apart, by
    library."""

    repeats: int
    seconds: float
    apart: dict[str, Path]


def libraries(case: Case) -> list[str]:
    """Deepwave first: the others are compared with it."""
    if case.interpreted:
        return [BASE, *OURS, *(f"{name}:eager" for name in (BASE, *OURS))]
    here = case.device == "cpu"
    bare = [BARE] if here and not case.own_keywords else []
    devito = here and case.work == "forward" and case.equation == "scalar"
    if case.jax:
        return [BASE, *OURS, f"{OURS[1]}:eager", *JAX_PEERS, *bare]
    return [BASE, *OURS, *["devito"] * devito, *bare]


def measure(case: Case, plan: Plan) -> list[Row]:
    """Rows of a case. A library that cannot do it has the reason in its row.

    Every library lives in a process of its own for as long as the case lasts.
    """
    rows = [Row(case, name) for name in libraries(case)]
    peers: dict[str, Peer] = {}
    with contextlib.ExitStack() as stack:
        for row in rows:
            with _reason_in(row):
                peers[row.library] = peer = stack.enter_context(_start(row, plan))
                row.version = peer.prepare()
        for _ in range(plan.repeats):
            for row in rows:
                if not row.reason:
                    time.sleep(0.02)  # the last one's threads may still be waiting for work
                    with _reason_in(row):
                        row.seconds.append(peers[row.library].measure(plan.seconds))
        for row in rows:
            if not row.reason:
                row.base_seconds = rows[0].seconds
                with _reason_in(row):
                    row.peak_bytes = peers[row.library].memory()
                row.base_peak_bytes = rows[0].peak_bytes
                row.difference = _difference(peers[row.library], peers[BASE])
    return rows


@contextlib.contextmanager
def _reason_in(row: Row) -> Iterator[None]:
    try:
        yield
    except PeerError as error:
        row.reason = str(error)


def _start(row: Row, plan: Plan) -> Peer:
    python = plan.apart.get(row.library)
    if python and not python.exists():
        raise PeerError("not installed")
    return Peer(row.library, row.case, python)


def _difference(peer: Peer, base: Peer) -> float | None:
    """Of the first calls: relative, L2, the largest of the results. None without Deepwave's."""
    if not base.result.exists():
        return None
    found, expected = np.load(peer.result), np.load(base.result)
    sizes = {name: np.linalg.norm(x) for name, x in expected.items()}
    assert all(sizes.values()), f"{peer.case.name}: Deepwave's result is zero"
    return max(float(np.linalg.norm(found[k] - expected[k]) / size) for k, size in sizes.items())
