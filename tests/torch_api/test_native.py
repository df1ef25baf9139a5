"""The operator through which PyTorch calls the core."""

import torch

from dualwave import native, release_memory
from dualwave.torch import scalar
from dualwave.torch.native import decoded, encoded
from helpers.small import small_run


def test_a_description_comes_back():
    description = small_run().description
    assert decoded(encoded(description)) == description


def test_programs_kept_on_disk_are_of_one_layout(monkeypatch):
    """What PyTorch compiled for another build must not be taken for this one's."""
    description = small_run().description
    before = encoded.__wrapped__(description)
    monkeypatch.setattr(native, "residual_shape", lambda _: (2, 3, 4))
    assert encoded.__wrapped__(description) != before


def test_memory_of_a_residual_is_used_again(monkeypatch):
    """By the next gradient, but not while a graph still has it."""
    taken = []
    monkeypatch.setattr(native, "lend", lambda size, lend=native.lend: note(taken, lend(size)))
    v = torch.full((150, 160), 2000.0).requires_grad_()
    where = torch.tensor([[[70, 80]]])

    def misfit():
        out = scalar(
            v,
            5.0,
            1e-3,
            source_amplitudes=torch.ones(1, 1, 60),
            source_locations=where,
            receiver_locations=where + 3,
            pml_freq=25.0,
        )
        return out.receiver_amplitudes.square().sum()

    def gradient(of):
        return torch.autograd.grad(of, v)[0]

    release_memory()
    first = gradient(misfit())
    assert torch.equal(gradient(misfit()), first)
    one, other = misfit(), misfit()
    assert torch.equal(gradient(one), first)
    assert torch.equal(gradient(other), first)
    assert first.abs().max() > 0
    assert len(taken) == 4
    assert taken[0] == taken[1] != taken[3]
    assert taken[2] != taken[3]
    assert native.kept_memory() > 0
    release_memory()
    assert native.kept_memory() == 0


def note(taken, array):
    taken.append(array.__array_interface__["data"][0])
    return array
