"""From the arguments of a call to everything that is decided before the grid is made.

:func:`prepare` checks a call as a whole and returns a :class:`Setup`: sizes, time step, PML and
region as plain numbers, and the checked arrays. ``plan()`` stops here; ``propagator.py`` goes on.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from . import checks, faces, gradient_region, resampling
from .actions import check_nodes, tap_count
from .call import Call, Options
from .choices import Numbers, choose, is_staggered, warn_wavelength
from .coefficients import arithmetic
from .equations import Equation
from .equations.table import Channels
from .form import Form
from .framework import Framework
from .gradient_region import Cells
from .inputs import Frame, Inputs, check_memory, collect
from .layout import Description
from .memory import Footing
from .options import backend, check_options, folder, origin, packing
from .output import Settings, check_settings
from .points import Taps, check_distinct, taps
from .storage import FULL, balanced, check_reversible, parse_limit, within
from .survey import Region, region_around, region_of_field
from .timestep import courant_target, critical_courant_number, inner_steps, warn_steps

_MOST_NODES = 2**31 - 1
"""Nodes of all fields together: they are numbered by int32."""


@dataclass(frozen=True)
class Setup:
    """A checked call.

    backend: "compiled" or "eager". spacing, dt, internal_dt: metres and seconds. step_ratio: inner
    steps in dt. device: whether arrays are known to be on a GPU. slowest: smallest speed above
    zero, None where unknown. max_vel, pml_freq: as used.
    sources, receivers: model cells and weights of each channel that has any. gradient_cells: cells
    of the model that gradients are wanted in, None for all.
    """

    framework: Framework
    form: Form
    options: Options
    backend: str
    device: bool
    inputs: Inputs
    spacing: tuple[float, ...]
    dt: float
    internal_dt: float
    step_ratio: int
    slowest: float | None
    max_vel: float
    pml_freq: float
    region: Region
    faces: tuple[str, ...]
    sources: tuple[Taps, ...]
    receivers: tuple[Taps, ...]
    gradient_cells: Cells | None = None

    @property
    def equation(self) -> Equation:
        """The equation of the call."""
        return self.form.equation

    @property
    def steps(self) -> int:
        """Inner time steps of the run."""
        return self.inputs.nt * self.step_ratio

    @functools.cached_property
    def description(self) -> Description:
        """The static facts of the run."""
        inputs, region = self.inputs, self.region
        sampled = self.options.model_gradient_sampling_interval
        dtype = self.framework.dtype_name(inputs.like)
        described = Description(
            equation=self.equation.name,
            ndim=inputs.ndim,
            accuracy=self.options.accuracy,
            n=region.n,
            spacing=self.spacing,
            pml=region.pml,
            nt=self.steps,
            shots=inputs.shots,
            sources=_count(self.sources),
            receivers=_count(self.receivers),
            source_taps=self._taps(self.sources, self.equation.sources),
            receiver_taps=self._taps(self.receivers, self.equation.receivers),
            gradients=max(
                model.shape[0]
                for models in (inputs.models, inputs.perturbations)
                for model in models.values()
            ),
            dtype=dtype,
            faces=self.faces,
            sampling=self.step_ratio * sampled if sampled > 1 else 1,
            full_history=self.options.gradient_storage in FULL,
            packing=packing(self.options, dtype),
            place=self._place(),
            folder=folder(self.options),
            window=gradient_region.window(self.gradient_cells, region),
            boundary=self.options.gradient_storage == "boundary",
        )
        limit = parse_limit(self.options.memory_limit)
        return (
            self._balanced(described) if limit is None else within(described, limit, self.footing)
        )

    def part(self, steps: int) -> Description:
        """The same of a part of the run, which keeps states of its own; without a limit."""
        return self._balanced(replace(self.description, nt=steps, checkpoint_interval=0))

    def _balanced(self, description: Description) -> Description:
        # Not the whole footing, which takes longer: the rest is the same for all intervals.
        return balanced(description, Footing(device=self.device, levels=1 + self.form.scattered))

    @functools.cached_property
    def footing(self) -> Footing:
        """What its memory depends on beside the description."""
        levels = 1 + self.form.scattered
        fw, saved, most = self.framework, 0.0, 0.0
        if fw.can_tell_held():
            is_cut = self.gradient_cells is not None
            saved, most = arithmetic(fw, self.equation, self.faces, is_cut)
        # Under a limit what is saved for a first derivative is done again in its place.
        limited = self.options.memory_limit is not None
        saved *= levels > 1 or not (limited and fw.recomputes())
        starts = bool(self.inputs.fields or self.inputs.memory)
        given = (self.inputs.models, self.inputs.perturbations)
        values = sum(math.prod(x.shape) for models in given for x in models.values())
        return Footing(
            device=self.device,
            levels=levels,
            starts=starts,
            saved=levels * saved,
            arithmetic=levels * most,
            values=values,
            resampled=self._resampled(levels),
            reused=fw.reuses_memory(),
        )

    def _resampled(self, levels: int) -> int:
        """Samples that the framework holds at most to resample the amplitudes, or the records."""
        fw = self.framework
        if self.step_ratio == 1 or not fw.can_tell_held():
            return 0
        up, down = resampling.held(fw, self.step_ratio, *self.options.tapers)
        signals = max(up * _count(self.sources), levels * down * _count(self.receivers))
        return math.ceil(self.inputs.shots * self.steps * signals)

    def _place(self) -> str:
        """Where a history is, one of ``layout.PLACES``."""
        mode = self.options.storage_mode
        if mode == "disk" or (mode == "cpu" and self.device):
            return mode
        full = self.options.gradient_storage == "full"
        again = full and not self.device and not self.framework.reuses_memory()
        return "workspace" if again else ""

    def _taps(self, entries: Sequence[Taps], channels: Callable[[int], Channels]) -> int:
        """Nodes of the points that have the most."""
        ndim, accuracy = self.inputs.ndim, self.options.accuracy
        counts = (
            tap_count(entry, channels(ndim)[entry.points.channel], accuracy, ndim)
            for entry in entries
        )
        return max(counts, default=1)

    def of(self, inputs: Frame, slowest: float | None) -> Setup:
        """The same decisions for other values, or to be kept without any."""
        other = object.__new__(Setup)
        # With what has been said of the description; copy.copy takes long.
        vars(other).update(vars(self), inputs=inputs, slowest=slowest)
        return other

    def warn(self) -> None:
        """Warn where the grid or the time step may not be what was meant."""
        warn_steps(self.dt, self.step_ratio)
        warn_wavelength(self.slowest, self.pml_freq, self.spacing)

    @functools.cached_property
    def settings(self) -> Settings:
        """What a run that continues this one must agree with."""
        return Settings(
            equation=self.form.name,
            accuracy=self.options.accuracy,
            n=self.region.n,
            pml=self.region.pml,
            faces=self.faces,
            spacing=self.spacing,
            internal_dt=self.internal_dt,
            origin=self.region.origin,
            pml_freq=self.pml_freq,
            max_vel=self.max_vel,
        )


def _count(entries: Sequence[Taps]) -> int:
    """Points of all channels, per shot."""
    return sum(entry.points.count for entry in entries)


def prepare(fw: Framework, form: Form, call: Call) -> Setup:
    """Check a call and decide everything that does not need arrays of the size of the grid."""
    inputs = examine(fw, form, call)
    setup = decide(fw, form, call, inputs, choose(fw, form.equation, inputs, call))
    setup.warn()
    return setup


def examine(fw: Framework, form: Form, call: Call) -> Inputs:
    """Check the keywords and the arrays of a call."""
    check_options(call.options)
    backend(call.options)
    return collect(fw, form, call)


def decide(fw: Framework, form: Form, call: Call, inputs: Inputs, numbers: Numbers) -> Setup:
    """The decisions of a call; of its values they see what the numbers say."""
    equation, options, ndim = form.equation, call.options, inputs.ndim
    before, speeds = inputs.memory.settings, numbers.speeds
    if options.gradient_storage == "boundary":
        check_reversible(equation, ndim)
    spacing = checks.per_axis("grid_spacing", call.grid_spacing, ndim, "metres")
    dt = checks.nonzero("dt", call.dt, "in seconds")
    staggered = is_staggered(equation, ndim)
    # What the default leaves below the limit of stability is there for jumps of the models.
    courant = min(
        courant_target(options.courant_number, options.accuracy, staggered),
        critical_courant_number(options.accuracy, staggered) * (speeds.largest / speeds.on_grid),
    )
    internal_dt, step_ratio = inner_steps(spacing, dt, speeds.largest, courant)
    sources = tuple(taps(points, inputs.space, options) for points in inputs.sources)
    receivers = tuple(taps(points, inputs.space, options) for points in inputs.receivers)
    for entry in sources:
        check_distinct(entry)
    at = faces.parse(options.boundary, equation, ndim)
    setup = Setup(
        framework=fw,
        form=form,
        options=options,
        backend=backend(options),
        device=fw.on_device(inputs.like),
        inputs=inputs,
        spacing=spacing,
        dt=dt,
        internal_dt=internal_dt,
        step_ratio=step_ratio,
        slowest=speeds.slowest,
        max_vel=speeds.largest,
        pml_freq=numbers.pml_freq,
        region=_region(inputs, options, (*sources, *receivers), at),
        faces=at,
        sources=sources,
        receivers=receivers,
        gradient_cells=gradient_region.parse(options.grad_region, inputs.space),
    )
    for kind, channels in ((sources, equation.sources), (receivers, equation.receivers)):
        for entry in kind:
            check_nodes(setup, entry, channels(ndim)[entry.points.channel])
    check_settings(before, setup.settings)
    faces.check_size(setup.region.n, setup.region.pml, at, options.accuracy)
    _check_state(setup)
    return setup


def _region(
    inputs: Inputs, options: Options, points: Sequence[Taps], at: tuple[str, ...]
) -> Region:
    """Which part of the model is marched."""
    ndim, space, before = inputs.ndim, inputs.space, inputs.memory.settings
    pml = faces.widths(options.pml_width, at, ndim)
    pad = checks.per_face_or_none("survey_pad", options.survey_pad, ndim)
    # A free or rigid face is where the model ends.
    pad = tuple(p if face == "pml" else None for p, face in zip(pad, at, strict=True))
    start, known = origin(options.origin, ndim), [entry.known for entry in points]
    if start is not None and options.survey_pad is not None:
        checks.fail("origin", "is given together with survey_pad", "one of the two")
    if start is not None and not inputs.fields and before is None:
        checks.fail("origin", "is given without initial wavefields", "None, or a survey_pad")
    shapes = [tuple(field.shape[1:]) for field in inputs.fields.values()]
    if options.survey_pad is not None or not (shapes or before):
        return region_around(space, pml, known, pad)
    if before is None or pml != before.pml or any(shape != before.n for shape in shapes):
        shape = (*shapes, *([before.n] if before else []))[0]
        return region_of_field(space, pml, shape, start, known)
    shape = tuple(cells - pml[2 * i] - pml[2 * i + 1] for i, cells in enumerate(before.n))
    region = Region(before.origin if start is None else start, shape, pml)
    held = region.within(space) and all(k is None or region.contains(k).all() for k in known)
    if not held:
        checks.fail(
            "initial_state",
            f"belongs to {list(shape)} cells of the model from {list(region.origin)} on, which "
            "do not hold all sources and receivers of this call",
            "sources and receivers in that region",
        )
    return region


def _check_state(setup: Setup) -> None:
    """Raise where the grid has too many nodes, or initial fields or memory do not fit it."""
    region, inputs = setup.region, setup.inputs
    fields = setup.equation.fields(inputs.ndim)
    if len(fields) * math.prod(region.n) > _MOST_NODES:
        checks.fail(
            "pml_width",
            f"with the region it makes a grid of {list(region.n)} cells",
            f"{_MOST_NODES // len(fields)} cells or fewer",
            "Cut the model, with survey_pad for instance.",
        )
    for name, field in inputs.fields.items():
        if tuple(field.shape[1:]) not in (region.n, region.shape):
            checks.fail(
                name,
                f"has shape {list(field.shape)}",
                f"[{inputs.shots}, *{list(region.n)}], the region and its PML, as a call returns "
                f"it, or [{inputs.shots}, *{list(region.shape)}], the region, continued by zeros",
            )
    check_memory(setup.form, inputs, region.n, region.pml)
