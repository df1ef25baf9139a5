"""Waves of a line source in two half-spaces in contact, from plane waves.

The field of a line source is a sum of plane and evanescent waves (Lamb 1904; Ewing, Jardetzky &
Press 1957, chapter 2), each of which the contact reflects and transmits by itself. As in the
discrete wavenumber method (Bouchon & Aki 1977) the integral over horizontal wavenumbers is a sum,
that of a row of sources so far apart that the neighbours are not heard within the record, and
frequencies have an imaginary part, off the poles of Rayleigh and Scholte waves.

Positions are (z, x) in metres, z down, the contact at z = 0.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from helpers import full_space, zoeppritz
from helpers.fourier import Clock
from helpers.full_space import ElasticSource, Fluid, Solid


class Contact(NamedTuple):
    """What is above and below; None is a vacuum."""

    upper: zoeppritz.Medium
    lower: zoeppritz.Medium

    def at(self, z: float) -> zoeppritz.Medium:
        return self.upper if z < 0 else self.lower

    def fastest(self) -> float:
        return max(v for medium in self for v in zoeppritz.speeds(medium).values())

    def slowest(self) -> float:
        return min(v for medium in self for v in zoeppritz.speeds(medium).values())


class Line(NamedTuple):
    """A line source: "explosion" (volume rate in a fluid, moment rate in a solid) or force z, x."""

    kind: str
    z: float


class Receiver(NamedTuple):
    """Velocity "y" (down) or "x", or "p"; the time of sample 0 in steps; the place."""

    channel: str
    late: float
    z: float
    x: float


def traces(
    contact: Contact, line: Line, clock: Clock, spectrum: np.ndarray, receivers: list[Receiver]
) -> np.ndarray:
    """Traces [receiver, nt]; x is relative to the source, whose spectrum is from `clock`."""
    # Where the source has nothing to say there is nothing to sum.
    heard = np.abs(spectrum) > 1e-8 * np.abs(spectrum).max()
    omega = clock.omega[heard]
    length = 1.2 * contact.fastest() * clock.nt * clock.dt + 2 * max(abs(r.x) for r in receivers)
    # Evanescent waves are gone by exp(-18) where the slowest wave's own are long past.
    nearest = abs(line.z) + min(abs(r.z) for r in receivers)
    steep = math.hypot(np.abs(omega).max() / contact.slowest(), 18 / nearest)
    count = math.ceil(steep * length / (2 * math.pi))
    k = 2 * math.pi / length * np.arange(count + 1)[:, None]
    waves = list(_scattered(contact, line, k, omega))
    found = []
    for receiver in receivers:
        full = np.zeros(clock.omega.shape, dtype=complex)
        response = sum(_read(contact, wave, receiver, k, omega) for wave in waves)
        response = _both_signs(line, receiver, k, response).sum(axis=0) / length
        if (receiver.z >= 0) == (line.z >= 0):
            response = response + _direct(contact.at(line.z), line, omega, receiver)
        full[heard] = response * spectrum[heard]
        found.append(clock.trace(full, receiver.late))
    return np.stack(found)


def _scattered(contact: Contact, line: Line, k: np.ndarray, omega: np.ndarray):
    """Waves that leave the contact: kind, s, amplitude of velocity there."""
    towards = 1 if line.z < 0 else -1
    for kind, amplitude, nu in _sent(contact.at(line.z), line.kind, k, omega, towards):
        arriving = amplitude * np.exp(-1j * nu * abs(line.z))
        leaving = zoeppritz.scattered(*contact, (kind, towards), k, omega)
        for (other, s), coefficient in leaving.items():
            yield other, s, arriving * coefficient


def _read(
    contact: Contact, wave: tuple, receiver: Receiver, k: np.ndarray, omega: np.ndarray
) -> np.ndarray | float:
    """What a receiver reads of a wave at x = 0."""
    kind, s, amplitude = wave
    if (s > 0) != (receiver.z >= 0):
        return 0.0
    medium, name = contact.at(receiver.z), {"y": "z"}.get(receiver.channel, receiver.channel)
    nu = zoeppritz.vertical(zoeppritz.speeds(medium)[kind], k, omega)
    read = zoeppritz.wave(medium, kind, k, omega, s)[name]
    # A wave's displacements are velocities here, so its stresses are rates.
    rate = 1 / (1j * omega) if name == "p" else 1.0
    return amplitude * read * rate * np.exp(-1j * nu * abs(receiver.z))


def _both_signs(line: Line, receiver: Receiver, k: np.ndarray, response: np.ndarray) -> np.ndarray:
    """The sum over k and -k, from which the response differs by a sign at most."""
    odd = (line.kind == "x") != (receiver.channel == "x")
    both = -2j * np.sin(k * receiver.x) if odd else 2 * np.cos(k * receiver.x)
    return response * both * np.where(k == 0, 0.5, 1.0)


def _sent(medium: zoeppritz.Medium, source: str, k: np.ndarray, omega: np.ndarray, s: int):
    """Waves that a source of unit spectrum sends up or down: kind, amplitude of velocity, nu.

    From g = sum of exp(-i k x - i nu |z|) / (2 i nu) in the displacements of `full_space`.
    """
    for kind, speed in zoeppritz.speeds(medium).items():
        nu = zoeppritz.vertical(speed, k, omega)
        if source == "explosion":
            if kind == "P":
                yield kind, 1 / (2 * nu * _stiffness(medium)), nu
        else:
            along = zoeppritz.motion(kind, k, nu, s)[source]
            yield kind, along / (2 * nu * medium.rho * omega), nu


def _stiffness(medium: zoeppritz.Medium) -> float:
    """By which a moment rate is divided to be a volume rate; a fluid's source is one."""
    return 1.0 if isinstance(medium, Fluid) else medium.rho * medium.vp**2


def _direct(
    medium: zoeppritz.Medium, line: Line, omega: np.ndarray, receiver: Receiver
) -> np.ndarray:
    place, channel = np.array([[receiver.z - line.z, receiver.x]]), receiver.channel
    if isinstance(medium, Fluid):
        source = {"explosion": "volume_rate", "z": "y", "x": "x"}[line.kind]
        return full_space.acoustic(medium, omega, place, source, channel)[0]
    assert isinstance(medium, Solid)
    if line.kind == "explosion":
        own = ElasticSource(moment=np.eye(2))
    else:
        own = ElasticSource(force=np.array([line.kind == "z", line.kind == "x"], dtype=float))
    return full_space.elastic(medium, omega, place, own, channel)[0]
