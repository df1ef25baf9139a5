"""One of several processes that share the shots: torchrun's part, without torchrun.

python -P distributed_program.py RANK WORLD FILE OUT: meets the others in FILE, and rank 0 saves the
gradient that DistributedDataParallel leaves, and that of one process with all shots, as OUT.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
import torch.distributed as dist

import dualwave
from dualwave.torch import Scalar

SHOTS = 4


class Survey(torch.nn.Module):
    """The misfit of some shots, with the speed as its parameter."""

    def __init__(self) -> None:
        super().__init__()
        rough = np.random.default_rng(0).uniform(1900, 2100, (20, 30))
        self.propagator = Scalar(torch.tensor(rough), 5.0, v_requires_grad=True)

    def forward(self, sources: torch.Tensor) -> torch.Tensor:
        wave = torch.tensor(dualwave.wavelets.ricker(25.0, 80, 0.001, dtype="float64"))
        receivers = torch.tensor([[[2, 5], [2, 25]]]).repeat(len(sources), 1, 1)
        out = self.propagator(
            0.001,
            source_amplitudes=wave.reshape(1, 1, -1).repeat(len(sources), 1, 1),
            source_locations=sources,
            receiver_locations=receivers,
            pml_freq=25.0,
            pml_width=6,
        )
        return out.receiver_amplitudes.square().sum()


def gradient(module: torch.nn.Module, survey: Survey, sources: torch.Tensor) -> np.ndarray:
    survey.zero_grad()
    module(sources).backward()
    return survey.propagator.v.grad.numpy().copy()


def main(rank: int, world: int, meeting: str, out: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=world)
    sources = torch.tensor([[[10, 4 + 6 * shot]] for shot in range(SHOTS)])
    survey = Survey()
    parallel = torch.nn.parallel.DistributedDataParallel(survey)
    found = gradient(parallel, survey, sources[rank::world])
    if rank == 0:
        # The processes' gradients come back as their mean.
        np.savez(out, shared=world * found, alone=gradient(survey, survey, sources))
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
