"""Reflection and transmission of plane waves at a plane contact, solved numerically.

The equations of Zoeppritz (1919) in the form of Aki & Richards (2002, section 5.2): the waves that
leave a contact are those with which displacement and traction are continuous. Between solid and
solid these are two of each; a fluid slips along a contact and bears no shear; a vacuum bears
nothing.

Waves go as exp(i (omega t - k x - s nu z)), z down, s = +1 for those that go down, and nu, of which
the imaginary part is negative, makes them decay away from where they start. Displacements are
(k, s nu) for compressional and (s nu, -k) for shear waves, so a coefficient is one of potentials.
The same holds of velocities and rates of stress, of which only the ratio matters.
"""

from __future__ import annotations

import numpy as np

from helpers.full_space import Fluid, Solid

Medium = Fluid | Solid | None
"""None: vacuum."""


def speeds(medium: Medium) -> dict[str, float]:
    """Of the waves that a medium has: compressional "P" and shear "S"."""
    if medium is None:
        return {}
    return {"P": medium.v} if isinstance(medium, Fluid) else {"P": medium.vp, "S": medium.vs}


def vertical(speed: float, k: np.ndarray, omega: np.ndarray) -> np.ndarray:
    """nu, with an imaginary part below zero for every frequency that has one."""
    nu = np.sqrt((omega / speed) ** 2 - k**2 + 0j)
    return np.where(nu.imag > 0, -nu, nu)


def motion(kind: str, k: np.ndarray, nu: np.ndarray, s: int) -> dict[str, np.ndarray]:
    """Displacement along x and z of a wave of unit amplitude."""
    return {"x": k + 0 * nu, "z": s * nu} if kind == "P" else {"x": s * nu, "z": -k + 0 * nu}


def wave(medium: Medium, kind: str, k: np.ndarray, omega: np.ndarray, s: int) -> dict:
    """The same and its stresses xz, zz and minus the mean of xx and zz, "p"."""
    nu = vertical(speeds(medium)[kind], k, omega)
    moved = motion(kind, k, nu, s)
    mu = 0.0 if isinstance(medium, Fluid) else medium.rho * medium.vs**2
    lamb = medium.rho * speeds(medium)["P"] ** 2 - 2 * mu
    strain = -1j * (k * moved["x"] + s * nu * moved["z"])
    shear = -1j * mu * (s * nu * moved["x"] + k * moved["z"])
    normal = lamb * strain - 2j * mu * s * nu * moved["z"]
    return moved | {"xz": shear, "zz": normal, "p": -(lamb + mu) * strain}


def scattered(
    upper: Medium, lower: Medium, incident: tuple[str, int], k: np.ndarray, omega: np.ndarray
) -> dict[tuple[str, int], np.ndarray]:
    """Amplitudes at the contact of all waves that an incident one of unit amplitude makes.

    incident: kind, and s: 1 comes down from the upper medium, -1 up from the lower one.

    Returns:
        (kind, s) to amplitude: s = -1 are waves of the upper medium, 1 of the lower one.
    """
    sides = {-1: upper, 1: lower}
    leaving = [(kind, s) for s, medium in sides.items() for kind in speeds(medium)]
    conditions = _conditions(upper, lower)
    coming = wave(sides[-incident[1]], incident[0], k, omega, incident[1])
    columns = [(s, wave(sides[s], kind, k, omega, s)) for kind, s in leaving]
    shape = np.broadcast(k, omega).shape
    matrix = np.zeros((*shape, len(conditions), len(leaving)), dtype=complex)
    right = np.zeros((*shape, len(conditions), 1), dtype=complex)
    for row, (name, places) in enumerate(conditions):
        # Upper minus lower is zero; where only one side is bound, its own value is.
        for column, (s, values) in enumerate(columns):
            matrix[..., row, column] = -s * values[name] * (s in places)
        right[..., row, 0] = -incident[1] * coming[name] * (-incident[1] in places)
    # Rows of displacement and of stress have different units.
    scale = np.abs(matrix).max(axis=-1, keepdims=True)
    found = np.linalg.solve(matrix / scale, right / scale)[..., 0]
    return {key: found[..., column] for column, key in enumerate(leaving)}


def _conditions(upper: Medium, lower: Medium) -> list[tuple[str, tuple[int, ...]]]:
    """What is continuous, or zero on the sides named."""
    there = [s for s, medium in ((-1, upper), (1, lower)) if medium is not None]
    solid = [s for s, medium in ((-1, upper), (1, lower)) if isinstance(medium, Solid)]
    found: list[tuple[str, tuple[int, ...]]] = [("zz", tuple(there))]
    if len(there) == 2:
        found.append(("z", (-1, 1)))
    if len(solid) == 2:
        return [*found, ("x", (-1, 1)), ("xz", (-1, 1))]
    return found + [("xz", (s,)) for s in solid]
