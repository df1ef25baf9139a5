"""Free and rigid faces: a run with one is half of a run in a medium with its mirror image."""

import itertools

import numpy as np
import pytest

from helpers.calls import FRONT_ENDS, assert_close, numpy, wavelet

pytestmark = [
    pytest.mark.usefixtures("x64"),
    pytest.mark.filterwarnings("ignore:there are:UserWarning"),  # coarse on purpose
]
BOTH = pytest.mark.parametrize("name", FRONT_ENDS)
SHAPES = {1: (24,), 2: (24, 18), 3: (14, 12, 13)}
SPACING, DT, NT = [5.0, 6.0, 5.5], 4e-4, 120
CHANNELS = {
    "scalar": ("source_amplitudes", "source_locations", "receiver_locations", -1),
    "acoustic": (
        "source_amplitudes_volume_rate",
        "source_locations_volume_rate",
        "receiver_locations_p",
        "receiver_amplitudes_p",
    ),
}


def models_of(equation, ndim):
    rng = np.random.default_rng(ndim)
    v = rng.uniform(1500, 2500, SHAPES[ndim])
    return {"v": v} if equation == "scalar" else {"v": v, "rho": rng.uniform(1, 2, v.shape)}


def run(front, equation, models, points, options):
    """Receivers of a shot; points: (size, cell) of the sources, and cells of the receivers."""
    sources, receivers = points
    amplitudes, source_locations, receiver_locations, result = CHANNELS[equation]
    signal = wavelet(NT, DT, 60.0)
    arguments = {
        amplitudes: np.array([[size * signal for size, _ in sources]]),
        source_locations: np.array([[cell for _, cell in sources]]),
        receiver_locations: np.array([receivers]),
    }
    ndim = next(iter(models.values())).ndim
    given = {k: front.array(np.ascontiguousarray(x)) for k, x in (models | arguments).items()}
    out = getattr(front.module, equation)(
        **given, grid_spacing=SPACING[:ndim], dt=DT, pml_freq=50.0, max_vel=4000.0, **options
    )
    return out[result] if isinstance(result, int) else getattr(out, result)


def surface(equation, face):
    """Cells from the first whole node to the face, and whether that node is on it."""
    if face == "rigid":
        return 0.5, False
    return (1.0, False) if equation == "scalar" else (0.0, True)


def mirrored(x, axis, equation, face):
    """A model continued beyond its low face by its image."""
    distance, on_node = surface(equation, face)
    image = np.flip(np.delete(x, 0, axis) if on_node else x, axis)
    between = [np.take(x, [0], axis)] * (distance == 1.0)
    return np.concatenate([image, *between, x], axis)


CASES = [
    pytest.param(
        *row,
        marks=[] if row[1] == 2 or row[4] == 4 else pytest.mark.slow,
        id="-".join(map(str, row)),
    )
    for row in itertools.product(
        CHANNELS, (1, 2, 3), ("free", "rigid"), ("low", "high"), (2, 4, 6, 8)
    )
]


@pytest.mark.parametrize(("equation", "ndim", "face", "side", "accuracy"), CASES)
def test_it_is_the_mirror_image(equation, ndim, face, side, accuracy):
    axis, front = ndim // 2, FRONT_ENDS["torch"]()
    models, shape = models_of(equation, ndim), SHAPES[ndim]
    source = [n // 2 - 2 for n in shape]
    receivers = [[n // 2 for n in shape], [n // 3 for n in shape], [n - 4 for n in shape]]
    source[axis] = 3
    faces, widths = ["pml"] * (2 * ndim), [5, 4, 6, 3, 4, 5][: 2 * ndim]
    faces[2 * axis] = face
    options = {"accuracy": accuracy, "boundary": faces}
    one = [0 if k == 2 * axis else w for k, w in enumerate(widths)]
    both = [widths[2 * axis + 1] if k == 2 * axis else w for k, w in enumerate(widths)]
    doubled = {k: mirrored(x, axis, equation, face) for k, x in models.items()}
    size, offset = shape[axis], doubled["v"].shape[axis] - shape[axis]
    place = offset - surface(equation, face)[0]

    def moved(cell, image=False):
        cell = list(cell)
        cell[axis] = round(2 * place - cell[axis] - offset) if image else cell[axis] + offset
        return cell

    sign = 1 if face == "rigid" else -1
    want = run(
        front,
        equation,
        doubled,
        ([(1, moved(source)), (sign, moved(source, image=True))], [moved(r) for r in receivers]),
        {"accuracy": accuracy, "pml_width": both},
    )
    if side == "high":
        # The same seen from the other end.
        models = {k: np.flip(x, axis) for k, x in models.items()}
        faces[2 * axis : 2 * axis + 2] = faces[2 * axis : 2 * axis + 2][::-1]
        one[2 * axis : 2 * axis + 2] = one[2 * axis : 2 * axis + 2][::-1]
        for cell in (source, *receivers):
            cell[axis] = size - 1 - cell[axis]
    got = run(front, equation, models, ([(1, source)], receivers), options | {"pml_width": one})
    assert_close(got, want, 1e-12)
    absorbed = run(
        front,
        equation,
        models,
        ([(1, source)], receivers),
        {"accuracy": accuracy, "pml_width": [w or 5 for w in one]},
    )
    assert np.abs(numpy(absorbed) - numpy(want)).max() > 1e-2 * np.abs(numpy(want)).max()


@pytest.mark.parametrize("equation", CHANNELS)
@BOTH
def test_compiled_is_eager_with_its_derivatives(name, equation):
    """All four kinds of faces at once; results, gradients and second derivatives."""
    front = FRONT_ENDS[name]()
    models = models_of(equation, 2)
    points = ([(1, [5, 6]), (0.5, [9, 11])], [[7, 3], [15, 12], [2, 9]])
    faces = ["free", "rigid", "rigid", "free"]
    rng = np.random.default_rng(1)
    direction = {k: front.array(0.1 * x * rng.normal(size=x.shape)) for k, x in models.items()}
    own, found = {k: front.array(x) for k, x in models.items()}, []
    transforms = front.jax if name == "jax" else front.torch.func
    for backend in ("eager", "compiled"):

        def loss(models, backend=backend):
            options = {"boundary": faces, "backend": backend}
            signal = CHANNELS[equation]
            sources, receivers = points
            given = {
                signal[0]: front.array(np.array([[s * wavelet(NT, DT, 60.0) for s, _ in sources]])),
                signal[1]: front.array(np.array([[cell for _, cell in sources]])),
                signal[2]: front.array(np.array([receivers])),
            }
            out = getattr(front.module, equation)(
                **models,
                grid_spacing=SPACING[:2],
                dt=DT,
                pml_freq=50.0,
                max_vel=4000.0,
                **given,
                **options,
            )
            data = out[signal[3]] if isinstance(signal[3], int) else getattr(out, signal[3])
            return (data**2).sum() + 1e-3 * (out[0] ** 2).sum()

        def all_of_it(own, direction, loss=loss):
            gradient = transforms.grad(loss)
            return loss(own), gradient(own), transforms.jvp(gradient, (own,), (direction,))[1]

        found.append((transforms.jit(all_of_it) if name == "jax" else all_of_it)(own, direction))
    (value, gradient, product), (own_value, own_gradient, own_product) = found
    assert_close(own_value, value, 1e-12)
    for k in models:
        assert_close(own_gradient[k], gradient[k], 1e-12)
        assert_close(own_product[k], product[k], 1e-12)


@BOTH
def test_what_is_refused(name):
    front = FRONT_ENDS[name]()
    points = ([(1, [5, 6])], [[7, 3]])

    def attempt(equation, points, **options):
        return run(front, equation, models_of(equation, 2), points, options)

    with pytest.raises(ValueError, match="boundary: got 'periodic'"):
        attempt("scalar", points, boundary="periodic")
    with pytest.raises(ValueError, match=r"pml_width\[0\]: is 5, but that face is 'free'"):
        attempt("scalar", points, boundary=["free", "pml", "pml", "pml"], pml_width=[5, 5, 5, 5])
    with pytest.raises(ValueError, match="held at zero"):
        attempt("acoustic", ([(1, [0, 6])], [[7, 3]]), boundary="free")
    assert np.abs(numpy(attempt("scalar", ([(1, [0, 6])], [[7, 3]]), boundary="free"))).max() > 0
    x = front.array(np.full((9, 9), 1e9))
    with pytest.raises(ValueError, match=r"boundary: got 'free' for elastic.*vacuum"):
        front.module.elastic(
            x,
            x / 2,
            x * 1e-12,
            5.0,
            1e-4,
            nt=5,
            boundary="free",
            source_amplitudes_x=front.array(np.ones((1, 1, 5))),
            source_locations_x=front.array(np.array([[[4, 4]]])),
        )


def test_survey_pad_keeps_the_model_up_to_such_a_face():
    front = FRONT_ENDS["torch"]()
    models, points = models_of("scalar", 2), ([(1, [12, 9])], [[13, 8]])
    options = {"boundary": ["free", "pml", "pml", "pml"], "max_vel": 4000.0}
    whole = run(front, "scalar", models, points, {"boundary": options["boundary"]})
    cut = run(
        front,
        "scalar",
        models,
        points,
        {"boundary": options["boundary"], "survey_pad": [0, None, None, None]},
    )
    np.testing.assert_array_equal(numpy(cut), numpy(whole))
