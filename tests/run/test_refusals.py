"""A disk that is full, a store that cannot be written, a clock that is off: told, and nothing is lost."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.run import paper
from ws_dsl.registry import Store
from ws_dsl.registry.layout import entries


def refuse_from(first: int) -> None:
    """The disk is full from a call on: what removes still works."""

    def refuse(number: int, name: str, path: str) -> None:
        if number >= first and name not in ("unlink", "fchmod"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    paper.watch(refuse)


def full(undisturbed: Path, folder: Path, first: int) -> bool:
    """What holds when the disk is full from a call on; gives whether the run came to it."""
    expected = paper.digests(undisturbed)
    code, said = paper.apart(folder, "run", "paper.yaml", first=lambda: refuse_from(first))
    assert "Traceback" not in said, said
    assert code in (0, 1), said
    assert code == 0 or "full" in said or "No space left" in said, said
    assert paper.sound(folder, harmless=frozenset({"orphaned"})), first
    assert paper.digests(folder).items() <= expected.items(), first
    assert not any(entries(Store(folder / "registry").layout.attempts)), first
    assert paper.apart(folder, "run", "paper.yaml")[0] == 0, first
    assert paper.digests(folder) == expected, first
    assert paper.page(folder) == paper.page(undisturbed), first
    return code != 0


def fill(undisturbed: Path, base: Path, stride: int) -> int:
    first = 1
    while full(undisturbed, folder := paper.project(base / f"full at {first}"), first):
        shutil.rmtree(folder)
        first += stride
    return first


def test_a_disk_that_is_full_from_every_thirtieth_call_on(undisturbed: Path, tmp_path: Path):
    assert fill(undisturbed, tmp_path, 30) > 100


@pytest.mark.slow
def test_a_disk_that_is_full_from_every_call_on(undisturbed: Path, tmp_path: Path):
    assert fill(undisturbed, tmp_path, 1) > 100


@pytest.fixture(params=["store", "project"])
def frozen(undisturbed: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The project after the run, of which the store, or everything, may be read and not written."""
    folder = tmp_path / "frozen"
    shutil.copytree(undisturbed, folder)
    shutil.rmtree(folder / "site" / "_build")
    bound = folder if request.param == "project" else folder / "registry"
    _allow(bound, 0o555, 0o444)
    yield folder
    _allow(bound, 0o755, 0o644)


def _allow(folder: Path, folders: int, files: int) -> None:
    for path in [folder, *folder.rglob("*")]:
        path.chmod(folders if path.is_dir() else files)


def restricted(folder: Path, *words: str) -> tuple[int, str]:
    """Runs a command where modes of files bind root too; what it says goes elsewhere."""
    (folder / "log").touch()
    (folder / "log").chmod(0o644)

    def renounce() -> None:
        # capset(2) with empty sets, version 3 of the interface.
        header, empty = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
        assert ctypes.CDLL(None, use_errno=True).capset(header, empty) == 0
        with pytest.raises(PermissionError):
            (folder / "registry" / "probe").touch()

    return paper.apart(folder, *words, first=renounce)


def test_a_cached_study_reports_from_a_store_that_cannot_be_written(
    undisturbed: Path, frozen: Path, tmp_path: Path
):
    for words in (
        ["run", "paper.yaml", "--site", str(tmp_path / "site")],
        ["check", "paper.yaml"],
        ["plan", "paper.yaml"],
        ["ls"],
        ["verify", "--deep"],
    ):
        code, said = restricted(frozen, *words)
        assert (code, "Traceback" in said) == (0, False), (words, said)
    written = tmp_path / "site" / "studies" / "paper" / "index.md"
    assert written.read_bytes() == paper.page(undisturbed)["index.md"]
    assert (tmp_path / "site" / "_build" / "studies" / "paper" / "index.html").is_file()
    assert paper.digests(frozen) == paper.digests(undisturbed)


def test_work_for_a_store_that_cannot_be_written_is_refused(frozen: Path):
    study = frozen / "other.yaml"
    text = (frozen / "paper.yaml").read_text(encoding="utf-8").replace("[1, 2]", "[1, 2, 3]")
    mode = frozen.stat().st_mode
    frozen.chmod(0o755)
    study.write_text(text, encoding="utf-8")
    frozen.chmod(mode)
    code, said = restricted(frozen, "run", "other.yaml")
    assert code == 1
    assert "cannot be written" in said and "--registry" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("days", [-1, 1])
def test_a_clock_that_is_a_day_off(undisturbed: Path, tmp_path: Path, days: int):
    """Files from tomorrow, or from before those that were hashed yesterday: bytes decide, never times."""
    folder = paper.project(tmp_path / "off")
    shifted = time.time() + days * 86400
    data = folder / "claims.jsonl"
    original = data.read_bytes()
    for path in folder.rglob("*"):
        os.utime(path, (shifted, shifted))
    off = paper.apart(folder, "run", "paper.yaml", first=lambda: shift(days))
    assert off[0] == 0, off[1]
    assert paper.digests(folder) == paper.digests(undisturbed)
    data.write_bytes(original.replace(b"2 + 3 = 5", b"2 + 3 = 6"))
    os.utime(data, (shifted, shifted))
    changed = paper.apart(folder, "run", "paper.yaml")
    assert changed[0] == 0, changed[1]
    assert "claims" in changed[1]
    data.write_bytes(original)
    os.utime(data, (shifted, shifted))
    back = paper.apart(folder, "run", "paper.yaml", first=lambda: shift(days))
    assert "10 cells cached" in back[1], back[1]
    assert paper.page(folder) == paper.page(undisturbed)
    assert paper.sound(folder)


def shift(days: int) -> None:
    """Turns the clock that this process reads."""
    seconds, nanoseconds = time.time, time.time_ns
    time.time = lambda: seconds() + days * 86400
    time.time_ns = lambda: nanoseconds() + days * 86400 * 10**9


def test_runs_in_the_same_second(undisturbed: Path, tmp_path: Path):
    """The clock stands still, and so do all stamps: runs of three studies do not meet in a name."""
    folder = paper.project(tmp_path / "still")

    def stand() -> None:
        time.time, time.time_ns = lambda: 1.8e9, lambda: 18 * 10**17

    text = (folder / "paper.yaml").read_text(encoding="utf-8")
    for factor in ("2", "3", "2", "4"):
        (folder / "paper.yaml").write_text(text.replace("[1, 2]", f"[1, {factor}]"), encoding="utf-8")
        for path in (folder / "paper.yaml", folder / "claims.jsonl"):
            os.utime(path, (1.8e9, 1.8e9))
        code, said = paper.apart(folder, "run", "paper.yaml", first=stand)
        assert code == 0, said
        pages = b"".join(paper.page(folder).values()).decode("utf-8", "replace")
        assert f"factor={factor}" in pages
    assert paper.sound(folder)
