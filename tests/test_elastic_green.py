"""Point sources in a homogeneous fluid and solid against Green's functions, channel by channel.

Distances are in wavelengths of shear waves at the peak frequency. The grid ends where no
reflection can come back from within the record, so there is no PML. Errors are relative, in the L2
norm over the traces of a channel.
"""

import functools
import math

import numpy as np
import pytest

from helpers import full_space
from helpers.experiments import Source, delay, lead, run, shift
from helpers.fourier import Clock, misfit, ricker
from helpers.full_space import ElasticSource, Fluid, Solid

FREQUENCY, WAVELENGTH = 20.0, 100.0
SOLID, FLUID = Solid(3300.0, 2000.0, 2300.0), Fluid(2000.0, 1300.0)
COURANT = 0.5

RECEIVERS = {1: [[1.0]], 2: [[1.0, 0.0], [0.5, 0.75]], 3: [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5]]}
