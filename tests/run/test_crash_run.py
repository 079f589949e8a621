"""A run killed ahead of any call that changes a disk: the next one needs no flag and ends the same."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.run import paper


def killed(folder: Path, fatal: int) -> bool:
    """Runs the study in a process that dies ahead of a call; whether there were as many."""

    def die(number: int, name: str, path: str) -> None:
        if number == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    code, said = paper.apart(folder, "run", "paper.yaml", first=lambda: paper.watch(die))
    assert code in (0, -signal.SIGKILL), said
    return code != 0


def check(undisturbed: Path, folder: Path, fatal: int) -> bool:
    """What holds after a kill; gives whether there was one."""
    expected = paper.digests(undisturbed)
    dead = killed(folder, fatal)
    assert paper.sound(folder, harmless=frozenset({"orphaned"})), fatal
    acknowledged = paper.digests(folder)
    assert acknowledged.items() <= expected.items(), fatal
    assert paper.apart(folder, "run", "paper.yaml")[0] == 0, fatal
    assert paper.digests(folder) == expected, fatal
    assert paper.page(folder) == paper.page(undisturbed), fatal
    assert paper.sound(folder), fatal
    return dead


def through(undisturbed: Path, base: Path, stride: int) -> int:
    """Kills at every so-manyth call until a run has fewer; gives the first number that it does not reach."""
    fatal = 1
    while check(undisturbed, folder := paper.project(base / f"killed at {fatal}"), fatal):
        shutil.rmtree(folder)
        fatal += stride
    return fatal


def test_a_kill_at_every_thirtieth_call(undisturbed: Path, tmp_path: Path):
    assert through(undisturbed, tmp_path, 30) > 100


@pytest.mark.slow
def test_a_kill_at_every_call(undisturbed: Path, tmp_path: Path):
    assert through(undisturbed, tmp_path, 1) > 100
