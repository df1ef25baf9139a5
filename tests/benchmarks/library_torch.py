"""Deepwave and dualwave.torch: two functions that take the same keywords."""

from __future__ import annotations

import importlib

import memory
import numpy as np
import torch
from cases import DT, MAX_SPEED, PEAK_FREQUENCY, SPACING, Case, make_problem


class Run:
    """One library on one case; calling it does the work once and waits for it to end."""

    def __init__(self, library: str, case: Case):
        if case.device == "cuda" and not torch.cuda.is_available():
            raise RuntimeError("no CUDA device")
        if library == "deepwave" and case.gradient and case.device == "cpu":
            # Its history is one field a step. Asked for in vain, it would end a process.
            memory.require(4 * case.updates)
        self.scalar = importlib.import_module(library).scalar
        package = importlib.import_module(library.partition(".")[0])
        self.version = f"{package.__version__}, PyTorch {torch.__version__}"
        if case.nt > case.tiny().nt:
            Run(library, case.tiny())()
        self.gradient, self.device = case.gradient, case.device
        problem = make_problem(case)
        self.speed = torch.from_numpy(problem.speed).to(self.device)
        self.speed.requires_grad_(case.gradient)
        self.arguments = {
            "source_amplitudes": torch.from_numpy(problem.amplitudes).to(self.device),
            "source_locations": torch.from_numpy(problem.sources).to(self.device),
            "receiver_locations": torch.from_numpy(problem.receivers).to(self.device),
            "accuracy": case.accuracy,
            "pml_width": case.pml,
            "pml_freq": PEAK_FREQUENCY,
            "max_vel": MAX_SPEED,
            "backend": "compiled",  # never fall back to the interpreted one
        }

    def __call__(self) -> torch.Tensor:
        self.speed.grad = None
        records = self.scalar(self.speed, SPACING, DT, **self.arguments)[-1]
        if self.gradient:
            records.square().sum().backward()
        if self.device == "cuda":
            torch.cuda.synchronize()
        return self.speed.grad if self.gradient else records

    @staticmethod
    def to_numpy(result: torch.Tensor) -> np.ndarray:
        return result.detach().cpu().numpy()
