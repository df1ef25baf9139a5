"""The inversion in PyTorch, with torch.nn and torch.optim."""

from __future__ import annotations

import torch
from problem import BEND, FASTEST, SLOWEST, Layers, Problem, Result
from torch.nn.functional import softplus
from tqdm import tqdm

import dualwave.torch


class Network(torch.nn.Module):
    """Linear layers that begin with the given weights, and sines between them."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(*weight.T.shape) for weight, _ in layers)
        for layer, (weight, bias) in zip(self.layers, layers, strict=True):
            layer.load_state_dict(
                {"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)}
            )

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        *hidden, last = self.layers
        for layer in hidden:
            values = torch.sin(layer(values))
        return last(values)


def bend(speed: torch.Tensor) -> torch.Tensor:
    """``speed`` within its range, without a corner at the ends."""
    low, high = (BEND * softplus((speed - end) / BEND) for end in (SLOWEST, FASTEST))
    return SLOWEST + low - high


def invert(problem: Problem) -> Result:
    """Fit the records of the true model with a network, from the smooth model on."""
    survey, settings = problem.survey, problem.settings
    true, start = torch.from_numpy(survey.true), torch.from_numpy(survey.start)
    features, scale = torch.from_numpy(problem.features), torch.from_numpy(problem.scale)
    shots = {name: torch.from_numpy(array) for name, array in survey.shots.items()}
    network = Network(problem.layers)

    def record(speed: torch.Tensor) -> torch.Tensor:
        out = dualwave.torch.scalar(speed, settings.spacing, survey.dt, **shots, **survey.options)
        return out.receiver_amplitudes

    def speed() -> torch.Tensor:
        return bend(start + scale * network(features)[..., 0])

    with torch.no_grad():
        observed = record(true)
        energy = observed.square().sum()

    def misfit() -> torch.Tensor:
        return (record(speed()) - observed).square().sum() / energy

    optimiser = torch.optim.Adam(
        network.parameters(), lr=settings.step, betas=settings.betas, eps=settings.eps
    )
    misfits = []
    with tqdm(total=settings.iterations, desc="PyTorch", unit="iteration") as bar:
        for _ in range(settings.iterations):
            optimiser.zero_grad()
            loss = misfit()
            loss.backward()
            optimiser.step()
            misfits.append(loss.item())
            bar.set_postfix(misfit=f"{misfits[-1]:.4f}")
            bar.update()
    with torch.no_grad():
        misfits.append(misfit().item())
        return Result(speed().numpy(), misfits)
