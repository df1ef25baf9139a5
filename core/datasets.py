"""Earth models: Marmousi and Marmousi2, or generated models of their structure, and their changes.

Arrays are NumPy, ``[depth, distance]``, wave speed in m/s, samples at multiples of the spacing in
metres. Nothing is downloaded: the environment variable ``DUALWAVE_DATA`` names the folder that
holds ``marmousi.npz`` and ``marmousi2.npz``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_SHAPE = (301, 941)
_SPACING = 10.0
_WATER_DEPTH = 40.0
_WATER_SPEED = 1500.0
_MAX_SPEED = 5500.0
_SHAPE_2 = (281, 1361)
_SPACING_2 = 12.5
_WATER_DEPTH_2 = 462.5
_WATER_2 = (1500.0, 0.0, 1010.0)


@dataclass(frozen=True)
class EarthModel:
    """A section of the earth.

    vp: wave speed [depth, distance], m/s, float32. spacing: between samples on both axes, m.
    water_depth: rows above it are water and are known, m. name: where the model came from.
    """

    vp: Array
    spacing: float
    water_depth: float
    name: str

    @property
    def water_rows(self) -> int:
        """Number of rows of water."""
        return _water_rows(self.water_depth, self.spacing)

    def resampled(self, spacing: float) -> EarthModel:
        """The same section at a coarser ``spacing`` (m), see `resample`."""
        vp = resample(self.vp, self.spacing, spacing).astype(np.float32)
        return replace(self, vp=vp, spacing=float(spacing))

    def smoothed(self, length: float) -> EarthModel:
        """Smoothed with a Gaussian of deviation ``length`` (m), see `smooth`; not the water."""
        vp = self.vp.copy()
        rows = self.water_rows
        vp[rows:] = smooth(self.vp[rows:], self.spacing, length)
        return replace(self, vp=vp, name=f"{self.name}, smoothed over {length:g} m")


@dataclass(frozen=True)
class ElasticModel:
    """A section of the earth with shear waves.

    values: [3, depth, distance], float32: speed of compressional and of shear waves in m/s, density
    in kg/m^3. The water is the same everywhere. Otherwise as `EarthModel`.
    """

    values: Array
    spacing: float
    water_depth: float
    name: str

    @property
    def water_rows(self) -> int:
        """Number of rows of water."""
        return _water_rows(self.water_depth, self.spacing)

    def resampled(self, spacing: float) -> ElasticModel:
        """The same section at a coarser ``spacing`` (m), see `resample`; sea floor kept sharp."""
        rows = self.water_rows
        solid = self.values.copy()
        solid[:, :rows] = solid[:, rows : rows + 1]
        values = np.stack([resample(v, self.spacing, spacing) for v in solid]).astype(np.float32)
        values[:, : _water_rows(self.water_depth, spacing)] = self.values[:, :1, :1]
        return replace(self, values=values, spacing=float(spacing))

    def smoothed(self, length: float) -> ElasticModel:
        """Smoothed with a Gaussian of deviation ``length`` (m), see `smooth`; not the water."""
        values = self.values.copy()
        rows = self.water_rows
        for parameter in values:
            parameter[rows:] = smooth(parameter[rows:], self.spacing, length)
        return replace(self, values=values, name=f"{self.name}, smoothed over {length:g} m")


def marmousi(spacing: float = _SPACING, folder: str | Path | None = None) -> EarthModel:
    """The Marmousi model (IFP 1988; Versteeg 1994), 3.0 km deep and 9.4 km wide.

    Read from ``marmousi.npz`` in ``folder`` (default: the folder that DUALWAVE_DATA names). Where
    neither is given, the result is `synthetic_marmousi`, and ``name`` says so. ``spacing``: 10 m or
    more.
    """
    path = _file("marmousi.npz", "vp and spacing", folder)
    if path is None:
        return synthetic_marmousi(spacing)
    with np.load(path) as data:
        vp = np.asarray(data["vp"], np.float32)
        model = EarthModel(vp, float(data["spacing"]), _WATER_DEPTH, "Marmousi")
    return model if spacing == model.spacing else model.resampled(spacing)


def marmousi2(spacing: float = _SPACING_2, folder: str | Path | None = None) -> ElasticModel:
    """The Marmousi2 model (Martin, Wiley & Marfurt 2006), 3.5 km deep and 17 km wide.

    Read from ``marmousi2.npz`` in ``folder`` (default: the folder that DUALWAVE_DATA names). Where
    neither is given, the result is `synthetic_marmousi2`. ``spacing``: 12.5 m or more.
    """
    path = _file("marmousi2.npz", "vp, vs, rho and spacing", folder)
    if path is None:
        return synthetic_marmousi2(spacing)
    with np.load(path) as data:
        values = np.stack([np.asarray(data[name], np.float32) for name in ("vp", "vs", "rho")])
        model = ElasticModel(values, float(data["spacing"]), _WATER_DEPTH_2, "Marmousi2")
    return model if spacing == model.spacing else model.resampled(spacing)


def synthetic_marmousi(spacing: float = _SPACING) -> EarthModel:
    """A model of Marmousi's size and structure, generated: the same numbers on every machine.

    Water over layers that dip, fold and get faster with depth, cut by three faults; below an
    unconformity an anticline; two thin wedges of 5500 m/s. ``spacing``: 10 m or more.
    """
    z, x = np.meshgrid(*(_SPACING * np.arange(n, dtype=float) for n in _SHAPE), indexing="ij")
    vp = np.where(_wedges(z, x), _MAX_SPEED, _layers(z, x))
    vp = np.where(z < _WATER_DEPTH, _WATER_SPEED, np.clip(vp, _WATER_SPEED + 50.0, _MAX_SPEED))
    model = EarthModel(vp.astype(np.float32), _SPACING, _WATER_DEPTH, "synthetic Marmousi")
    return model if spacing == _SPACING else model.resampled(spacing)


def synthetic_marmousi2(spacing: float = _SPACING_2) -> ElasticModel:
    """A model of Marmousi2's size and structure, generated: the same numbers on every machine.

    The layers of `synthetic_marmousi` below 460 m of water and wider, with salt for wedges. Shear
    waves follow compressional ones (Castagna et al. 1985), density does (Gardner et al. 1974) up to
    a factor for each bed. ``spacing``: 12.5 m or more.
    """
    z, x = np.meshgrid(*(_SPACING_2 * np.arange(n, dtype=float) for n in _SHAPE_2), indexing="ij")
    depth, along = z - _WATER_DEPTH_2, x - 2500.0
    vp = np.clip(_layers(depth, along), _WATER_SPEED + 50.0, 4500.0)
    vs = np.maximum((vp - 1360.0) / 1.16, 300.0)
    rho = 310.0 * vp**0.25 * _beds(_level(depth, along), (60.0, 200.0), 0.06, seed=2006)
    salt = _wedges(depth, along)
    for values, of_salt in ((vp, 4500.0), (vs, 2600.0), (rho, 2150.0)):
        values[salt] = of_salt
    values = np.stack([vp, vs, rho])
    values[:, z[:, 0] < _WATER_DEPTH_2] = np.reshape(_WATER_2, (3, 1, 1))
    model = ElasticModel(
        values.astype(np.float32), _SPACING_2, _WATER_DEPTH_2, "synthetic Marmousi2"
    )
    return model if spacing == _SPACING_2 else model.resampled(spacing)


def resample(vp: Array, spacing: float, new_spacing: float) -> Array:
    """Sample ``vp`` [depth, distance] at a coarser spacing (m), without aliasing.

    Slowness, not speed, is averaged, so that travel times stay; the weights fall linearly to zero
    one new sample away. The first sample stays where it is. Returns float64 [1 + depth //
    new_spacing, 1 + distance // new_spacing].
    """
    _check_length("new_spacing", new_spacing, spacing)
    slowness = 1.0 / np.asarray(vp, np.float64)
    for axis in (0, 1):
        size = slowness.shape[axis]
        old = spacing * np.arange(size)
        new = new_spacing * np.arange(int(old[-1] / new_spacing + 1e-6) + 1)
        weights = np.maximum(0.0, 1.0 - np.abs(new[:, None] - old) / new_spacing)
        slowness = _apply(weights, slowness, axis)
    return 1.0 / slowness


def smooth(vp: Array, spacing: float, length: float) -> Array:
    """Smooth ``vp`` [depth, distance], in slowness, with a Gaussian of deviation ``length`` (m).

    At the edges the weights that fall outside are left out and the others share their part. Returns
    float64.
    """
    _check_length("length", length, 0.0)
    slowness = 1.0 / np.asarray(vp, np.float64)
    for axis in (0, 1):
        slowness = _apply(gaussian_weights(slowness.shape[axis], spacing, length), slowness, axis)
    return 1.0 / slowness


def gaussian_weights(size: int, spacing: float, length: float) -> Array:
    """The [size, size] matrix that smooths one axis: Gaussians of deviation ``length`` (m)."""
    x = spacing * np.arange(size)
    # The floor makes length = 0 the identity.
    weights = np.exp(-0.5 * ((x[:, None] - x) / max(length, 1e-3 * spacing)) ** 2)
    return weights / weights.sum(axis=1, keepdims=True)


def _apply(weights: Array, values: Array, axis: int) -> Array:
    weights = weights / weights.sum(axis=1, keepdims=True)
    return weights @ values if axis == 0 else values @ weights.T


def _check_length(name: str, value: float, least: float) -> None:
    if not np.isfinite(value) or value < least:
        raise ValueError(f"{name} is {value}; a length in metres of at least {least:g} is needed.")


def _water_rows(depth: float, spacing: float) -> int:
    return int(np.ceil(depth / spacing - 1e-6))


def _file(name: str, arrays: str, folder: str | Path | None) -> Path | None:
    """Where to read a model from, None where no folder is named."""
    source = folder if folder is not None else os.environ.get("DUALWAVE_DATA")
    if not source:
        return None
    path = Path(source) / name
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist. DUALWAVE_DATA, or folder=, must name a folder that holds "
            f"{name} (arrays {arrays}); leave both unset for a generated model."
        )
    return path


def _layers(z: Array, x: Array) -> Array:
    """Speed of the two sequences, with the unconformity between them."""
    unconformity = 2420.0 - 560.0 * np.exp(-(((x - 6000.0) / 1700.0) ** 2))
    return np.where(z > unconformity, _folded(z, x), _bedded(z, x))


def _wedges(z: Array, x: Array) -> Array:
    """Where the wedges are, as bool."""
    inside = np.zeros(np.broadcast_shapes(z.shape, x.shape), bool)
    # Each wedge: where it is thickest, where it ends, the depth of its axis at both, its largest
    # thickness.
    for thick, tip, depth, tip_depth, thickness in (
        (0.0, 4300.0, 2500.0, 2430.0, 300.0),
        (9400.0, 7150.0, 2080.0, 2290.0, 190.0),
    ):
        along = np.clip((tip - x) / (tip - thick), 0.0, 1.0)
        axis = tip_depth + (depth - tip_depth) * along
        inside |= np.abs(z - axis) < 0.5 * thickness * along
    return inside


def _level(z: Array, x: Array) -> Array:
    """The depth at which a bed of the upper sequence was laid down, before folding and faults."""
    # Folding lifts it towards x = 6 km, most at depth.
    lift = 900.0 * np.exp(-(((x - 6000.0) / 2300.0) ** 2)) + 0.05 * (x - 4700.0)
    level = z + lift * (0.25 + z / 3000.0)
    # (where the fault meets the surface, its horizontal run for each metre of depth, how far its
    # right side sank)
    for surface, run, sank in ((3900.0, 0.55, 170.0), (4800.0, 0.6, 230.0), (6500.0, 0.45, 330.0)):
        level = level - sank * (x > surface + run * z)
    return level


def _bedded(z: Array, x: Array) -> Array:
    """Speed of the upper sequence: a trend with the depth of burial, and random beds."""
    level = _level(z, x)
    trend = 1580.0 + 0.52 * np.maximum(level, 0.0) + 6e-5 * np.maximum(level, 0.0) ** 2
    return trend * _beds(level, thickness=(35.0, 150.0), contrast=0.13, seed=1988)


def _folded(z: Array, x: Array) -> Array:
    """Speed of the lower sequence: an anticline under x = 6.5 km with faster and thicker beds."""
    level = z + 3000.0 - 0.42 * np.sqrt(900.0**2 + (x - 6500.0) ** 2)
    return (2500.0 + 0.33 * level) * _beds(level, thickness=(90.0, 260.0), contrast=0.12, seed=1994)


def _beds(level: Array, thickness: tuple[float, float], contrast: float, seed: int) -> Array:
    """A factor that is constant within each bed; ``level`` is the depth in the pile of beds (m)."""
    random = np.random.default_rng(seed)
    tops = np.cumsum(random.uniform(*thickness, size=400)) - 2000.0
    factors = 1.0 + contrast * random.uniform(-1.0, 1.0, size=tops.size + 1)
    return factors[np.searchsorted(tops, level)]
