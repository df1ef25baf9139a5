"""Both images in PyTorch: migration is the transpose of Born modelling, that is, its gradient."""

from __future__ import annotations

import torch
from problem import LEAST_ILLUMINATION, Problem, Result
from tqdm import tqdm

from dualwave.torch import scalar, scalar_born


class Survey:
    """All shots: their records, and the linear map from a perturbation of the speed to records."""

    def __init__(self, problem: Problem) -> None:
        self.background = torch.from_numpy(problem.background)
        self.grid = (problem.settings.spacing, problem.dt)
        self.options = problem.options
        self.calls = [
            {name: torch.from_numpy(array) for name, array in call.items()}
            for call in problem.calls()
        ]

    @torch.no_grad()
    def record(self, speed: torch.Tensor) -> torch.Tensor:
        """[shot, receiver, time], everything that the speed does, direct waves too."""
        return torch.cat(
            [
                scalar(speed, *self.grid, **call, **self.options).receiver_amplitudes
                for call in self.calls
            ]
        )

    def _scattered(self, change: torch.Tensor, call: dict) -> torch.Tensor:
        out = scalar_born(self.background, *self.grid, dv=change, **call, **self.options)
        return out.sc_receiver_amplitudes

    @torch.no_grad()
    def model(self, change: torch.Tensor) -> torch.Tensor:
        """What is scattered once from a change of the background."""
        return torch.cat([self._scattered(change, call) for call in self.calls])

    def migrate(self, records: torch.Tensor) -> torch.Tensor:
        """The transpose of `model`."""
        change = torch.zeros_like(self.background, requires_grad=True)
        first = 0
        for call in self.calls:
            scattered = self._scattered(change, call)
            scattered.backward(records[first : first + len(scattered)])
            first += len(scattered)
        return change.grad


def migrate(problem: Problem) -> Result:
    """Reverse-time migration, then least squares by conjugate gradients (CGLS)."""
    survey = Survey(problem)
    true, below, dots, smooth_z, smooth_x = (
        torch.from_numpy(getattr(problem, name))
        for name in ("true", "below", "dots", "smooth_z", "smooth_x")
    )
    with tqdm(total=problem.settings.iterations + 2, desc="PyTorch") as bar:
        # Without what the background explains: the direct wave, and waves that turn below.
        residual = survey.record(true) - survey.record(survey.background)

        # Dots modelled and migrated again come back brighter where more waves pass.
        records = survey.model(dots)
        back = survey.migrate(records)
        asymmetry = (dots.double() * back).sum() / records.double().square().sum() - 1.0
        energy, given = (smooth_z @ image.square() @ smooth_x.T for image in (back, dots))
        illumination = (energy / given).sqrt()
        weight = below / (illumination / illumination.max() + LEAST_ILLUMINATION).sqrt()
        bar.update()

        gradient = weight * survey.migrate(residual)
        rtm = weight * gradient
        bar.update()

        x, direction = torch.zeros_like(gradient), gradient
        power = gradient.square().sum()
        misfits = [residual.square().sum()]
        for _ in range(problem.settings.iterations):
            records = survey.model(weight * direction)
            step = power / records.square().sum()
            x = x + step * direction
            residual = residual - step * records
            misfits.append(residual.square().sum())
            gradient = weight * survey.migrate(residual)
            last, power = power, gradient.square().sum()
            direction = gradient + power / last * direction
            bar.set_postfix(misfit=f"{misfits[-1] / misfits[0]:.4f}")
            bar.update()
    relative = [(m / misfits[0]).item() for m in misfits]
    return Result(rtm.numpy(), (weight * x).numpy(), relative, abs(asymmetry.item()))
