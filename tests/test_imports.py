"""What an import loads, each in a fresh interpreter that sees nothing but the installed package."""

import json
import subprocess
import sys
import textwrap

import pytest

LIST_MODULES = """
import json, sys
print(json.dumps(sorted(sys.modules)))
"""
BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
"""


def run(code: str, tmp_path) -> set[str]:
    """The modules loaded after ``code``; ``-P`` and the folder keep the tree out of sight."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(code) + LIST_MODULES],
        capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_core_loads_neither_framework(tmp_path):
    loaded = run("import dualwave", tmp_path)
    assert "dualwave" in loaded
    assert not loaded & {"torch", "jax", "jaxlib", "scipy", "matplotlib"}
    assert "numpy.f2py" not in loaded, "parts of NumPy that nothing here needs take a while"
    assert not loaded & {"core", "torch_api", "jax_api"}, (
        "the folders of the tree are not import names"
    )


@pytest.mark.parametrize(("front_end", "other"), [("torch", ["jax", "jaxlib"]), ("jax", ["torch"])])
def test_a_front_end_needs_only_its_own_framework(front_end, other, tmp_path):
    call = """
        import numpy as np
        import dualwave.{0}
        {1}
        ones = np.ones((30, 30), np.float32)
        shot = dict(source_amplitudes=array(ones[None, :1]), pml_freq=25.0, max_vel=1500.0,
                    source_locations=array(np.full((1, 1, 2), 15)),
                    receiver_locations=array(np.full((1, 1, 2), 12)))
        out = dualwave.{0}.scalar(array(1500 * ones), 5.0, 1e-3, **shot)
        assert np.abs(np.asarray(out[-1])).max() > 0
    """
    array = {
        "torch": "import torch; array = torch.from_numpy",
        "jax": "import jax.numpy as jnp; array = jnp.asarray",
    }[front_end]
    code = BLOCK.format(names=other) + textwrap.dedent(call.format(front_end, array))
    loaded = run(code, tmp_path)
    assert front_end in loaded
    assert not loaded & set(other)


@pytest.mark.parametrize("front_end", ["torch", "jax"])
def test_a_missing_framework_is_named(front_end, tmp_path):
    code = f"""
    try:
        import dualwave.{front_end}
    except ImportError as error:
        assert {front_end!r} in str(error), error
    else:
        raise AssertionError("imported without its framework")
    """
    run(BLOCK.format(names=[front_end]) + textwrap.dedent(code), tmp_path)
