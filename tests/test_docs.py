"""The pages: their Python blocks run, and what they name exists."""

from __future__ import annotations

import ast
import re
import warnings
from pathlib import Path

import pytest

from dualwave.equations import ACOUSTIC

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [ROOT / "README.md", *ROOT.glob("docs/**/*.md")], key=lambda page: str(page.relative_to(ROOT))
)
FOLDERS = ("core", "csrc", "torch_api", "jax_api", "tests", "docs")

every_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: str(page.relative_to(ROOT).with_suffix(""))
)


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """Line number and text of each block of a language."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, match.start(1)), match[1]) for match in found]


def words(text: str) -> str:
    """Text without its line breaks and indentation."""
    return " ".join(text.split())


RUNNABLE = [page for page in PAGES if blocks(page, "python")]


def test_there_are_blocks():
    named = {page.name for page in RUNNABLE}
    assert {"README.md", "calls.md", "deepwave.md", "derivatives.md"} <= named


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.stem)
def test_python_blocks_run(page):
    """One after the other in one namespace, and without a warning of this package or the like."""
    namespace: dict = {"__name__": page.stem}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for line, text in blocks(page, "python"):
            # Lines of an error are those of the page.
            code = compile("\n" * line + text, str(page), "exec")
            exec(code, namespace)


@every_page
def test_every_block_has_a_language_that_is_looked_at(page):
    fences = re.findall(r"^ *```(\w*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) % 2 == 0
    assert set(fences[::2]) <= {"python", "cpp", "sh"}


def functions(text: str) -> list[str]:
    """Functions of a module, without the types that a page leaves out."""
    found = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    for node in found:
        node.returns = None
        for argument in node.args.args:
            argument.annotation = None
    return [ast.dump(node) for node in found]


def test_the_equation_of_the_walk_is_the_one_that_is_built_in():
    """Each function of the page and each excerpt in C++, word for word; the table by its values."""
    page = ROOT / "docs/adding_an_equation.md"
    source = (ROOT / "core/equations/acoustic.py").read_text(encoding="utf-8")
    there, shown, namespace = functions(source), [], {}
    for _, text in blocks(page, "python")[:3]:
        shown += functions(text)
        exec(text, namespace)
    assert len(shown) == 2
    assert set(shown) <= set(there)
    mine = namespace["MY_ACOUSTIC"]
    for name in ("coefficients", "parameters", "wavefields"):
        assert getattr(mine, name) == getattr(ACOUSTIC, name)
    for ndim in (1, 2, 3):
        for name in ("fields", "stages", "sources", "receivers"):
            assert getattr(mine, name)(ndim) == getattr(ACOUSTIC, name)(ndim)
    header = words((ROOT / "csrc/equations/acoustic.hpp").read_text(encoding="utf-8"))
    excerpts = blocks(page, "cpp")
    assert excerpts
    assert all(words(text) in header for _, text in excerpts)


@every_page
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    local = [target for target in targets if "://" not in target]
    missing = [target for target in local if not (page.parent / target).exists()]
    assert not missing


@every_page
def test_files_that_are_named_exist(page):
    text = page.read_text(encoding="utf-8")
    named = re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`", text)
    missing = [name for name in named if not (ROOT / name).exists()]
    assert not missing


@every_page
def test_tests_that_are_named_exist(page):
    """Somewhere, and in the file that is named after one: `test_x` in `tests/y.py`."""
    text = words(page.read_text(encoding="utf-8"))
    where: dict[str, set[str]] = {}
    for path in ROOT.glob("tests/**/test_*.py"):
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            where.setdefault(name, set()).add(path.relative_to(ROOT).as_posix())
    named = set(re.findall(r"`(test_\w+)`", text))
    assert named <= where.keys()
    pairs = re.findall(r"((?:`test_\w+`(?:, )?)+) (?:in|\() ?`(tests/[\w/]+\.py)`", text)
    for tests, path in pairs:
        for name in re.findall(r"test_\w+", tests):
            assert path in where[name], (name, path)
