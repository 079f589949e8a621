"""Digests of outside files: never out of date, seldom computed."""

from __future__ import annotations

import hashlib
import os
import time

import pytest

from ws_dsl.errors import DamagedError, MissingError
from ws_dsl.registry import Store, disk, snapshot

HOUR = 3600 * 10**9


@pytest.fixture
def reads(monkeypatch) -> list[str]:
    """Names of the files that were hashed."""
    names: list[str] = []
    original = disk.hash_file

    def counted(path):
        names.append(path.name)
        return original(path)

    monkeypatch.setattr(snapshot, "hash_file", counted)
    return names


@pytest.fixture
def later(monkeypatch):
    """Puts the clock ahead, so that files made now count as settled."""
    now = time.time_ns
    monkeypatch.setattr(snapshot.time, "time_ns", lambda: now() + HOUR)


@pytest.fixture
def source(tmp_path, store, draft):
    store.commit([draft("one")])
    path = tmp_path / "claims.jsonl"
    path.write_bytes(b"first")
    return path


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_settled_file_is_read_once(store, source, reads, later):
    assert store.hash_file(source) == sha(b"first")
    assert Store(store.root).hash_file(source) == sha(b"first")
    assert reads == ["claims.jsonl"]


def test_a_file_just_written_is_read_again(store, source, reads):
    """A second change within the clock's grain may leave the stat as it was."""
    store.hash_file(source)
    store.hash_file(source)
    assert len(reads) == 2


def test_a_change_under_an_old_time_and_size_is_seen(store, source, later):
    stat = source.stat()
    store.hash_file(source)
    source.write_bytes(b"again")
    os.utime(source, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert source.stat().st_mtime_ns == stat.st_mtime_ns
    assert store.hash_file(source) == sha(b"again")


@pytest.mark.parametrize("days", [-1, 1])
def test_a_clock_a_day_off_gives_no_stale_digest(store, source, monkeypatch, days):
    now = time.time_ns
    monkeypatch.setattr(snapshot.time, "time_ns", lambda: now() + days * 24 * HOUR)
    for content in (b"first", b"other", b"third"):
        source.write_bytes(content)
        assert store.hash_file(source) == sha(content)


def test_without_a_store_digests_are_right_all_the_same(tmp_path, source):
    assert Store(tmp_path / "none").hash_file(source) == sha(b"first")
    assert not (tmp_path / "none").exists()


def test_an_imported_file_is_read_from_its_copy(store, source):
    digest = store.import_file(source)
    source.write_bytes(b"edited")
    assert store.object_path(digest).read_bytes() == b"first"
    assert store.import_file(source) == sha(b"edited")


def test_an_imported_file_that_an_artifact_names_is_no_orphan(store, source, draft):
    digest = store.import_file(source)
    assert [damage.sha256 for damage in store.verify() if damage.what == "orphaned"] == [digest]
    store.commit([draft("dataset", params={"file": {"sha256": digest}})])
    assert store.verify() == []


def test_a_damaged_copy_is_found_and_imported_anew(store, source, draft, flip):
    digest = store.import_file(source)
    store.commit([draft("dataset", params={"file": {"sha256": digest}})])
    flip(store.layout.object(digest))
    with pytest.raises(DamagedError):
        store.object_path(digest)
    assert [damage.sha256 for damage in store.verify()] == [digest]
    assert store.import_file(source) == digest
    assert store.object_path(digest).read_bytes() == b"first"
    assert list(store.root.glob(f"quarantine/{digest}/*/{digest}"))


def test_a_copy_that_is_gone_is_missing(store, source):
    with pytest.raises(MissingError):
        store.object_path(store.hash_file(source))
