from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.run import paper
from tests.run.lab import Lab, Ran


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """An empty store."""
    lab = Lab(tmp_path)
    lab.data()
    return lab


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lab, Ran]:
    """The small study, run; not to be changed."""
    lab = Lab(tmp_path_factory.mktemp("finished"))
    lab.data()
    return lab, lab.run()


@pytest.fixture
def warm(finished: tuple[Lab, Ran], tmp_path: Path) -> Lab:
    """A store of one's own that holds the small study."""
    shutil.copytree(finished[0].root, tmp_path / "lab")
    return Lab(tmp_path / "lab")


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study of cheap kinds, run in this process, so that those forked from it import nothing."""
    folder = paper.project(tmp_path_factory.mktemp("paper") / "undisturbed")
    before = Path.cwd()
    try:
        assert paper.command(folder, "run", "paper.yaml") == 0
    finally:
        os.chdir(before)
    return folder
