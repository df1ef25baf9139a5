"""The expected time of a gradient, counted by hand."""

from dataclasses import replace

import pytest

from dualwave.costs import gradient_time
from dualwave.layout import Description

RUN = Description("scalar", 2, 4, (90, 80), (5.0, 5.0), (8,) * 4, nt=700, shots=2)


def test_scalar_by_hand():
    # Forwards: u, u_prev twice (read, written), the coefficient. Kept: one quantity. Back: from a
    # cotangent and the coefficient a product; from it both fields, each read and written; and the
    # history, and the gradient read and written.
    forward, history, back = 4, 1, 3 + 5 + 3
    repeated = 1 + 1 + (history + back) / forward
    assert gradient_time(RUN, RUN.nt) == pytest.approx(repeated)
    assert gradient_time(replace(RUN, full_history=True), 0) == pytest.approx(repeated - 1)
    every_fifth = 1 + 1 + (history / 5 + 3 + 5 + 3 / 5) / forward
    assert gradient_time(replace(RUN, sampling=5), RUN.nt) == pytest.approx(every_fifth)


def test_acoustic_by_hand():
    motion, compression = 1 + 2 * 2 + 2, 2 + 2 + 1
    history = 2 + 1
    products, differences, gradients = 6 + 3, (2 + 6) + (1 + 6), 6 + 3
    back = products + differences + gradients
    wanted = 1 + 3 + (history + back) / (motion + compression)
    assert gradient_time(replace(RUN, equation="acoustic"), 3 * RUN.nt) == pytest.approx(wanted)
