"""Bad input: one clear error each, naming the argument, in the same words for every framework."""

import numpy as np
import pytest

import dualwave
from dualwave import IGNORE_LOCATION, checks
from helpers.calls import FRONT_ENDS, case, case_of

V = case(2)["v"]
SOURCES = case(2)["source_locations"]
AMPLITUDES = case(2)["source_amplitudes"]


def changed(x, index, value):
    """A copy with one entry replaced."""
    x = np.array(x)
    x[index] = value
    return x


FAULTS = {
    # argument: (changes, error, what the message says)
    "no source and no field": (
        {"source_amplitudes": None, "source_locations": None, "nt": 9},
        ValueError,
        "source_amplitudes: there are no sources and no initial wavefields",
    ),
    "locations without amplitudes": (
        {"source_amplitudes": None},
        ValueError,
        "source_amplitudes: is missing, but source_locations is given",
    ),
    "amplitudes without locations": (
        {"source_locations": None},
        ValueError,
        "source_locations: is missing, but source_amplitudes is given",
    ),
    "1-D amplitudes": (
        {"source_amplitudes": AMPLITUDES[0, 0]},
        ValueError,
        r"source_amplitudes: has shape \[50\]. Accepted: shape \[2, 2, time\]",
    ),
    "amplitudes of other sources": (
        {"source_amplitudes": AMPLITUDES[:, :1]},
        ValueError,
        r"source_amplitudes: has shape \[2, 1, 50\]",
    ),
    "no samples": (
        {"source_amplitudes": AMPLITUDES[..., :0]},
        ValueError,
        "source_amplitudes: has no time samples",
    ),
    "NaN amplitudes": (
        {"source_amplitudes": changed(AMPLITUDES, (1, 0, 7), np.nan)},
        ValueError,
        r"source_amplitudes: 1 of 200 values are NaN or infinite, the first at \[1, 0, 7\]",
    ),
    "zero shots": (
        {
            "source_amplitudes": AMPLITUDES[:0],
            "source_locations": SOURCES[:0],
            "receiver_locations": None,
        },
        ValueError,
        "source_locations: has no shots",
    ),
    "shots that differ": (
        {"receiver_locations": SOURCES[:1]},
        ValueError,
        "receiver_locations: has 1 shots, but source_locations has 2",
    ),
    "models of other shots": (
        {"v": np.stack([V] * 3)},
        ValueError,
        "v: has 3 shots, but source_locations has 2",
    ),
    "one model too flat": ({"v": V[0]}, ValueError, r"v: has shape \[15\], but source_locations"),
    "an empty model": ({"v": V[:0]}, ValueError, r"v: has shape \[0, 15\]"),
    "four dimensions": (
        {
            "source_locations": np.zeros((2, 2, 4), int),
            "receiver_locations": None,
        },
        ValueError,
        "source_locations: is for 4 dimensions. Accepted: 1 or 2 or 3",
    ),
    "dimensions that differ": (
        {"receiver_locations": np.zeros((2, 3, 1), int)},
        ValueError,
        "receiver_locations: is for 1 dimensions, but source_locations for 2",
    ),
    "NaN speed": (
        {"v": changed(V, (3, 4), np.nan)},
        ValueError,
        r"v: 1 of 180 values are NaN or infinite, the first at \[3, 4\]",
    ),
    "infinite speed": ({"v": changed(V, (3, 4), np.inf)}, ValueError, "v: 1 of 180 values are NaN"),
    "negative speed": (
        {"v": changed(V, (0, 2), -1500.0)},
        ValueError,
        r"v: 1 of 180 speeds are negative, the first at \[0, 2\].*pass abs",
    ),
    "no speed": ({"v": 0 * V}, ValueError, "v: all speeds are zero"),
    "half precision": ({"v": V.astype(np.float16)}, TypeError, "v: has dtype float16"),
    "whole numbers": ({"v": V.astype(int)}, TypeError, "v: has dtype int64"),
    "dtypes that differ": (
        {"source_amplitudes": AMPLITUDES.astype(np.float32)},
        TypeError,
        "source_amplitudes: has dtype float32. .*Convert it to float64, the dtype of the model",
    ),
    "a list for a model": ({"v": [[1500.0]]}, TypeError, r"v: got \[\[1500.0\]\] \(list\)"),
    "outside the model": (
        {"source_locations": changed(SOURCES, (1, 0, 1), 15)},
        ValueError,
        r"source_locations: point 0 of shot 1 is at \[\d+, 15\] in a model of \[12, 15\] cells."
        r" Accepted: 0 to \[11, 14\].*divide positions in metres",
    ),
    "a negative location": (
        {"source_locations": changed(SOURCES, (0, 1, 0), -1)},
        ValueError,
        r"source_locations: point 1 of shot 0 is at \[-1,",
    ),
    "a location far outside": (
        {"receiver_locations": changed(SOURCES, (0, 1, 0), 2**40)},
        ValueError,
        "receiver_locations: has a coordinate beyond the range of int32",
    ),
    "a window outside": (
        {"receiver_locations": np.full((2, 1, 2), 1.5)},
        ValueError,
        r"receiver_locations: point \[0, 0\].*location_interpolation_halfwidth",
    ),
    "NaN location": (
        {"receiver_locations": np.full((2, 1, 2), np.nan)},
        ValueError,
        "receiver_locations: has a coordinate that is NaN",
    ),
    "partly ignored": (
        {"source_locations": changed(SOURCES, (0, 0, 1), IGNORE_LOCATION)},
        ValueError,
        "source_locations: point 0 of shot 0 .*IGNORE_LOCATION in every coordinate",
    ),
    "duplicated sources": (
        {"source_locations": changed(SOURCES, (1, 1), SOURCES[1, 0])},
        ValueError,
        r"source_locations: sources 0 and 1 of shot 1 share cell .*make them one source",
    ),
    "locations of bools": (
        {"source_locations": SOURCES > 3},
        TypeError,
        "source_locations: has dtype bool",
    ),
    "flat locations": (
        {"source_locations": SOURCES[0]},
        ValueError,
        r"source_locations: has shape \[2, 2\]",
    ),
    "a mask of numbers": (
        {"source_mask": np.ones((2, 2), int)},
        TypeError,
        "source_mask: has dtype int64",
    ),
    "a mask of another shape": (
        {"receiver_mask": np.ones((2, 2), bool)},
        ValueError,
        r"receiver_mask: has shape \[2, 2\]. Accepted: shape \[2, 3\]",
    ),
    "a mask without points": (
        {"receiver_locations": None, "receiver_mask": np.ones((2, 3), bool)},
        ValueError,
        "receiver_mask: is given, but receiver_locations is not",
    ),
    "mask and marker": (
        {
            "source_locations": changed(SOURCES, (0, 0), IGNORE_LOCATION),
            "source_mask": np.ones((2, 2), bool),
        },
        ValueError,
        "source_mask: is given, and the locations have IGNORE_LOCATION",
    ),
    "off-grid without interpolation": (
        {"receiver_locations": np.full((2, 1, 2), 5.25), "location_interpolation": "none"},
        ValueError,
        r"receiver_locations: point \[0, 0\] .*not a cell",
    ),
    "max_vel below the model": (
        {"max_vel": 1800.0},
        ValueError,
        r"max_vel: is 1800, but the model reaches 2[45]\d\d.* could be unstable",
    ),
    "max_vel zero": ({"max_vel": 0}, ValueError, "max_vel: got 0"),
    "dt zero": ({"dt": 0}, ValueError, "dt: got 0. Accepted: a number other than zero"),
    "dt NaN": ({"dt": float("nan")}, ValueError, "dt: got nan"),
    "dt a text": ({"dt": "0.004"}, TypeError, "dt: got '0.004'"),
    "spacing zero": ({"grid_spacing": 0.0}, ValueError, "grid_spacing: got 0.*metres"),
    "spacing of one axis": (
        {"grid_spacing": [5.0, -5.0]},
        ValueError,
        r"grid_spacing\[1\]: got -5",
    ),
    "three spacings": ({"grid_spacing": [5.0] * 3}, ValueError, "grid_spacing: got 3 numbers"),
    "a model for a spacing": ({"grid_spacing": V}, ValueError, "grid_spacing: got"),
    "accuracy 5": ({"accuracy": 5}, ValueError, "accuracy: got 5. Accepted: one of 2, 4, 6, 8"),
    "accuracy a text": ({"accuracy": "4"}, TypeError, r"accuracy: got '4' \(str\)"),
    "accuracy 4.0": ({"accuracy": 4.0}, TypeError, r"accuracy: got 4.0 \(float\)"),
    "a negative PML": ({"pml_width": -1}, ValueError, "pml_width: got -1"),
    "half a PML cell": ({"pml_width": 2.5}, TypeError, "pml_width: got 2.5"),
    "three PML widths": ({"pml_width": [5, 5, 5]}, ValueError, "pml_width: got 3 entries for"),
    "an enormous PML": (
        {"pml_width": 40000},
        ValueError,
        "pml_width: with the region it makes a grid",
    ),
    "pml_freq zero": ({"pml_freq": 0}, ValueError, "pml_freq: got 0. Accepted: a number above"),
    "pml_freq negative": ({"pml_freq": -5.0}, ValueError, "pml_freq: got -5"),
    "survey_pad negative": ({"survey_pad": -1}, ValueError, "survey_pad: got -1"),
    "survey_pad and origin": (
        {"survey_pad": 2, "origin": [0, 0]},
        ValueError,
        "origin: is given together with survey_pad",
    ),
    "origin alone": ({"origin": [0, 0]}, ValueError, "origin: is given without initial wavefields"),
    "nt zero": ({"nt": 0}, ValueError, "nt: got 0. Accepted: an int, 1 or more"),
    "nt a float": ({"nt": 50.0}, TypeError, "nt: got 50.0"),
    "nt missing": (
        {
            "source_amplitudes": None,
            "source_locations": None,
            "wavefield_0": np.zeros((2, 12, 15)),
            "origin": [0, 0],
        },
        ValueError,
        "nt: is missing",
    ),
    "a field of another shape": (
        {"wavefield_0": np.zeros((2, 40, 40)), "origin": [0, 0]},
        ValueError,
        r"initial wavefields of shape \[40, 40\]",
    ),
    "a second field of another shape": (
        {
            "wavefield_0": np.zeros((2, 18, 23)),
            "wavefield_m1": np.zeros((2, 18, 22)),
            "origin": [0, 0],
        },
        ValueError,
        r"wavefield_m1: has shape \[2, 18, 22\]. Accepted: \[2, \*\[18, 23\]\]",
    ),
    "a field with NaN": (
        {"wavefield_0": np.full((2, 18, 23), np.nan), "origin": [0, 0]},
        ValueError,
        "wavefield_0: 828 of 828 values are NaN",
    ),
    "sampling the gradient": (
        {"model_gradient_sampling_interval": 2, "backend": "eager"},
        ValueError,
        "model_gradient_sampling_interval: is given together with backend='eager'",
    ),
    "sampling under a callback": (
        {"model_gradient_sampling_interval": 2, "forward_callback": print, "backend": "auto"},
        ValueError,
        "model_gradient_sampling_interval: is given together with a callback",
    ),
    "a limit": ({"memory_limit": "4"}, ValueError, "memory_limit: got '4'. Accepted: None, a"),
    "a limit of nothing": ({"memory_limit": 0}, ValueError, "memory_limit: got 0"),
    "a limit for the eager backend": (
        {"memory_limit": "4GB", "backend": "eager"},
        ValueError,
        "memory_limit: is given together with backend='eager'",
    ),
    "another storage": (
        {"gradient_storage": "half"},
        ValueError,
        "gradient_storage: got 'half'. Accepted: one of 'auto', 'checkpoint', 'full', 'boundary'",
    ),
    "a boundary in fewer bits": (
        {"gradient_storage": "boundary", "storage_dtype": "int8"},
        ValueError,
        "storage_dtype: is given, but gradient_storage is 'boundary'",
    ),
    "a boundary for the eager backend": (
        {"gradient_storage": "boundary", "backend": "eager"},
        ValueError,
        "gradient_storage: is 'boundary', but backend is 'eager'",
    ),
    "a region of the gradient": (
        {"grad_region": [(0, 5), (3, 2)]},
        ValueError,
        r"grad_region: has \(3, 2\) for axis 1. Accepted: None, or 2 pairs",
    ),
    "another format of storage": (
        {"gradient_storage": "full", "storage_dtype": "int4"},
        ValueError,
        "storage_dtype: got 'int4'. Accepted: None, or one of 'float32', 'bfloat16'",
    ),
    "a format of states": (
        {"storage_dtype": "float16"},
        ValueError,
        "storage_dtype: is given, but gradient_storage is 'auto'",
    ),
    "a full history for the eager backend": (
        {"gradient_storage": "full", "backend": "eager"},
        ValueError,
        "gradient_storage: is 'full', but backend is 'eager'",
    ),
    "another place": (
        {"storage_mode": "gpu"},
        ValueError,
        "storage_mode: got 'gpu'. Accepted: one of 'device', 'cpu', 'disk'",
    ),
    "states on disk": (
        {"storage_mode": "disk"},
        ValueError,
        "storage_mode: is given, but gradient_storage is 'auto'",
    ),
    "a folder in memory": (
        {"gradient_storage": "full", "storage_path": "."},
        ValueError,
        "storage_path: is given, but storage_mode is 'device'",
    ),
    "no folder": (
        {"gradient_storage": "full", "storage_mode": "disk", "storage_path": "/none"},
        ValueError,
        "storage_path: got '/none', which is not a folder",
    ),
    "not even a path": (
        {"gradient_storage": "full", "storage_mode": "disk", "storage_path": 3},
        TypeError,
        "storage_path: got 3",
    ),
    "a folder whose name is too long": (
        {"gradient_storage": "full", "storage_mode": "disk", "storage_path": "x" * 256},
        ValueError,
        "storage_path: got '.*xxx', which is not a folder",
    ),
    "sampling it never": (
        {"model_gradient_sampling_interval": 0},
        ValueError,
        "model_gradient_sampling_interval: got 0",
    ),
    "more than an integer holds": (
        {"model_gradient_sampling_interval": 10**30},
        ValueError,
        r"model_gradient_sampling_interval: got 10+. Accepted: an int, 1 or more, below 2\*\*63",
    ),
    "callbacks": ({"forward_callback": 3}, TypeError, "forward_callback: got 3"),
    "a callback never": ({"callback_frequency": 0}, ValueError, "callback_frequency: got 0"),
    "another boundary": ({"boundary": "open"}, ValueError, "boundary: got 'open' for scalar"),
    "layers at a free face": (
        {"boundary": ["free", None, None, None]},
        ValueError,
        r"pml_width\[0\]: is 4, but that face is 'free'",
    ),
    "a boundary or not": ({"boundary": True}, ValueError, "boundary: got True for scalar"),
    "boundaries of faces": ({"boundary": ["pml"] * 3}, ValueError, "boundary: has 3 entries"),
    "courant_number": ({"courant_number": 1.1}, ValueError, "courant_number: got 1.1.*unstable"),
    "tapering too much": ({"freq_taper_frac": 1.5}, ValueError, "freq_taper_frac: got 1.5"),
    "padding less than none": ({"time_pad_frac": -0.1}, ValueError, "time_pad_frac: got -0.1"),
    "padding more than all": ({"time_pad_frac": 1.5}, ValueError, "time_pad_frac: got 1.5"),
    "a taper that is a number": ({"time_taper": 1}, TypeError, r"time_taper: got 1 \(int\)"),
    "another interpolation": (
        {"location_interpolation": "linear"},
        ValueError,
        "location_interpolation: got 'linear'",
    ),
    "too wide a window": (
        {"location_interpolation_halfwidth": 11},
        ValueError,
        "location_interpolation_halfwidth: got 11",
    ),
    "another backend": ({"backend": "jit"}, ValueError, "backend: got 'jit'.*'eager'"),
    "both backends": (
        {"backend": "compiled", "python_backend": "eager"},
        ValueError,
        "python_backend: is 'eager', but backend is 'compiled'",
    ),
    "Deepwave's other backend": (
        {"python_backend": "jit"},
        ValueError,
        "python_backend: got 'jit'",
    ),
    "a keyword that is not": ({"pml_widht": 3}, TypeError, "did you mean 'pml_width'"),
    "a missing argument": ({"dt": None}, TypeError, "dt: got None"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_error(fault):
    """In the planner, which makes the checks of a call and no array."""
    changes, error, text = FAULTS[fault]
    with pytest.raises(error, match=text) as caught:
        dualwave.plan("scalar", **(case(2) | changes))
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_the_front_ends_raise_the_same(name, x64):
    """Every fault, word for word, from the function itself."""
    front = FRONT_ENDS[name]()
    for fault, (changes, error, _) in FAULTS.items():
        arguments = case(2) | changes
        if fault == "half precision" or fault == "a list for a model":
            continue  # the dtype and the way to convert have their own names
        with pytest.raises(error) as planned:
            dualwave.plan("scalar", **arguments)
        with pytest.raises(error) as called:
            front.call(arguments)
        assert str(called.value) == str(planned.value), fault


def test_tensors_without_sources_are_refused():
    """As a mask is."""
    arguments = case_of("elastic", 2)
    del arguments["source_amplitudes_moment"], arguments["source_locations_moment"]
    message = "source_tensors_moment: is given, but source_locations_moment is not"
    with pytest.raises(ValueError, match=message):
        dualwave.plan("elastic", **arguments)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_numbers_of_numpy_are_numbers(name, x64):
    """Of any call, and of one whose description becomes text."""
    front = FRONT_ENDS[name]()
    given = {
        "accuracy": np.int64(4),
        "callback_frequency": np.int32(5),
        "location_interpolation_halfwidth": np.int64(4),
        "model_gradient_sampling_interval": np.int16(2),
        "check_output_finite": np.True_,
        "gradient_storage": np.str_("full"),
        "nt": np.int64(50),
    }
    plain = {k: x.item() for k, x in given.items()}
    found, wanted = (
        front.gradients(lambda out: (out[-1] ** 2).sum(), case(2) | numbers, ["v"])[0]
        for numbers in (given, plain)
    )
    assert np.abs(wanted).max() > 0
    np.testing.assert_array_equal(found, wanted)


def test_each_framework_has_its_own_way_to_make_an_array():
    """Though small calls are made with NumPy's."""
    ways = {"torch": "torch.as_tensor", "jax": "jax.numpy.asarray"}
    for name, way in ways.items():
        front = FRONT_ENDS[name]()
        given = {k: front.array(x) for k, x in case(2, dtype="float32").items()}
        with pytest.raises(TypeError, match=rf"v: got .*list.* Use {way}\."):
            front.module.scalar(**given | {"v": case(2)["v"].tolist()})
    with pytest.raises(TypeError, match=r"v: got .*list.* Use numpy\.asarray\."):
        dualwave.plan("scalar", **case(2, v=case(2)["v"].tolist()))


def test_the_good_case_passes():
    """So that the faults above are the only ones."""
    with pytest.warns(UserWarning, match="4.2 cells per wavelength at 60 Hz"):
        plan = dualwave.plan("scalar", **case(2))
    assert plan.step_ratio == 1


def test_a_fine_grid_does_not_warn(recwarn):
    dualwave.plan("scalar", **case(2, pml_freq=30.0))
    assert not recwarn


def test_warnings_point_at_the_caller():
    with pytest.warns(UserWarning, match="cells per wavelength") as caught:
        dualwave.plan("scalar", **case(2))
    assert caught[0].filename == __file__


def test_what_may_look_wrong_but_is_not():
    """Receivers in one cell, sources between cells in one place, masked nonsense, zero speeds."""
    arguments = case(2, pml_freq=30.0)
    dualwave.plan("scalar", **arguments | {"receiver_locations": np.full((2, 3, 2), 5)})
    dualwave.plan("scalar", **arguments | {"source_locations": np.full((2, 2, 2), 5.5)})
    dualwave.plan("scalar", **arguments | {"v": changed(V, (0, 0), 0.0)})
    masked = arguments | {
        "source_locations": changed(SOURCES, (0, 0), 999),
        "source_mask": np.array([[False, True], [True, True]]),
    }
    dualwave.plan("scalar", **masked)
    ignored = arguments | {"source_locations": np.full((2, 2, 2), IGNORE_LOCATION)}
    dualwave.plan("scalar", **ignored)
    # float32 rounds 2600.1 up; that is no speed above max_vel.
    high = np.full((12, 15), 2600.1, np.float32)
    assert float(high.max()) > 2600.1
    single = {"v": high, "source_amplitudes": AMPLITUDES.astype(np.float32), "max_vel": 2600.1}
    dualwave.plan("scalar", **arguments | single)
    # The fields' own type, whatever it is.
    exact = {"gradient_storage": "full", "storage_dtype": "float64"}
    dualwave.plan("scalar", **arguments | exact)
    with pytest.raises(ValueError, match="storage_dtype: got 'float64'"):
        dualwave.plan("scalar", **arguments | single | exact)


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_all_finite(name):
    front = FRONT_ENDS[name]()
    fw = front.module.scalar.framework
    largest = np.finfo(np.float32).max
    for values, wanted in (
        ([1.0, -2.0], True),
        ([largest, largest], True),  # their sum is not
        ([largest, -largest, 1.0], True),
        ([1.0, np.nan], False),
        ([np.inf, -np.inf], False),
        ([], True),
    ):
        assert checks.all_finite(fw, front.array(np.array(values, np.float32))) is wanted


def test_torch_names_the_device():
    torch = pytest.importorskip("torch")
    arguments = {k: FRONT_ENDS["torch"]().array(x) for k, x in case(2).items()}
    arguments["source_amplitudes"] = arguments["source_amplitudes"].to("meta")
    from dualwave.torch import scalar

    with pytest.raises(ValueError, match=r"source_amplitudes: is on device meta.*v.device"):
        scalar(**arguments)
    with pytest.raises(TypeError, match=r"v: got ndarray of dtype float64.*torch.as_tensor"):
        scalar(V, 5.0, 1e-3)
    assert isinstance(arguments["v"], torch.Tensor)
