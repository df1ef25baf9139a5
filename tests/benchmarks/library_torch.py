"""Deepwave and dualwave.torch: functions that take the same keywords."""

from __future__ import annotations

import importlib

import memory
import numpy as np
import torch
from cases import DT, SPACING, Case, direction, keywords, make_problem, result_name


class Run:
    """One library on one case; calling it does the work once and waits for it to end."""

    def __init__(self, library: str, case: Case):
        if case.device == "cuda" and not torch.cuda.is_available():
            raise RuntimeError("no CUDA device")
        problem = make_problem(case)
        library, _, backend = library.partition(":")
        if library == "deepwave" and case.work == "gradient" and case.device == "cpu":
            # Its history is one to nine fields a step. Asked for in vain, it would end a process.
            memory.require(4 * case.updates * _HISTORY[case.equation][case.ndim - 1])
        self.function = getattr(importlib.import_module(library), case.equation)
        package = importlib.import_module(library.partition(".")[0])
        self.version = f"{package.__version__}, PyTorch {torch.__version__}"
        if case.nt > case.tiny().nt:
            Run(f"{library}:{backend}", case.tiny())()
        self.work, self.device, self.result = case.work, case.device, result_name(case)
        self.models = {k: self._tensor(x) for k, x in problem.models.items()}
        self.direction = {k: self._tensor(x) for k, x in direction(problem).items()}
        for model in self.models.values():
            model.requires_grad_(case.work == "gradient")
        # Without a name of it, a library might fall back to the interpreted one.
        given = keywords(case, problem) | {"backend": backend or "compiled"}
        if library != "deepwave":
            given |= case.own_keywords
        self.arguments = {
            k: self._tensor(x) if isinstance(x, np.ndarray) else x for k, x in given.items()
        }

    def _tensor(self, x: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(x).to(self.device)

    def __call__(self) -> list[torch.Tensor]:
        out = getattr(self, f"_{self.work}")()
        if self.device == "cuda":
            torch.cuda.synchronize()
        return out

    def _records(self, models: dict[str, torch.Tensor]) -> torch.Tensor:
        out = self.function(**models, grid_spacing=SPACING, dt=DT, **self.arguments)
        return getattr(out, self.result)

    def _misfit(self, models: dict[str, torch.Tensor]) -> torch.Tensor:
        return self._records(models).square().sum()

    def _forward(self) -> list[torch.Tensor]:
        return [self._records(self.models)]

    def _gradient(self) -> list[torch.Tensor]:
        for model in self.models.values():
            model.grad = None
        self._misfit(self.models).backward()
        return [model.grad for model in self.models.values()]

    def _jvp(self) -> list[torch.Tensor]:
        return [torch.func.jvp(self._records, (self.models,), (self.direction,))[1]]

    def _hvp(self) -> list[torch.Tensor]:
        slope = torch.func.grad(self._misfit)
        return [*torch.func.jvp(slope, (self.models,), (self.direction,))[1].values()]

    @staticmethod
    def to_numpy(result: list[torch.Tensor]) -> list[np.ndarray]:
        return [x.detach().cpu().numpy() for x in result]


_HISTORY = {"scalar": (1, 1, 1), "acoustic": (2, 3, 4), "elastic": (2, 5, 9)}
"""Fields that Deepwave stores at each step, in one to three dimensions."""
