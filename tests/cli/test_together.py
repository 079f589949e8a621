"""Several commands at once in one project."""

from __future__ import annotations

import shutil

from tests.cli.terminal import process
from tests.cli.test_interrupt import RUN
from tests.cli.test_run import files
from tests.run.lab import Lab


def test_runs_that_write_the_same_pages_at_once(lab: Lab, published: Lab):
    shutil.rmtree(lab.root / "site")
    together = [process(lab, RUN) for _ in range(3)]
    ends = [(running.communicate()[1], running.returncode) for running in together]
    assert [code for _, code in ends] == [0, 0, 0], ends
    for folder in ("studies", "_build/studies"):
        assert files(lab.root / "site" / folder) == files(published.root / "site" / folder)
