"""Ctrl-C and SIGTERM: what was made is kept, and the same command goes on from there."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.cli.terminal import process
from tests.cli.test_run import files
from tests.run.lab import Lab, small
from ws_dsl.cli.interrupt import interruptible
from ws_dsl.registry import Store

RUN = "import sys; sys.argv[1:] = ['run', 'small.yaml']; from ws_dsl.cli.main import main; main()"

STUBBORN = '''"""A kind that takes its time, and does not let go.

What it does
    Sleeps.

What it cannot show
    Anything.

Inputs and output
    `of`: Rows. Gives Rows.

Reference
    None.
"""

import time
from pathlib import Path

from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref


class Stubborn(Kind[types.Rows]):
    """Sleep."""

    of: Ref[types.Rows]


version = 1


def run(cells, context):
    try:
        Path("asleep").touch()
        time.sleep(600)
    except KeyboardInterrupt:
        Path("disturbed").touch()
        time.sleep(600)
    yield from ()
'''


def manifests(lab: Lab) -> dict[str, str]:
    """Content digest by key of every cell in a store."""
    artifacts = Store(lab.project.registry).catalogue.artifacts()
    return {entry.key: entry.digest for entry in artifacts if entry.kind != "study_run"}


def until(condition: Callable[[], object], running: subprocess.Popen[str]) -> None:
    while not condition() and running.poll() is None:
        time.sleep(0.01)


@pytest.mark.parametrize(("number", "made"), [(signal.SIGINT, 1), (signal.SIGTERM, 8)], ids=["INT", "TERM"])
def test_an_interrupted_run_is_taken_up_where_it_was(
    empty: Lab, published: Lab, number: signal.Signals, made: int
) -> None:
    first = process(empty, RUN)
    until(lambda: len(list(empty.project.registry.glob("manifests/*/*.json"))) >= made, first)
    first.send_signal(number)
    _, err = first.communicate()
    kept = manifests(empty)
    assert first.returncode == 130, err
    assert "Traceback" not in err and not (empty.root / "site").exists()
    said = re.search(r"Interrupted\. (\d+) of (\d+) cells (is|are) made and kept in registry; the same", err)
    assert said is not None and len(kept) == int(said[1]) < int(said[2])
    assert not [damage for damage in Store(empty.project.registry).verify() if damage.what != "orphaned"]
    assert not [path for path in (empty.project.registry / "leases").rglob("*") if path.is_file()]

    second = process(empty, RUN)
    _, err = second.communicate()
    assert second.returncode == 0, err
    assert f"{int(said[2]) - int(said[1])} cells made, {said[1]} cached" in err
    assert manifests(empty) == manifests(published)
    assert files(empty.root / "site" / "studies") == files(published.root / "site" / "studies")


def test_a_second_ctrl_c_ends_at_once(empty: Lab) -> None:
    (empty.root / "kinds").mkdir()
    (empty.root / "kinds" / "stubborn.py").write_text(STUBBORN, encoding="utf-8")
    study = small()
    study["steps"]["slept"] = {"kind": "stubborn", "of": "claims"}
    empty.study(study)
    running = process(empty, RUN)
    for sign in ("asleep", "disturbed"):
        until((empty.root / sign).exists, running)
        running.send_signal(signal.SIGINT)
    _, err = running.communicate()
    assert running.returncode == -signal.SIGINT and "Traceback" not in err
    assert manifests(empty)


@pytest.mark.parametrize("where", ["ws_dsl.run.execute.execute", "ws_dsl.cli.run.open_studies"])
def test_before_anything_was_made(empty: Lab, where: str) -> None:
    module, _, name = where.rpartition(".")
    ending = f"import os, {module} as m; m.{name} = lambda *_: os.kill(os.getpid(), 15)"
    running = process(empty, f"{ending}; {RUN}")
    _, err = running.communicate()
    assert running.returncode == 130 and "Interrupted before a cell was made" in err


def test_signals_are_as_they_were_afterwards_and_ignored_ones_stay_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    ending = signal.getsignal(signal.SIGTERM)
    try:
        with interruptible():
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) != ending
        assert signal.getsignal(signal.SIGTERM) == ending
    finally:
        signal.signal(signal.SIGINT, before)
