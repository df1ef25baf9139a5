"""The inverse problem that both front ends solve: survey, network, settings. NumPy only.

Model, shots and time step are those of the marmousi_fwi example, in larger cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from marmousi_fwi import problem as marmousi

PEAK_FREQUENCY = marmousi.PEAK_FREQUENCY
SMOOTHING = marmousi.SMOOTHING
SLOWEST, FASTEST = 1450.0, 5800.0  # m/s: the range of the speed
BEND = 10.0  # m/s: how far from the ends of the range they are felt
SCALE = 600.0  # m/s: change of speed at 1.3 km depth where the network says 1
# What the network is given: WAVES plane waves, a sine and a cosine of each. Most are longer than
# this in m, down and along: beds are thin and wide.
LENGTHS = (1000.0, 3000.0)
WAVES = 64
HIDDEN = (64, 64, 64)  # neurons in each hidden layer
GAIN = 2.3  # of a hidden layer: its sines are of about 1.6 rad, and make shorter waves of long ones

Result = marmousi.Result
Layers = list[tuple[np.ndarray, np.ndarray]]  # weight [output, input] and bias [output] of each


@dataclass(frozen=True)
class Settings:
    """Size of the problem and of the optimiser's steps, the same for both front ends."""

    spacing: float = 40.0  # m
    shots: int = 10
    iterations: int = 56
    step: float = 4e-3  # learning rate
    betas: tuple[float, float] = (0.9, 0.99)
    # Beside gradients of about 0.1 it is large, so that weights that hardly matter are left alone
    # and rounding is not blown up into an update.
    eps: float = 1e-4


@dataclass(frozen=True)
class Problem:
    """What an inversion is given.

    The speed [depth, distance] is ``start + scale * network(features)``, bent at both ends of its
    range. The network's input is the same at each step: ``features`` [depth, distance, feature] are
    sines and cosines of the cells' coordinates. ``scale`` [depth, 1] grows with depth, where the
    waves are weaker, and is zero in the water. ``layers`` are the network's first weights.
    """

    survey: marmousi.Problem
    features: np.ndarray
    scale: np.ndarray
    layers: Layers
    settings: Settings


def make_problem(settings: Settings) -> Problem:
    """The survey of marmousi_fwi, and a network that has not learned anything."""
    survey = marmousi.make_problem(marmousi.Settings(settings.spacing, settings.shots))
    random = np.random.default_rng(0)
    return Problem(
        survey=survey,
        features=_features(random, survey.true.shape, settings.spacing),
        scale=np.float32(SCALE) * survey.weight,
        layers=_layers(random, (2 * WAVES, *HIDDEN, 1)),
        settings=settings,
    )


def _features(random: np.random.Generator, shape: tuple[int, int], spacing: float) -> np.ndarray:
    """Sines and cosines of plane waves in random directions (Tancik and others 2020)."""
    z, x = (spacing * np.arange(size) for size in shape)
    along_z, along_x = random.normal(0.0, 0.5, (2, WAVES)) / np.reshape(LENGTHS, (2, 1))
    phase = 2.0 * np.pi * (z[:, None, None] * along_z + x[:, None] * along_x)
    return np.concatenate([np.sin(phase), np.cos(phase)], -1).astype(np.float32)


def _layers(random: np.random.Generator, sizes: tuple[int, ...]) -> Layers:
    """Drawn at random, and zeros in the last layer: the first model is the start."""
    layers = []
    for inputs, outputs in pairwise(sizes):
        weight = random.normal(0.0, GAIN / np.sqrt(inputs), (outputs, inputs))
        layers.append((weight.astype(np.float32), np.zeros(outputs, np.float32)))
    layers[-1][0][:] = 0.0
    return layers
