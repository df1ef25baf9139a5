"""Runs with a line source in two half-spaces in contact, and what they should give."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from helpers import zoeppritz
from helpers.experiments import Source, delay, lead, run, shift
from helpers.fourier import Clock, misfit, ricker
from helpers.full_space import Fluid
from helpers.halfspaces import Contact, Line, Receiver, traces

FREQUENCY, WAVELENGTH = 20.0, 100.0
VACUUM = 4  # rows


@dataclass(frozen=True)
class Experiment:
    """A line source near a contact that lies halfway between two rows of cells.

    Lengths are in wavelengths of 100 m; a depth is that of a cell, the row in which it lies, so 0
    is the first row below the contact.

    Args:
        equation: "acoustic" or "elastic".
        source: "explosion", "y" or "x", and the depth.
        receivers: channel, depth and distance of each.
        cells: to the wavelength.
        periods: of the record.
        room: wavelengths of model beyond source and receivers, before the PML.
    """

    equation: str
    contact: Contact
    source: tuple[str, float]
    receivers: tuple[tuple[str, float, float], ...]
    order: int = 2
    cells: int = 40
    periods: float = 5.0
    courant: float = 0.5
    room: float = 0.5
    pml: int = 20

    @property
    def spacing(self) -> float:
        return WAVELENGTH / self.cells

    @property
    def dt(self) -> float:
        return self.courant * self.spacing / self.contact.fastest() / math.sqrt(2)

    @property
    def nt(self) -> int:
        return round(self.periods / FREQUENCY / self.dt)

    @property
    def first(self) -> int:
        """Row below the contact."""
        if self.contact.upper is None:
            return VACUUM
        return self._cell(self.room - min(z for _, z in self._depths()))

    @property
    def shape(self) -> tuple[int, int]:
        deepest = max(0.0, *(z for _, z in self._depths()))
        widest = max(x for _, _, x in self.receivers)
        return self.first + self._cell(self.room + deepest), self._cell(2 * self.room + widest)

    @property
    def channel(self) -> str:
        """Of the source."""
        kind, depth = self.source
        if kind != "explosion":
            return kind
        if self.equation == "acoustic":
            return "volume_rate"
        return "pressure_rate" if isinstance(self.contact.at(depth), Fluid) else "moment"

    def at(self, depth: float, x: float = 0.0) -> tuple[int, int]:
        """Cell of a depth and a distance."""
        return self.first + math.floor(depth * self.cells), self._cell(self.room + x)

    def place(self, channel: str, depth: float, x: float = 0.0) -> np.ndarray:
        """Metres below the contact and from the source's cell, of what a channel has there."""
        origin = np.array([self.first - 0.5, self._cell(self.room)])
        return (np.array(self.at(depth, x)) + shift(channel, 2) - origin) * self.spacing

    def _cell(self, length: float) -> int:
        return math.ceil(length * self.cells - 1e-9)

    def _depths(self) -> list[tuple[str, float]]:
        return [self.source, *((channel, depth) for channel, depth, _ in self.receivers)]


def grid(contact: Contact, equation: str, shape: tuple[int, ...], first: int) -> dict:
    """The models: the first rows are the upper medium, zeros where it is a vacuum."""

    def model(value):
        rows = [0.0 if medium is None else value(medium) for medium in contact]
        values = np.full(shape, rows[1])
        values[:first] = rows[0]
        return values

    if equation == "acoustic":
        return {"v": model(lambda m: m.v), "rho": model(lambda m: m.rho)}

    def mu(m):
        return m.rho * zoeppritz.speeds(m).get("S", 0.0) ** 2

    return {
        "lamb": model(lambda m: m.rho * zoeppritz.speeds(m)["P"] ** 2 - 2 * mu(m)),
        "mu": model(mu),
        "buoyancy": model(lambda m: 1 / m.rho),
    }


@functools.cache
def found(e: Experiment, late: float = 0.0, moved: tuple[int, int] = (0, 0)) -> np.ndarray:
    """Traces [receiver, nt] of the run. late: of the source, in steps; moved: in cells."""
    depth = e.source[1]
    amplitude = 1 / e.spacing**2
    if e.channel == "pressure_rate":
        amplitude *= e.contact.at(depth).rho * e.contact.at(depth).v ** 2
    signal = amplitude * ricker((np.arange(e.nt) - late) * e.dt, FREQUENCY)
    cell = np.array(e.at(depth)) + moved
    tensor = np.eye(2) if e.channel == "moment" else None
    channels = list(dict.fromkeys(channel for channel, _, _ in e.receivers))
    traced = run(
        e.equation,
        grid(e.contact, e.equation, e.shape, e.first),
        [Source(e.channel, cell, signal, tensor)],
        {c: [e.at(*place) for channel, *place in e.receivers if channel == c] for c in channels},
        grid_spacing=e.spacing,
        dt=e.dt,
        accuracy=e.order,
        pml_width=[0 if e.contact.upper is None else e.pml, e.pml, e.pml, e.pml],
        pml_freq=FREQUENCY,
        courant_number=e.courant * (1 + 1e-9),
    )
    # Steps are the samples': resampling would ring, at the beginning too.
    assert all((x[:, 0] == 0).all() for x in traced.values())
    rows = {c: iter(x) for c, x in traced.items()}
    return np.stack([next(rows[channel]) for channel, _, _ in e.receivers])


@functools.cache
def expected(e: Experiment) -> np.ndarray:
    """The same from plane waves."""
    clock = Clock(e.nt, e.dt)
    signal = ricker(np.arange(e.nt) * e.dt, FREQUENCY)
    kind, depth = e.source
    z, x = e.place(e.channel, depth)
    receivers = []
    for channel, *there in e.receivers:
        below, along = e.place(channel, *there)
        receivers.append(Receiver(channel, lead(channel), below, along - x))
    line = Line({"y": "z"}.get(kind, kind), z)
    return traces(e.contact, line, clock, clock.spectrum(signal, delay(e.channel)), receivers)


def errors(e: Experiment, **fault) -> dict[str, float]:
    """Relative, in the L2 norm over the receivers of each channel."""
    traced, oracle = found(e, **fault), expected(e)
    own = {c: [r[0] == c for r in e.receivers] for c in dict.fromkeys(r[0] for r in e.receivers)}
    return {channel: misfit(traced[rows], oracle[rows]) for channel, rows in own.items()}
