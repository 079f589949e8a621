"""The public names are those that the package promises, and no others."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ws_dsl
from ws_dsl.specs import kinds
from ws_dsl.specs.kind import Kind


@pytest.mark.parametrize("name", ws_dsl.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert getattr(ws_dsl, name) is not None


def test_every_kind_of_step_is_public() -> None:
    spec_classes = {kinds.find(name).spec.__name__ for name in kinds.names() if kinds.verb(name) != "check"}
    public = {
        n for n in ws_dsl.__all__ if isinstance(v := getattr(ws_dsl, n), type) and issubclass(v, Kind)
    } - {"Kind"}
    assert public == spec_classes


def test_there_is_no_other_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Clmap'"):
        ws_dsl.Clmap  # noqa: B018


def test_importing_the_package_imports_no_kind() -> None:
    code = "import sys, ws_dsl; print([m for m in sys.modules if m.startswith('ws_dsl.')])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )
