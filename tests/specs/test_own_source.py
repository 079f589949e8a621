"""What a user's kind rests on: every module of the project that it imports, and no other."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ws_dsl.specs.canonical import sha256
from ws_dsl.specs.own_source import source_digest

KIND = b"""
import json, numpy
from helpers.words import count
from ws_dsl import Kind

def run(cells, context):
    import late
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    files = {
        "ws-dsl.toml": "",
        "kinds/mine.py": KIND.decode(),
        "helpers/__init__.py": "",
        "helpers/words.py": "from helpers import letters\ndef count(text): return len(text)\n",
        "helpers/letters.py": "import helpers.words\nA = 1\n",
        "helpers/unused.py": "A = 1\n",
        "late.py": "A = 1\n",
        "json.py.txt": "",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.setattr(sys, "path", [*sys.path, str(root)])
    return root


@pytest.mark.parametrize("name", ["helpers/__init__.py", "helpers/words.py", "helpers/letters.py", "late.py"])
def test_a_changed_helper_changes_the_kind(project: Path, name: str):
    before = source_digest(project / "kinds" / "mine.py", KIND)
    assert before == source_digest(project / "kinds" / "mine.py", KIND)
    with (project / name).open("a") as file:
        file.write("B = 2\n")
    assert source_digest(project / "kinds" / "mine.py", KIND) != before


def test_what_is_not_imported_changes_nothing(project: Path):
    before = source_digest(project / "kinds" / "mine.py", KIND)
    (project / "helpers" / "unused.py").write_text("A = 2\n")
    assert source_digest(project / "kinds" / "mine.py", KIND) == before


def test_a_kind_of_libraries_alone_is_its_file(project: Path):
    for source in (b"import json\nimport pytest\nfrom ws_dsl import Kind\n", b"not python ("):
        assert source_digest(project / "kinds" / "mine.py", source) == sha256(source)
