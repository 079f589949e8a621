"""The page of a study that never ran, and the site with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.report.study import study
from ws_dsl.report import site
from ws_dsl.report.content import StudyPage
from ws_dsl.report.page import write


@pytest.fixture(scope="session")
def page() -> StudyPage:
    return study()


@pytest.fixture(scope="session")
def built(page: StudyPage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site with this study on it."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(site.templates_folder().parent / "site" / "pages", folder / "pages")
    write(page, folder / "studies" / page.id)
    (folder / "studies" / page.id / "study.json").write_text("{}")
    return site.build(folder).folder
