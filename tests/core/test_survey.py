"""Regions against Deepwave's, and against their definition."""

import warnings

import numpy as np
import pytest

from dualwave.framework import NumpyFramework
from dualwave.interpolation import IGNORED, OUTSIDE
from dualwave.survey import (
    Region,
    cells_to_nodes,
    extend_field,
    in_region,
    region_around,
    region_of_field,
)

fw = NumpyFramework()
rng = np.random.default_rng(5)
SPACE, PML = (30, 40), (3, 0, 2, 5)
SOURCES = np.array([[[10, 7], [12, 9]], [[11, 20], [IGNORED, IGNORED]]])
RECEIVERS = np.array([[[4, 30]], [[4, 31]]])


@pytest.mark.parametrize("survey_pad", [None, 0, 3, 100, (None, 2, 5, None), (1, 1, 40, 0)])
def test_region_around_equals_deepwave(survey_pad):
    torch = pytest.importorskip("torch")
    common = pytest.importorskip("deepwave._common")
    region = region_around(SPACE, PML, [SOURCES, RECEIVERS], survey_pad)
    ignore = torch.tensor(common.IGNORE_LOCATION)
    locations = [torch.as_tensor(x) for x in (SOURCES, RECEIVERS)]
    locations = [torch.where(x == IGNORED, ignore, x) for x in locations]
    extents = common.get_survey_extents_from_locations(list(SPACE), locations, survey_pad)
    assert region.origin == tuple(begin for begin, _ in extents)
    assert region.shape == tuple(end - begin for begin, end in extents)
    assert region.contains(SOURCES).all()
    assert region.contains(RECEIVERS).all()


def test_region_without_points_or_values():
    nothing = np.full((2, 1, 2), IGNORED)
    assert region_around(SPACE, PML, [nothing], 3).shape == SPACE
    assert region_around(SPACE, PML, [], 3).shape == SPACE
    assert region_around(SPACE, PML, [None], None).shape == SPACE
    with pytest.raises(ValueError, match="survey_pad"):
        region_around(SPACE, PML, [SOURCES, None], 3)


def test_region_of_field():
    def of(field, origin=None):
        return region_of_field(SPACE, PML, field, origin, [SOURCES, RECEIVERS])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        region = of((23, 37), (4, 5))  # region [20, 30] and its PML
        assert (region.origin, region.shape, region.n) == ((4, 5), (20, 30), (23, 37))
        region = of((26, 30), (4, 5))  # with PML the receiver at column 31 would be out
        assert region.shape == (26, 30)
    with pytest.warns(UserWarning, match="origin was not given"):
        assert of((33, 47)).shape == SPACE
    with pytest.warns(UserWarning, match="may span"):
        assert of((30, 40), (0, 0)).shape == (27, 33)
    for field, origin in (((33, 47), (1, 0)), ((2, 2), (0, 0)), ((20, 30), (5, 0))):
        with pytest.raises(ValueError, match="initial wavefields"):
            of(field, origin)


def test_in_region_and_extend_field():
    region = Region((2, 3), (10, 20), PML)
    model = rng.standard_normal((2, *SPACE))
    expected = np.pad(model[:, 2:12, 3:23], ((0, 0), (3, 0), (2, 5)), mode="edge")
    grid = fw.pad_edge(in_region(model, region), region.widths)
    np.testing.assert_array_equal(grid, expected)
    field = rng.standard_normal((2, *region.n))
    assert extend_field(fw, field, region) is field
    inner = extend_field(fw, field[:, :10, :20], region)
    np.testing.assert_array_equal(inner[:, 3:, 2:-5], field[:, :10, :20])
    assert inner.shape == field.shape
    assert np.count_nonzero(inner) == 400
    with pytest.raises(ValueError, match=r"pressure: has shape \[11, 20\]"):
        extend_field(fw, field[:, :11, :20], region, "pressure")


def check_nodes(framework):
    region = Region((2, 3), (10, 20), PML)
    model = rng.standard_normal(SPACE)
    grid = fw.pad_edge(in_region(model, region), region.widths)
    cells = rng.integers((2, 3), (12, 23), (2, 3, 4, 2))
    cells[0, 0, 1] = IGNORED
    cells[0, 1, 0], cells[0, 1, 1], cells[0, 1, 2] = (1, 5), (5, 23), (OUTSIDE, OUTSIDE)
    row, column = cells[..., 0] - 2 + 3, cells[..., 1] - 3 + 2
    expected = grid.size + row * region.n[1] + column
    expected[0, 0, 1], expected[0, 1, :3] = -1, -2
    nodes = np.asarray(cells_to_nodes(framework, framework.asarray(cells, "int32"), region, 1))
    assert nodes.dtype == np.int32
    np.testing.assert_array_equal(nodes, expected)
    read = grid.ravel()[nodes[1] - grid.size]
    np.testing.assert_array_equal(read, model[tuple(np.moveaxis(cells[1], -1, 0))])


def test_nodes():
    check_nodes(fw)
    with pytest.raises(ValueError, match="2\\^31"):
        cells_to_nodes(fw, SOURCES, Region((0, 0), (50000, 30000), (0,) * 4), 1)


def test_nodes_in_torch():
    pytest.importorskip("torch")
    from dualwave.torch.framework import TorchFramework

    check_nodes(TorchFramework())


def test_nodes_in_jax():
    pytest.importorskip("jax")
    from dualwave.jax.framework import JaxFramework

    check_nodes(JaxFramework())
