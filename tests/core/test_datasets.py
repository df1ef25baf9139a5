"""Earth models: structure, travel times kept by resampling, smoothing against SciPy."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from dualwave import datasets


@pytest.fixture(scope="module")
def synthetic():
    return datasets.synthetic_marmousi()


def test_synthetic_structure(synthetic):
    vp = synthetic.vp
    assert vp.shape == (301, 941)
    assert vp.dtype == np.float32
    assert vp.min() == 1500.0
    assert vp.max() == 5500.0
    assert np.all(vp[: synthetic.water_rows] == 1500.0)
    assert np.all(vp[synthetic.water_rows :] > 1500.0)
    # Faster with depth, and different from place to place.
    by_depth = vp.mean(axis=1)
    assert np.corrcoef(np.arange(301), by_depth)[0, 1] > 0.9
    assert vp[150].std() > 100.0
    # The wedges, thick at the sides and gone in the middle.
    fast = (vp == 5500.0).sum(axis=0)
    assert fast[0] > 20
    assert fast[-1] > 12
    assert fast[500] == 0


def test_synthetic_is_the_same_every_time(synthetic):
    assert np.array_equal(synthetic.vp, datasets.synthetic_marmousi().vp)


def test_marmousi_is_read_from_the_folder_that_is_named(tmp_path, monkeypatch):
    vp = np.linspace(1500, 4000, 12 * 20, dtype=np.float32).reshape(12, 20)
    np.savez(tmp_path / "marmousi.npz", vp=vp, spacing=np.float32(10.0))
    monkeypatch.setenv("DUALWAVE_DATA", str(tmp_path))
    model = datasets.marmousi()
    assert model.name == "Marmousi"
    assert np.array_equal(model.vp, vp)
    assert datasets.marmousi(20.0).vp.shape == (6, 10)
    assert np.array_equal(datasets.marmousi(folder=tmp_path).vp, vp)


def test_marmousi_without_a_folder_is_generated(synthetic, monkeypatch):
    monkeypatch.delenv("DUALWAVE_DATA", raising=False)
    model = datasets.marmousi()
    assert "synthetic" in model.name
    assert np.array_equal(model.vp, synthetic.vp)


def test_marmousi_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("DUALWAVE_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"marmousi\.npz does not exist.*DUALWAVE_DATA"):
        datasets.marmousi()


@pytest.mark.parametrize("spacing", [20.0, 25.0, 12.5])
def test_resampling_keeps_travel_times(synthetic, spacing):
    coarse = synthetic.resampled(spacing)
    assert coarse.vp.shape == (int(3000 / spacing) + 1, int(9400 / spacing) + 1)

    def mean_slowness(model):  # trapezium rule from the surface to the bottom
        slowness = 1.0 / model.vp.astype(float)
        return 0.5 * (slowness[1:] + slowness[:-1]).mean(axis=0)

    x = np.arange(coarse.vp.shape[1]) * spacing
    fine = np.interp(x, np.arange(941) * 10.0, mean_slowness(synthetic))
    assert np.abs(mean_slowness(coarse) / fine - 1.0).mean() < 2e-3


def test_resampling_does_not_alias():
    """A wave that is shorter than two new cells goes; one that is long stays."""
    z = np.arange(401) * 10.0
    for wavelength, low, high in ((25.0, 0.0, 0.15), (400.0, 0.9, 1.0)):
        slowness = 5e-4 * (1 + 0.1 * np.cos(2 * np.pi * z / wavelength))[:, None] * np.ones(41)
        out = 1.0 / datasets.resample(1.0 / slowness, 10.0, 20.0)
        left = np.ptp(out[5:-5, 5]) / np.ptp(slowness)
        assert low <= left <= high


def test_resampling_at_the_same_spacing_changes_nothing(synthetic):
    assert np.allclose(datasets.resample(synthetic.vp, 10.0, 10.0), synthetic.vp, rtol=1e-12)


def test_smoothing_against_scipy(synthetic):
    """Away from the edges, where the two treat what is outside differently."""
    out = datasets.smooth(synthetic.vp, 10.0, 100.0)
    expected = 1.0 / gaussian_filter(1.0 / synthetic.vp.astype(float), 10.0, truncate=8.0)
    inside = (slice(80, -80), slice(80, -80))
    assert np.allclose(out[inside], expected[inside], rtol=1e-9)
    assert np.abs(out - synthetic.vp).max() > 500.0


def test_smoothing_keeps_a_constant_and_the_water(synthetic):
    assert np.allclose(datasets.smooth(np.full((20, 30), 2000.0), 10.0, 80.0), 2000.0)
    start = synthetic.resampled(20.0).smoothed(300.0)
    assert start.water_rows == 2
    assert np.all(start.vp[:2] == 1500.0)
    assert np.abs(np.diff(start.vp[2:], axis=0)).max() < 60.0


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda vp: datasets.resample(vp, 20.0, 10.0), "new_spacing is 10.0"),
        (lambda vp: datasets.smooth(vp, 10.0, -1.0), "length is -1.0"),
        (lambda vp: datasets.smooth(vp, 10.0, np.nan), "length is nan"),
    ],
)
def test_bad_lengths(call, text):
    with pytest.raises(ValueError, match=text):
        call(np.full((10, 10), 2000.0))


@pytest.fixture(scope="module")
def elastic():
    return datasets.synthetic_marmousi2()


def test_synthetic_elastic_structure(elastic):
    vp, vs, rho = elastic.values
    assert elastic.values.shape == (3, 281, 1361)
    assert elastic.values.dtype == np.float32
    assert elastic.water_rows == 37
    for values, of_water in zip(elastic.values, (1500.0, 0.0, 1010.0)):
        assert np.all(values[:37] == of_water)
    assert np.all(vs[37:] >= 300.0)
    # Elastic moduli are positive, with room, and the salt is light.
    assert np.all(vp[37:] > 1.4 * vs[37:])
    assert np.all(rho[37:] > 1800.0)
    assert np.all(rho[vs == 2600.0] == 2150.0)
    assert np.array_equal(elastic.values, datasets.synthetic_marmousi2().values)


def test_marmousi2_is_read_from_the_folder_that_is_named(tmp_path, monkeypatch, elastic):
    arrays = dict(zip(("vp", "vs", "rho"), elastic.values.astype(np.float16)[:, :60, :30]))
    np.savez(tmp_path / "marmousi2.npz", **arrays, spacing=np.float32(12.5))
    monkeypatch.setenv("DUALWAVE_DATA", str(tmp_path))
    model = datasets.marmousi2()
    assert model.name == "Marmousi2"
    assert model.values.dtype == np.float32
    assert np.allclose(model.values, elastic.values[:, :60, :30], rtol=1e-3)
    monkeypatch.delenv("DUALWAVE_DATA")
    assert datasets.marmousi2().name == "synthetic Marmousi2"
    with pytest.raises(FileNotFoundError, match=r"marmousi2\.npz does not exist"):
        datasets.marmousi2(folder=tmp_path / "other")


@pytest.mark.parametrize("spacing", [25.0, 40.0])
def test_resampling_and_smoothing_keep_the_sea_floor(elastic, spacing):
    coarse = elastic.resampled(spacing)
    rows = coarse.water_rows
    assert coarse.values.shape == (3, int(3500 / spacing) + 1, int(17000 / spacing) + 1)
    least = elastic.values[:, 37:].min(axis=(1, 2))
    for model in (coarse, coarse.smoothed(300.0)):
        for values, of_water, of_solid in zip(model.values, (1500.0, 0.0, 1010.0), least):
            assert np.all(values[:rows] == of_water)
            assert np.all(values[rows:] >= 0.999 * of_solid), "no water in the solid"
