"""Every kind is one file that documents itself, and one that tests it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ws_dsl.specs import kinds
from ws_dsl.specs.documentation import HEADINGS, sections
from ws_dsl.specs.kind import Kind, gives, input_fields

HERE = Path(__file__).parent
HEAVY = {
    "lancedb",
    "matplotlib",
    "numpy",
    "pyarrow",
    "safetensors",
    "scipy",
    "sklearn",
    "torch",
    "transformers",
}
EVERY = [name for name in kinds.names() if kinds.verb(name) != "own"]
MADE_BY_THE_PLANNER = {"stack"}


@pytest.mark.parametrize("name", EVERY)
def test_its_docstring_has_the_four_headings_with_something_under_each(name: str):
    found = sections(kinds.find(name).documentation)
    assert all(found.values())
    lines = kinds.find(name).documentation.splitlines()
    assert [line for line in lines if line in HEADINGS] == list(HEADINGS)
    assert found["Title"].endswith(".")


@pytest.mark.parametrize("name", EVERY)
def test_its_docstring_speaks_of_every_field(name: str):
    kind = kinds.find(name)
    told = sections(kind.documentation)["Inputs and output"]
    missing = [field for field in kind.spec.model_fields if f"`{field}`" not in told and field != "model"]
    assert not missing, f"{name}: Inputs and output says nothing of {', '.join(missing)}"


@pytest.mark.parametrize("name", EVERY)
def test_its_class_is_named_after_its_file_and_says_what_it_gives(name: str):
    spec = kinds.find(name).spec
    assert spec.__name__ == "".join(word.capitalize() for word in name.split("_"))
    assert issubclass(spec, Kind) and spec.__doc__
    assert gives(spec)
    assert all(field.accepts for field in input_fields(spec).values())


@pytest.mark.parametrize("name", EVERY)
def test_it_has_a_version_and_a_run(name: str):
    kind = kinds.find(name)
    assert isinstance(kind.version, int) and kind.version >= 1
    assert callable(getattr(kind.module, "run", None)) or name in MADE_BY_THE_PLANNER


@pytest.mark.parametrize("name", EVERY)
def test_it_has_a_test_of_its_own(name: str):
    if name not in MADE_BY_THE_PLANNER:
        assert (HERE / kinds.verb(name) / f"test_{name}.py").is_file()


def test_no_kind_imports_anything_heavy():
    code = (
        "import sys\nfrom ws_dsl.specs import kinds\nfor name in kinds.names(): kinds.find(name)\n"
        f"print(*sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HERE.parents[1]
    )
    assert done.stdout.split() == []


def test_kinds_are_described_from_their_docstrings():
    assert all(sections(kinds.find(name).documentation)["What it does"] for name in EVERY)
