"""Damage to what is stored: said, set aside, made anew with the same bytes; never served."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.run.lab import Counting, Lab, Ran, small
from ws_dsl.registry import Store
from ws_dsl.run.execute import execute
from ws_dsl.run.repair import repaired


def flip(path: Path) -> None:
    """One bit, size and time kept, as a disk does it."""
    stat, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def truncate(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"")


def spelled() -> dict[str, Any]:
    """The study with one more spelling of the answers: a run of it reads prompts and states again."""
    study = small()
    study["steps"]["spelled"] = study["steps"]["score"] | {"tokens": {"plus": [" yes"], "minus": [" no"]}}
    return study


def objects(lab: Lab, ran: Ran, *steps: str) -> dict[str, list[Path]]:
    """Files of the artifacts of some steps, by cell."""
    store = Store(lab.project.registry)
    found: dict[str, list[Path]] = {}
    for node in ran.opened.plan.nodes:
        if node.step in steps:
            manifest = store.manifest(ran.opened.state.keys[node])
            assert manifest is not None
            found[str(node)] = [store.layout.object(file.sha256) for file in manifest.files.values()]
    return found


def mended(again: Ran, before: Ran, lab: Lab) -> None:
    """Everything is as it was, and nothing damaged is left where it is served."""
    shared = again.digests.keys() & before.digests.keys()
    assert len(shared) >= len(before.made) - 7
    assert {key: again.digests[key] for key in shared} == {key: before.digests[key] for key in shared}
    store = Store(lab.project.registry)
    assert [found for found in store.verify() if found.what != "orphaned"] == []
    assert store.conflicts() == []


@pytest.mark.parametrize("damage", [flip, truncate, empty, Path.unlink])
def test_damaged_objects_that_a_run_reads(
    finished: tuple[Lab, Ran], warm: Lab, damage: Callable[[Path], None]
):
    damaged = objects(warm, finished[1], "prompts", "score/states")
    for path in {path for paths in damaged.values() for path in paths}:
        damage(path)
    again = warm.run(spelled())
    assert {note.partition(":")[0] for note in again.notes} == set(damaged)
    assert all("set aside, made anew" in note for note in again.notes)
    assert len(list((warm.project.registry / "quarantine").iterdir())) == len(damaged)
    mended(again, finished[1], warm)


@pytest.mark.parametrize("damage", [flip, truncate, empty, Path.unlink])
def test_damaged_manifests(finished: tuple[Lab, Ran], warm: Lab, damage: Callable[[Path], None]):
    store, ran = Store(warm.project.registry), finished[1]
    nodes = [node for node in ran.opened.plan.nodes if node.step in ("claims", "named", "shift")]
    for node in nodes:
        damage(store.layout.manifest(ran.opened.state.keys[node]))
    again = warm.run()
    assert again.made == {str(node) for node in nodes}
    told = {note.partition(":")[0] for note in again.notes if "set aside" in note}
    assert told == (set() if damage is Path.unlink else again.made)
    mended(again, ran, warm)


def test_what_is_removed_between_planning_and_reading_is_made_anew(finished: tuple[Lab, Ran], warm: Lab):
    session, opened = warm.open(spelled())
    plan, state, store = opened.plan, opened.state, session.store
    gone = [node for node in plan.nodes if node.step == "prompts"]
    for node in gone:
        store.layout.manifest(state.keys[node]).unlink()
    progress = Counting()
    repaired(plan, state, store, progress.note, lambda: execute(plan, state, store, progress))
    assert progress.notes == [f"{node}: what was stored is gone; made anew" for node in gone]
    mended(Ran(opened, set(), 0, []), finished[1], warm)


def test_a_damaged_object_that_no_run_reads_is_found_by_verify(finished: tuple[Lab, Ran], warm: Lab):
    ((path, *_),) = objects(warm, finished[1], "found").values()
    flip(path)
    assert warm.run().made == set()
    assert [found.sha256 for found in Store(warm.project.registry).verify()] == [path.name]
