"""Deepwave and dualwave.torch: functions that take the same keywords."""

from __future__ import annotations

import importlib

import memory
import numpy as np
import torch
from cases import DT, SPACING, Case, keywords, make_problem, result_name


class Run:
    """One library on one case; calling it does the work once and waits for it to end."""

    def __init__(self, library: str, case: Case):
        if case.device == "cuda" and not torch.cuda.is_available():
            raise RuntimeError("no CUDA device")
        problem = make_problem(case)
        if library == "deepwave" and case.gradient and case.device == "cpu":
            # Its history is one to nine fields a step. Asked for in vain, it would end a process.
            memory.require(4 * case.updates * _HISTORY[case.equation][case.ndim - 1])
        self.function = getattr(importlib.import_module(library), case.equation)
        package = importlib.import_module(library.partition(".")[0])
        self.version = f"{package.__version__}, PyTorch {torch.__version__}"
        if case.nt > case.tiny().nt:
            Run(library, case.tiny())()
        self.gradient, self.device, self.result = case.gradient, case.device, result_name(case)
        self.models = {k: self._tensor(x) for k, x in problem.models.items()}
        for model in self.models.values():
            model.requires_grad_(case.gradient)
        given = keywords(case, problem)
        self.arguments = {
            k: self._tensor(x) if isinstance(x, np.ndarray) else x for k, x in given.items()
        }

    def _tensor(self, x: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(x).to(self.device)

    def __call__(self) -> list[torch.Tensor]:
        for model in self.models.values():
            model.grad = None
        out = self.function(**self.models, grid_spacing=SPACING, dt=DT, **self.arguments)
        records = getattr(out, self.result)
        if self.gradient:
            records.square().sum().backward()
        if self.device == "cuda":
            torch.cuda.synchronize()
        return [model.grad for model in self.models.values()] if self.gradient else [records]

    @staticmethod
    def to_numpy(result: list[torch.Tensor]) -> list[np.ndarray]:
        return [x.detach().cpu().numpy() for x in result]


_HISTORY = {"scalar": (1, 1, 1), "acoustic": (2, 3, 4), "elastic": (2, 5, 9)}
"""Fields that Deepwave stores at each step, in one to three dimensions."""
