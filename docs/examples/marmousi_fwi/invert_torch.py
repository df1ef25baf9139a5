"""The inversion in PyTorch, with torch.optim."""

from __future__ import annotations

import torch
from problem import MAX_SPEED, MIN_SPEED, Problem, Result
from tqdm import tqdm

import dualwave.torch


def invert(problem: Problem) -> Result:
    """Fit the records of the true model, starting from the smooth one."""
    settings = problem.settings
    true, start, weight, smooth_z, smooth_x = (
        torch.from_numpy(getattr(problem, name))
        for name in ("true", "start", "weight", "smooth_z", "smooth_x")
    )
    shots = {name: torch.from_numpy(array) for name, array in problem.shots.items()}

    def record(speed: torch.Tensor) -> torch.Tensor:
        out = dualwave.torch.scalar(speed, settings.spacing, problem.dt, **shots, **problem.options)
        return out[-1]

    def speed(x: torch.Tensor) -> torch.Tensor:
        return (start + weight * (smooth_z @ x @ smooth_x.T)).clamp(MIN_SPEED, MAX_SPEED)

    with torch.no_grad():
        observed = record(true)
        energy = observed.square().sum()

    def misfit(x: torch.Tensor) -> torch.Tensor:
        return (record(speed(x)) - observed).square().sum() / energy

    x = torch.zeros_like(start, requires_grad=True)
    optimiser = torch.optim.Adam([x], lr=settings.step, betas=settings.betas, eps=settings.eps)
    scale = None
    misfits = []
    with tqdm(total=settings.iterations, desc="PyTorch", unit="iteration") as bar:
        for _ in range(settings.iterations):
            optimiser.zero_grad()
            loss = misfit(x)
            loss.backward()
            if scale is None:
                scale = 1.0 / x.grad.abs().max()
            x.grad *= scale
            optimiser.step()
            misfits.append(loss.item())
            bar.set_postfix(misfit=f"{misfits[-1]:.4f}")
            bar.update()
    with torch.no_grad():
        misfits.append(misfit(x).item())
        return Result(speed(x).numpy(), misfits)
