"""Every transform of both frameworks on whole calls, for every equation, input and dimension.

One table, one body. What a transform returns is compared with differences of the forward call, and
of the compiled backend also with derivatives of the eager one. `make test` runs a cover in which
every two entries meet; `make test-all` the whole table, from which it writes docs/transforms.md.
"""

import functools
import itertools

import numpy as np
import pytest
from allpairspy import AllPairs

from helpers.calls import FRONT_ENDS, numpy
from helpers.transform_case import (
    KINDS,
    WEIGHTS,
    Case,
    V,
    X,
    differences,
    eager_references,
    functions,
)
from helpers.transform_page import FORMS, PAGE, TITLES, rows, traced
from helpers.transforms import TRANSFORMS, Tools, donated, exported

pytestmark = [
    pytest.mark.usefixtures("x64"),
    pytest.mark.filterwarnings("ignore::UserWarning"),  # coarse on purpose; of torch.compile
]
SUBJECTS = tuple((front, name) for front, table in TRANSFORMS.items() for name in table)
PRECISIONS = tuple(itertools.product(("float64", "float32"), (False, True)))  # and sub-stepping
BACKENDS = ("compiled", "eager")
AXES = (SUBJECTS, FORMS, KINDS, (1, 2, 3), PRECISIONS, BACKENDS)
TOLERANCE = {"float64": 2e-6, "float32": 3e-3}  # of the differences; of single precision


def possible(row):
    """Whether entries may meet; a row may be its first entries alone.

    The eager backend is the framework's own derivative of array operations, and takes minutes for
    the larger of them; tracing programs of thousands of operations takes PyTorch as long.
    """
    row = (*row, *[None] * (len(AXES) - len(row)))
    (front, name), form, _, ndim, precision, backend = row
    heavy = ndim == 3 or (form is not None and "elastic" in form)
    if traced(front, name):
        return not heavy and backend != "eager"
    if backend == "eager":
        return not heavy and precision[0] == "float64" and (front == "torch" or form == "scalar")
    return True


def light(row):
    """Whether entries meet in the cover: to compile what has many operations takes long."""
    (front, name), form, kind, ndim, _, backend = (*row, *[None] * (len(AXES) - len(row)))
    everything, several = kind == "everything", form not in (None, "scalar")
    if traced(front, name):
        return possible(row) and not (everything or (several and ndim == 2))
    large = (several and everything) or ((several or everything) and ndim == 3)
    large |= ndim == 2 and (backend == "eager" or (several and "elastic" in form))
    return possible(row) and not (front == "jax" and large)


def table():
    """All rows; those outside the cover are slow. In these, precisions come in turns."""
    cover = [tuple(row) for row in AllPairs([list(axis) for axis in AXES], filter_func=light)]
    slow: list[tuple] = []
    for number, row in enumerate(itertools.product(*AXES[:4], BACKENDS)):
        precision = PRECISIONS[number % 4] if row[-1] == "compiled" else PRECISIONS[number % 2]
        slow.append((*row[:4], precision, row[-1]))
    cover += completion(cover, [row for row in slow if light(row)])
    # One after the other those that are compared with the same references, which a process keeps.
    cover.sort(key=lambda row: (row[1], row[3], row[2], row[4][1]))
    done = set(cover)
    for row in [*cover, *(row for row in slow if row not in done and possible(row))]:
        (front, name), form, kind, ndim, (dtype, substeps), backend = row
        label = f"{front}: {name}, {form}, {kind}, {ndim}-D, {dtype}, {backend}"
        marks = [] if row in done else [pytest.mark.slow]
        yield pytest.param(*row, id=label + ", substeps" * substeps, marks=marks)


def pairs(row):
    return set(itertools.combinations(enumerate(row), 2))


def completion(cover, rows):
    """Rows for the pairs that AllPairs leaves out where a filter refuses the row that it has."""
    missing = set().union(*map(pairs, rows)).difference(*map(pairs, cover))
    found = []
    for least in (4, 2, 1):
        for row in rows:
            if len(missing & pairs(row)) >= least:
                found.append(row)
                missing -= pairs(row)
    return found


@functools.cache
def problem(front, case, dtype, backend):
    own = FRONT_ENDS[front]()
    tools = Tools(own, dtype)
    tools.weights = own.array(WEIGHTS.astype(dtype))
    return (
        tools,
        *functions(own, case, dtype, backend),
        *(own.array(x.astype(dtype)) for x in (X, V)),
    )


@pytest.fixture(autouse=True)
def room():
    """Programs and graphs of some hundred calls would fill gigabytes."""
    yield
    _DONE.append(None)
    if len(_DONE) % 40 == 0:
        problem.cache_clear()
        FRONT_ENDS["jax"]().jax.clear_caches()


_DONE: list[None] = []


def run(transform, tools, *given):
    """In JAX as one program: one operation after the other, the larger calls compile for long."""
    call = functools.partial(transform.run, tools, *given[:2])
    if tools.name == "jax" and transform.run not in (donated, exported):
        call = tools.jax.jit(call)
    return call(*given[2:])


def check(found, wanted, tolerance):
    assert found.shape == wanted.shape
    assert np.abs(wanted).max() > 1e-6
    assert np.abs(found - wanted).max() <= tolerance * np.abs(wanted).max()


@pytest.mark.parametrize(("subject", "form", "kind", "ndim", "precision", "backend"), table())
def test_transform(subject, form, kind, ndim, precision, backend, record_property):
    (front, name), (dtype, substeps) = subject, precision
    transform, case = TRANSFORMS[front][name], Case(form, ndim, kind, substeps)
    given = problem(front, case, dtype, backend)
    record_property("transform", [front, name, backend, form])
    if case.scattered and transform.order == 2 and backend == "compiled":
        # A scattered field is a derivative already.
        with pytest.raises(Exception, match="to second order"):
            run(transform, *given)
        record_property("raises", True)
        return
    found = numpy(run(transform, *given)).astype("float64")
    check(found, differences(case)[transform.of], TOLERANCE[dtype])
    if backend == "compiled" and dtype == "float64" and ndim < 3:
        check(found, eager_references(case)[transform.of], 1e-10)


def test_the_page_has_the_rows_of_the_table():
    """Of docs/transforms.md, which make test-all writes anew."""
    wanted = {TITLES[front]: list(names) for front, names in TRANSFORMS.items()}
    assert rows(PAGE.read_text(encoding="utf-8")) == wanted
    assert "FAILED" not in PAGE.read_text(encoding="utf-8")
