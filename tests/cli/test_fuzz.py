"""`check` says of any file that it is right, or where it is wrong; and nothing else, ever."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli import mutations
from tests.cli.terminal import Terminal
from tests.run.lab import CLAIMS, Lab, small

BASES = [small(), small(), *mutations.guide()]
PLACED = re.compile(r"^\S+\.yaml:\d+:\d+ error\[[a-z-]+\] \S", re.MULTILINE)
SECONDS = 60
"""After which a check hangs. Only a bound: none takes a tenth of it."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """An empty project."""
    lab = Lab(tmp_path)
    lab.data()
    (tmp_path / "ws-dsl.toml").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "claims.jsonl").write_bytes((tmp_path / "claims.jsonl").read_bytes())
    return Terminal(lab, monkeypatch, capsys)


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    def hang(number: int, frame: object) -> None:
        raise TimeoutError(f"a check took more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, hang)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def told(here: Terminal, content: bytes) -> None:
    (here.lab.root / "study.yaml").write_bytes(content)
    signal.alarm(SECONDS)
    said = here("check", "study.yaml")
    signal.alarm(0)
    assert said.code in (0, 2), said.err
    assert "Traceback" not in said.err
    assert len(said.err) < 50_000
    if said.code == 2:
        assert PLACED.search(said.err), said.err


few = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
many = settings(few, max_examples=10_000)
STUDIES = mutations.files(BASES)


@few
@given(STUDIES)
def test_a_changed_study_is_right_or_told(here: Terminal, content: bytes):
    told(here, content)


@pytest.mark.slow
@many
@given(STUDIES)
def test_ten_thousand_changed_studies_are_right_or_told(here: Terminal, content: bytes):
    told(here, content)


@few
@given(mutations.trees([CLAIMS]), st.sampled_from(mutations.BYTES), st.integers(0, 2000))
def test_changed_data_are_right_or_told(here: Terminal, rows: Any, noise: bytes, place: int):
    content = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode("utf-8", "surrogatepass")
    at = place % (2 * len(content) + 1)
    if at < len(content):
        content = content[:at] + noise + content[at:]
    (here.lab.root / "claims.jsonl").write_bytes(content)
    told(here, json.dumps(small()).encode())


def test_the_studies_that_are_changed_are_right(here: Terminal):
    assert len(BASES) > 3
    for base in BASES[:2]:
        (here.lab.root / "study.yaml").write_text(json.dumps(base), encoding="utf-8")
        assert here("check", "study.yaml").code == 0
