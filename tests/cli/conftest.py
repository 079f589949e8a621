from __future__ import annotations

import gc
import shutil
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.run.lab import Lab


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The small study, run and published; not to be changed."""
    lab = Lab(tmp_path_factory.mktemp("published"))
    lab.data()
    lab.study()
    with pytest.MonkeyPatch.context() as patch:
        from ws_dsl.cli.main import app

        patch.chdir(lab.root)
        app(["run", "small.yaml"], standalone_mode=False)
    # Copies are made of it: the index is closed now, not while one is made.
    gc.collect()
    return lab


@pytest.fixture
def lab(published: Lab, tmp_path: Path) -> Lab:
    """A copy of it of one's own."""
    shutil.copytree(published.root, tmp_path / "lab")
    return Lab(tmp_path / "lab")


@pytest.fixture
def empty(tmp_path: Path) -> Lab:
    lab = Lab(tmp_path)
    lab.data()
    lab.study()
    return lab


@pytest.fixture
def ws(lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """The command line in a project whose study was run."""
    return Terminal(lab, monkeypatch, capsys)
