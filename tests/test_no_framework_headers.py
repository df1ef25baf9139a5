"""The compiled core knows no framework: only csrc/bindings/ may name one."""

import re
from pathlib import Path

CSRC = Path(__file__).parents[1] / "csrc"
SOURCES = sorted(
    p for p in CSRC.rglob("*") if p.suffix in {".hpp", ".cpp", ".cuh", ".cu", ".in", ".h"}
)
FOREIGN = re.compile(
    r"#\s*include\s*[<\"]\s*(torch|ATen|c10|jax|xla|nanobind|pybind11|Python\.h|numpy|dlpack)", re.I
)
WORDS = re.compile(
    r"\b(torch|pytorch|jax|xla|nanobind|pybind11|PyObject)\b|\b(XLA|Py)_\w+|\b(at|c10|nb|nanobind)::",
    re.I,
)


def code_of(path: Path) -> str:
    text = path.read_text()
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    return re.sub(r"//[^\n]*", " ", text)


def test_there_is_something_to_look_at():
    folders = {p.relative_to(CSRC).parts[0] for p in SOURCES}
    assert {"bindings", "cpu", "equations"} <= folders
    bindings = "".join(p.read_text() for p in SOURCES if "bindings" in p.parts)
    assert FOREIGN.search(bindings), "the pattern must find what it looks for where it is allowed"


def test_no_framework_outside_bindings():
    found = {}
    for path in SOURCES:
        if path.relative_to(CSRC).parts[0] == "bindings":
            continue
        code = code_of(path)
        if hit := FOREIGN.search(code) or WORDS.search(code):
            found[str(path.relative_to(CSRC))] = hit.group(0)
    assert not found
