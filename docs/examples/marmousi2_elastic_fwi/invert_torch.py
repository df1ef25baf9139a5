"""The inversion in PyTorch, with torch.optim."""

from __future__ import annotations

import torch
from problem import BEND, RECORDS, Problem, Result, Stage
from tqdm import tqdm

from dualwave.torch import elastic, vpvsrho_to_lambmubuoyancy

Records = list[torch.Tensor]  # of each kind, [shot, receiver, time]


class Survey:
    """The shots of one stage."""

    def __init__(self, problem: Problem, stage: Stage) -> None:
        self.grid = (problem.settings.spacing, problem.dt)
        self.wavelet = torch.from_numpy(problem.wavelet(stage))
        self.sources = torch.from_numpy(problem.sources)
        self.receivers = {k: torch.from_numpy(v) for k, v in problem.receivers.items()}
        self.options = problem.options(stage)

    def record(self, model: torch.Tensor, sources: torch.Tensor, signal: torch.Tensor) -> Records:
        """Of sources [shot, source, axis] with the amplitudes signal [shot, source, time]."""
        receivers = {
            f"receiver_locations_{k}": v.expand(len(sources), -1, -1)
            for k, v in self.receivers.items()
        }
        out = elastic(*vpvsrho_to_lambmubuoyancy(*model), *self.grid,
                      source_amplitudes_pressure_rate=signal,
                      source_locations_pressure_rate=sources,
                      **receivers, **self.options)  # fmt: skip
        return [getattr(out, f"receiver_amplitudes_{k}") for k in RECORDS]

    @torch.no_grad()
    def one_by_one(self, model: torch.Tensor) -> Records:
        """The records of every shot."""
        parts = []
        for sources in self.sources.split(4):
            signal = self.wavelet.expand(len(sources), 1, -1).contiguous()
            parts.append(self.record(model, sources, signal))
        return [torch.cat(kind) for kind in zip(*parts, strict=True)]

    def added_up(self, model: torch.Tensor, signs: torch.Tensor) -> Records:
        """The records of all shots at once, each with its sign."""
        signal = signs[:, None] * self.wavelet
        return self.record(model, self.sources.transpose(0, 1), signal[None])


def misfit(records: Records, observed: Records, energy: Records) -> Records:
    """By kind of record."""
    return [(r - o).square().sum() / e for r, o, e in zip(records, observed, energy, strict=True)]


def invert(problem: Problem) -> Result:
    """Fit the records of the true model, starting from the smooth one."""
    settings = problem.settings
    true, start, free, lower, upper, weight, smooth_z, smooth_x = (
        torch.from_numpy(getattr(problem, name))
        for name in ("true", "start", "free", "lower", "upper", "weight", "smooth_z", "smooth_x")
    )

    def model(x: torch.Tensor) -> torch.Tensor:
        raised = free + weight * (smooth_z @ x @ smooth_x.T) - lower
        bent = lower + BEND * torch.nn.functional.softplus(raised / BEND)
        return torch.where(weight > 0, torch.minimum(bent, upper), start)

    x = torch.zeros_like(start, requires_grad=True)
    misfits = []
    with tqdm(total=sum(s.iterations for s in settings.stages), desc="PyTorch") as bar:
        for stage in settings.stages:
            survey = Survey(problem, stage)
            observed = survey.one_by_one(true)
            energy = [kind.square().sum() for kind in observed]
            optimiser = torch.optim.Adam([x], lr=1.0, betas=settings.betas, eps=settings.eps)
            scale = None
            for signs in torch.from_numpy(problem.signs(stage)):
                target = [torch.tensordot(signs, kind, 1)[None] for kind in observed]
                optimiser.zero_grad()
                loss = sum(misfit(survey.added_up(model(x), signs), target, energy))
                loss.backward()
                if scale is None:
                    scale = 1.0 / x.grad.abs().amax((1, 2), keepdim=True)
                x.grad *= scale
                optimiser.step()
                misfits.append(loss.item())
                bar.set_postfix(misfit=f"{misfits[-1]:.4f}")
                bar.update()
    result = model(x).detach()
    first, last = (
        dict(zip(RECORDS, (m.item() for m in misfit(survey.one_by_one(end), observed, energy))))
        for end in (start, result)
    )
    return Result(result.numpy(), misfits, first, last)
