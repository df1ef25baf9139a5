"""What the absorbing layers send back at normal incidence, against a run in a larger domain.

Two runs differ in nothing but the distance of one face, so the difference of their traces is what
that face reflects. It is divided by the wave that has travelled as far without meeting anything.
In 1-D the wave is plane; in 2-D and 3-D it spreads, also on its way in the layer.
"""

import functools
import math

import numpy as np
import pytest

from helpers.calls import FRONT_ENDS, numpy

FREQUENCY, MAX_VEL = 25.0, 2000.0
FAR = 100  # cells: what is reflected there does not come back within the record
BEYOND = 14  # cells from the receivers to the opposite face


def ricker(t):
    x = (math.pi * FREQUENCY * (t - 1.5 / FREQUENCY)) ** 2
    return (1 - 2 * x) * np.exp(-x)


@functools.cache
def traces(face, accuracy, widths, ratio=1.0, cells=12, far=0, gap=12, lateral=6):
    """Two traces: halfway between source and face, and as far away as the reflected path is long.

    Args:
        face: of which the source is `gap + far` cells away.
        widths: of all faces, or None for the default.
        ratio: of the speed to max_vel.
        cells: to the wavelength of the peak frequency.
        lateral: cells from the source to the faces of the other axes.
    """
    ndim = 1 if widths is None else len(widths) // 2
    axis, high = divmod(face, 2)
    speed, near = ratio * MAX_VEL, gap // 2
    spacing = speed / FREQUENCY / cells
    dt = 0.5 * spacing / MAX_VEL / math.sqrt(ndim)
    travelled = 3 * cells + 4 * (gap + (20 if widths is None else widths[face]))
    nt = round(travelled * spacing / speed / dt)
    assert travelled < 2 * FAR
    shape = [2 * lateral + 1] * ndim
    shape[axis] = far + 2 * gap + near + BEYOND + 1

    def place(towards_face):
        at = [lateral] * ndim
        from_face = far + gap - towards_face
        at[axis] = shape[axis] - 1 - from_face if high else from_face
        return at

    arguments = {
        "v": np.full(shape, speed),
        "grid_spacing": spacing,
        "dt": dt,
        "source_amplitudes": ricker(np.arange(nt) * dt)[None, None],
        "source_locations": np.array([[place(0)]]),
        "receiver_locations": np.array([[place(gap - near), place(-gap - near)]]),
        "accuracy": accuracy,
        "pml_freq": FREQUENCY,
        "max_vel": MAX_VEL,
    }
    if widths is not None:
        arguments["pml_width"] = list(widths)
    return numpy(FRONT_ENDS["torch"]().call(arguments)[-1])[0]


def reflection(face, accuracy, widths, **more):
    """In dB, largest values compared."""
    found = traces(face, accuracy, widths, **more)
    oracle = traces(face, accuracy, widths, far=FAR, **more)
    incident = np.abs(oracle[1]).max()
    assert incident > 0
    return 20 * math.log10(np.abs(found - oracle)[0].max() / incident)


@pytest.mark.parametrize("accuracy", [4, 6, 8])
@pytest.mark.parametrize("face", [0, 1])
@pytest.mark.parametrize(("ratio", "most"), [(1.0, -48), (0.6, -60)])
@pytest.mark.parametrize("cells", [12, 20])
def test_default_width(accuracy, face, ratio, most, cells):
    assert -80 < reflection(face, accuracy, None, ratio=ratio, cells=cells) < most


def test_default_width_is_20():
    assert np.array_equal(traces(0, 4, None), traces(0, 4, (20, 20)))


@pytest.mark.parametrize("accuracy", [2, 4, 6, 8])
@pytest.mark.parametrize("face", [0, 1])
def test_falls_with_the_width(accuracy, face):
    """By 3 dB or more with each doubling, down to what the profile is made for."""
    found = [reflection(face, accuracy, (width, width)) for width in (5, 10, 20)]
    assert found[0] < -25
    assert found[1] < found[0] - 3
    assert found[2] < found[1] - 3


@pytest.mark.parametrize("face", range(4))
@pytest.mark.parametrize("ratio", [1.0, 0.6])
def test_every_face_in_2d(face, ratio):
    assert reflection(face, 4, (20,) * 4, ratio=ratio) < -60


@pytest.mark.parametrize("face", [0, 3, 4])
def test_every_axis_in_3d(face):
    """With thin layers on the other faces, which reflect the same in both runs."""
    widths = tuple(20 if other == face else 5 for other in range(6))
    assert reflection(face, 4, widths, cells=8, gap=6, lateral=3) < -60


@pytest.mark.parametrize("face", [0, 1])
@pytest.mark.parametrize("width", [5, 20])
@pytest.mark.parametrize("other", [0, 5, 20, 40])
def test_a_face_is_as_good_as_its_own_width(face, width, other):
    """Whatever the opposite one is; one profile for both would let the thin one reflect."""
    widths = (width, other) if face == 0 else (other, width)
    alone = reflection(face, 4, (width, width))
    assert abs(reflection(face, 4, widths) - alone) < 0.5


@pytest.mark.parametrize("face", range(4))
def test_unequal_widths_in_2d(face):
    widths = (20, 5, 10, 14)
    alone = reflection(face, 4, (widths[face],) * 4)
    assert alone < -45
    assert abs(reflection(face, 4, widths) - alone) < 0.5


@pytest.mark.parametrize("face", [0, 1])
def test_without_a_layer_the_sign_is_reversed(face):
    """The wave of a negative source at the mirror image, for the field is zero just outside."""
    widths = (0, 20) if face == 0 else (20, 0)
    found, oracle = (traces(face, 2, widths, gap=13, far=far)[0] for far in (0, FAR))
    # The mirror is one cell outside: 13 + 13 // 2 + 2 cells from image to receiver, 14 + 14 // 2.
    image = traces(face, 2, widths, gap=14, far=FAR)[1][: found.size]
    assert np.abs(image).max() > 0.9 * np.abs(oracle).max()
    assert np.abs(found - oracle + image).max() < 5e-3 * np.abs(image).max()
