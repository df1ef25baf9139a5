"""What a call would do, without doing it: grid, time step, memory, and the choices made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import equations
from .call import bind, signature
from .costs import gradient_time
from .equations import Equation
from .form import Form
from .framework import NumpyFramework
from .memory import core, forward_bytes, gradient_bytes
from .setup import Setup, prepare
from .storage import STORAGE_MODES, repeated_steps
from .timestep import cells_per_wavelength


@dataclass(frozen=True)
class Plan:
    """What a call would do. ``print`` shows it as a table.

    Attributes:
        equation, backend, dtype: as the call resolves them; backend is "compiled" or "eager".
        accuracy: order of the spatial differences.
        shots, models: shots, and models among them (1: shared by all).
        sources, receivers: per shot.
        source_taps, receiver_taps: cells that one of them touches; 1 is not interpolated.
        grid: cells marched, PML included. region: those of the model. origin: its first cell.
        pml: widths (beginning, end) of each axis in turn.
        spacing: metres. dt, internal_dt: seconds. step_ratio: inner steps per dt. nt: samples.
        max_vel: m/s. pml_freq: Hz.
        cells_per_wavelength: at pml_freq in the slowest cell; None where speeds are unknown.
        memory: bytes by kind for a forward run.
        gradient_memory: bytes by kind that a gradient with respect to the models takes beside
            these, with a workspace in place of the forward's; empty where the compiled core is not
            there to say.
        gradient_storage: "checkpoint", "full" or "boundary", as resolved. storage_dtype,
            storage_mode: of a full history; storage_bytes: what it takes at a time of the disk, or
            of the host's memory for a GPU, beside ``gradient_memory``.
        checkpoint_interval: steps between the states that a gradient keeps; history_steps: those
            whose quantities it holds at a time; inner_states: that it keeps inside an interval.
        recomputation: forward steps that a gradient marches again, for each step of the run.
        gradient_time: expected time of the run with a gradient with respect to the models, in
            forward runs, counted from the grids that the marches move.
    """

    equation: str
    backend: str
    dtype: str
    accuracy: int
    shots: int
    models: int
    sources: int
    receivers: int
    source_taps: int
    receiver_taps: int
    grid: tuple[int, ...]
    region: tuple[int, ...]
    origin: tuple[int, ...]
    pml: tuple[int, ...]
    spacing: tuple[float, ...]
    dt: float
    internal_dt: float
    step_ratio: int
    nt: int
    max_vel: float
    pml_freq: float
    cells_per_wavelength: float | None
    memory: dict[str, int] = field(default_factory=dict)
    gradient_memory: dict[str, int] = field(default_factory=dict)
    gradient_storage: str | None = None
    storage_dtype: str | None = None
    storage_mode: str | None = None
    storage_bytes: int = 0
    checkpoint_interval: int | None = None
    history_steps: int | None = None
    inner_states: int | None = None
    recomputation: float | None = None
    gradient_time: float | None = None

    @property
    def total_memory(self) -> int:
        """Bytes of a forward run."""
        return sum(self.memory.values())

    @property
    def total_gradient_memory(self) -> int:
        """Bytes of a run with a gradient; that of the forward run where the rest is unknown."""
        return sum((self.memory | self.gradient_memory).values())

    def __str__(self) -> str:
        model = "one model for all" if self.models == 1 else "a model for each"
        cells = self.cells_per_wavelength
        rows = [
            ("equation", f"{self.equation}, order {self.accuracy}, {self.dtype}, {self.backend}"),
            ("shots", f"{self.shots}, {model}"),
            ("sources", f"{self.sources} per shot, {_taps(self.source_taps)}"),
            ("receivers", f"{self.receivers} per shot, {_taps(self.receiver_taps)}"),
            ("region", f"{_by(self.region)} cells of the model from {_list(self.origin)}"),
            ("grid", f"{_by(self.grid)} cells of {_by(self.spacing)} m, PML {_list(self.pml)}"),
            ("time", f"{self.nt} samples of {self.dt:.6g} s"),
            ("inner steps", f"{self.nt * self.step_ratio} of {self.internal_dt:.6g} s"),
            ("made for", f"{self.max_vel:.6g} m/s, {self.pml_freq:.6g} Hz"),
            ("resolution", "unknown" if cells is None else f"{cells:.3g} cells per wavelength"),
            *((f"memory: {kind}", _size(size)) for kind, size in self.memory.items()),
            ("memory", _size(self.total_memory)),
            *((f"gradient: {kind}", _size(size)) for kind, size in self.gradient_memory.items()),
        ]
        if self.gradient_memory:
            rows += [
                ("with a gradient", _size(self.total_gradient_memory)),
                ("gradient: storage", self._storage()),
                ("gradient: repeats", f"{self.recomputation:.3g} forward runs"),
                ("gradient: time", f"about {self.gradient_time:.2g} forward runs in all"),
            ]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)

    def _storage(self) -> str:
        held = f"history of {self.history_steps} steps"
        if self.gradient_storage == "full":
            places = {"cpu": "in the host's memory", "disk": "on disk"}
            place = places.get(self.storage_mode or "")
            elsewhere = f", {_size(self.storage_bytes)} {place}" if place else ""
            return f"full, {held} in {self.storage_dtype}{elsewhere}"
        if self.gradient_storage == "boundary":
            return f"boundary, {held} where the PML reaches"
        states = f"every {self.checkpoint_interval} steps, {self.inner_states} more inside"
        return f"checkpoint, states {states}; {held}"


def plan(propagator: str | Equation | Callable[..., Any], *args: Any, **keywords: Any) -> Plan:
    """Check the arguments of a call and say what it would do, without running it.

    Args:
        propagator: a propagator such as ``dualwave.torch.scalar``; or the name of an equation,
            "scalar" or "scalar_born", with NumPy arrays for the rest.
        args, keywords: as for the propagator itself; ValueError and TypeError as it raises them.

    Returns:
        The grid, the time step, the memory in bytes and the choices made. Nothing of the size of
        the grid is allocated.
    """
    form = getattr(propagator, "form", propagator)
    if isinstance(form, str):
        name = form.removesuffix("_born")
        form = Form(equations.get(name), scattered=name != form)
    if isinstance(form, Equation):
        form = Form(form)
    if not isinstance(form, Form):
        raise TypeError(
            f"propagator: got {propagator!r}. Accepted: a propagator of dualwave.torch or "
            f"dualwave.jax, or one of {', '.join(equations.names())}."
        )
    framework = getattr(propagator, "framework", None) or NumpyFramework()
    signed = getattr(propagator, "__signature__", None) or signature(form)[0]
    return summarise(prepare(framework, form, bind(form, signed, args, keywords)))


def summarise(setup: Setup) -> Plan:
    """The plan of a checked call."""
    d = setup.description
    slowest, inputs = setup.slowest, setup.inputs
    waves = slowest and cells_per_wavelength(slowest, setup.pml_freq, setup.spacing)
    gradient = gradient_bytes(d, setup.backend, setup.footing)
    storage: dict[str, Any] = {}
    if gradient:
        names = ("checkpoint_interval", "history_steps", "inner_states")
        storage = dict(zip(names, core().storage(d), strict=True))
        kept = "boundary" if d.boundary else "full" if d.full_history else "checkpoint"
        storage["gradient_storage"] = kept
        if kept == "full":
            storage["storage_dtype"] = d.packing or d.dtype
            storage["storage_mode"] = d.place if d.place in STORAGE_MODES else "device"
            storage["storage_bytes"] = core().stored_bytes(d, setup.device)
        # A Born form leaves no history: what is differentiated of it marches again.
        born = setup.form.scattered and d.full_history
        repeated = d.nt if born else repeated_steps(d)
        storage["recomputation"] = repeated / max(d.nt, 1)
        storage["gradient_time"] = gradient_time(d, repeated)
    return Plan(
        equation=d.equation,
        backend=setup.backend,
        dtype=d.dtype,
        accuracy=d.accuracy,
        shots=d.shots,
        models=d.gradients,
        sources=d.sources,
        receivers=d.receivers,
        source_taps=d.source_taps,
        receiver_taps=d.receiver_taps,
        grid=d.n,
        region=setup.region.shape,
        origin=setup.region.origin,
        pml=d.pml,
        spacing=d.spacing,
        dt=setup.dt,
        internal_dt=setup.internal_dt,
        step_ratio=setup.step_ratio,
        nt=inputs.nt,
        max_vel=setup.max_vel,
        pml_freq=setup.pml_freq,
        cells_per_wavelength=waves,
        memory=forward_bytes(d, setup.backend, setup.footing),
        gradient_memory=gradient,
        **storage,
    )


def _taps(count: int) -> str:
    return "on cells" if count == 1 else f"interpolated over {count} cells"


def _by(numbers: tuple[float, ...]) -> str:
    return " x ".join(f"{number:g}" for number in numbers)


def _list(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


def _size(size: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:.4g} {unit}"
