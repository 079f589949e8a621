from __future__ import annotations

import pytest

from tests.steps.organism import Bench
from tests.steps.plain import Plain


@pytest.fixture(scope="session")
def bench() -> Bench:
    """The embedded model, loaded once."""
    return Bench()


@pytest.fixture(scope="session")
def plain(bench: Bench) -> Plain:
    """The same model in plain transformers."""
    return Plain(bench)
