"""Power that is lost: of what was written only what was waited for is sure to be on the disk.

A shim records every call that changes the disk. The log is cut off after each call in turn, and a disk is
made of the rest: names and bytes that were waited for are there, and of the others what chance leaves. That
is less than any file system leaves, since the worst order of its writes is among the chances.
"""

from __future__ import annotations

import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.registry.conftest import build_draft, build_run
from ws_dsl.registry import Manifest, Store, attempt, lease
from ws_dsl.registry.gc import Wish

AT_ONCE = Wish(grace=0.0)


@dataclass
class File:
    """Bytes by write, and how many of the writes were waited for."""

    blocks: list[bytes] = field(default_factory=list)
    sure: int = 0


@dataclass
class Folder:
    """Names, and those that were waited for."""

    names: dict[str, File | Folder] = field(default_factory=dict)
    sure: dict[str, File | Folder] = field(default_factory=dict)


Operation = tuple[Any, ...]
Log = list[Operation]


def recorded(monkeypatch: pytest.MonkeyPatch, root: Path, log: Log) -> None:
    """Records what changes the disk under a folder: `(name, path, more)`, with paths from that folder."""
    lock = threading.RLock()

    def path_of(place: Any) -> tuple[str, ...] | None:
        path = Path(os.readlink(f"/proc/self/fd/{place}") if isinstance(place, int) else place)
        return path.relative_to(root).parts if path.is_relative_to(root) else None

    def shim(name: str, told: Callable[..., Operation | None]) -> None:
        original = getattr(os, name)

        def call(first: Any, *rest: Any, **named: Any) -> Any:
            with lock:
                # The removal of a tree holds its folder open by number; it removes what nobody needs.
                place = None if "dir_fd" in named and named["dir_fd"] is not None else path_of(first)
                result = original(first, *rest, **named)
                if place is not None and (operation := told(place, *rest, result)) is not None:
                    log.append(operation)
            return result

        monkeypatch.setattr(os, name, call)

    shim("open", lambda place, flags, *rest: ("create", place) if flags & os.O_CREAT else None)
    shim("write", lambda place, data, written: ("write", place, bytes(data[:written])))
    shim("fsync", lambda place, *rest: ("fsync", place))
    shim("mkdir", lambda place, *rest: ("mkdir", place))
    shim("unlink", lambda place, *rest: ("unlink", place))
    shim("rename", lambda place, target, *rest: ("rename", place, path_of(target)))
    shim("link", lambda place, target, *rest: ("link", place, path_of(target)))


def at(root: Folder, path: tuple[str, ...]) -> Any:
    found: Any = root
    for part in path:
        found = found.names[part]
    return found


def disk_after(log: Log) -> Folder:
    """The disk with all that it was told, as far as the log goes."""
    root = Folder()
    for name, path, *more in log:
        parent, last = at(root, path[:-1]), path[-1] if path else ""
        match name:
            case "create":
                parent.names.setdefault(last, File())
            case "mkdir":
                parent.names[last] = Folder()
            case "write":
                parent.names[last].blocks.append(more[0])
            case "fsync":
                found = at(root, path)
                found.sure = len(found.blocks) if isinstance(found, File) else dict(found.names)
            case "unlink":
                parent.names.pop(last, None)
            case "link" | "rename":
                # Leases are written by other calls, and nothing rests on what is in them.
                at(root, more[0][:-1]).names[more[0][-1]] = parent.names.setdefault(last, File())
                if name == "rename":
                    del parent.names[last]
    return root


Chance = Callable[[], bool]


def write_out(found: Folder, target: Path, lucky: Chance, moved: dict[int, bool]) -> None:
    """Makes what is left of a folder.

    Args:
        found: The folder.
        target: Where it is made.
        lucky: Whether something that was not waited for is there.
        moved: What came of each file; one that is renamed is in the one place or in the other.
    """
    target.mkdir(exist_ok=True)
    for name in found.names.keys() | found.sure.keys():
        new, old = found.names.get(name), found.sure.get(name)
        one = new if moved.setdefault(id(new or old), lucky()) else old
        if isinstance(one, Folder):
            write_out(one, target / name, lucky, moved)
        elif one is not None:
            (target / name).write_bytes(b"".join(one.blocks if lucky() else one.blocks[: one.sure]))


def chances(seed: int) -> Iterator[Chance]:
    """All is there; nothing is; names without bytes, bytes without names, and anything."""
    source = random.Random(seed)
    yield lambda: True
    yield lambda: False
    for _ in range(3):
        yield lambda: source.random() < 0.5


def losses(log: Log, folder: Path, start: int = 0) -> Iterator[tuple[int, Store]]:
    """A store for every place from a first one on at which the power can be lost, and every chance."""
    for length in range(start, len(log) + 1):
        disk = disk_after(log[:length])
        for place, lucky in enumerate(chances(length)):
            root = folder / f"{length}-{place}"
            write_out(disk, root, lucky, {})
            yield length, Store(root / "store")
            shutil.rmtree(root)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Ends the recording, and with it the process that was recorded; what follows waits for no disk."""

    def end() -> None:
        monkeypatch.undo()
        monkeypatch.setattr(attempt, "ended", lambda process: True)
        monkeypatch.setattr(lease, "BOUND", 0.0)
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)

    return end


def whole(store: Store, folder: Path, acknowledged: list[Manifest]) -> None:
    """No result is in doubt, and what was said to be stored is."""
    found = store.verify()
    assert {damage.what for damage in found} <= {"orphaned"}, (folder, found)
    for manifest in acknowledged:
        for name in manifest.files:
            assert store.read(store.require(manifest.key), name)


def test_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: Callable[[], None]):
    log: Log = []
    root = tmp_path / "disk"
    root.mkdir()
    drafts = [build_draft("one"), build_draft("two", {"shared.json": b"{}", "big": b"1" * 1_500_000})]
    batches = [drafts[:1], drafts, [build_run("s", [("x", {}, "one"), ("y", {}, "two")], "run")]]
    told: list[tuple[int, Manifest]] = []
    recorded(monkeypatch, root, log)
    store = Store(root / "store")
    for batch in batches:
        told += [(length, one) for one in store.commit(batch) for length in [len(log)]]
    quick()
    undisturbed = {one.key: one.digest for _, one in told}
    assert len(log) > 60 and len(undisturbed) == 3
    for length, left in losses(log, tmp_path):
        whole(left, left.root, [one for at_, one in told if at_ <= length])
        for batch in batches:
            left.commit(batch)
        assert left.lookup(undisturbed) == undisturbed
        assert left.verify() == [] and left.conflicts() == []


def test_bytes_are_waited_for_before_names_and_manifests_come_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: Callable[[], None]
):
    """write → fsync → rename → fsync of the folder → manifest written, waited for, named → fsync."""
    log: Log = []
    recorded(monkeypatch, tmp_path, log)
    Store(tmp_path / "store").commit([build_draft("one")])
    quick()
    names = {"objects": "rename", "manifests": "link"}
    named = {
        folder: [n for n, one in enumerate(log) if one[0] == call and one[2][1] == folder]
        for folder, call in names.items()
    }
    assert len(named["objects"]) == 2 and len(named["manifests"]) == 1
    for place in [*named["objects"], *named["manifests"]]:
        _, source, target = log[place]
        mine = [(n, one[0]) for n, one in enumerate(log[:place]) if one[1] == source]
        assert [name for _, name in mine][-1] == "fsync" and mine[-2][1] == "write"
        assert ("fsync", target[:-1]) in log[place:]
    (manifest,) = named["manifests"]
    for place in named["objects"]:
        assert ("fsync", log[place][2][:-1]) in log[place:manifest]
    written = next(n for n, one in enumerate(log) if one[0] == "write" and one[1] == log[manifest][1])
    assert all(place < written for place in named["objects"])


def test_what_is_set_aside_and_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: Callable[[], None], flip: Callable[..., None]
):
    """Damaged bytes are found again wherever the power is lost: in their place, or in quarantine."""
    log: Log = []
    root = tmp_path / "disk"
    root.mkdir()
    recorded(monkeypatch, root, log)
    store = Store(root / "store")
    (manifest,) = store.commit([build_draft("one")])
    broken = store.layout.object(manifest.files["table.arrow"].sha256)
    before = len(log)
    flip(broken)
    damaged = broken.read_bytes()
    # The recording knows nothing of what a disk does by itself.
    log[:] = [_spoiled(one, damaged) for one in log]
    store.quarantine(manifest.key, "flipped")
    store.commit([build_draft("one")])
    quick()
    for _, left in losses(log, tmp_path, before):
        kept = [path.read_bytes() for path in left.root.rglob("*") if path.is_file()]
        assert damaged in kept, left.root
        left.quarantine(manifest.key, "found anew")
        left.commit([build_draft("one")])
        assert left.verify() == []
        assert left.require(manifest.key).digest == manifest.digest


def _spoiled(operation: Operation, damaged: bytes) -> Operation:
    """A write of what the damaged bytes were, as a write of those."""
    if operation[0] == "write" and len(operation[2]) == len(damaged) and operation[2][1:] == damaged[1:]:
        return (*operation[:2], damaged)
    return operation


def test_a_collection_of_garbage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: Callable[[], None]):
    log: Log = []
    root = tmp_path / "disk"
    root.mkdir()
    recorded(monkeypatch, root, log)
    store = Store(root / "store")
    kept = store.commit([build_draft("kept", inputs={})])
    store.commit([build_draft("old", inputs={})])
    store.commit([build_run("s", [("x", {}, "old")], "run 1")])
    kept += store.commit([build_run("s", [("x", {}, "kept")], "run 2")])
    before = len(log)
    gone = store.collect(AT_ONCE)
    quick()
    assert {one.what for one in gone.rubbish} >= {"artifact", "object"}
    for _, left in losses(log, tmp_path, before):
        whole(left, left.root, kept)
        left.collect(AT_ONCE)
        assert left.verify() == []
        assert {entry.key for entry in left.catalogue.artifacts()} == {one.key for one in kept}
