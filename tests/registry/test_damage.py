"""Faults planted in a store are found, named, set aside and made good; nothing wrong is ever served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ws_dsl.errors import DamagedError, MissingError, RegistryError
from ws_dsl.registry import Manifest, Store


@pytest.fixture
def committed(store: Store, draft) -> Manifest:
    (manifest, _) = store.commit([draft("one"), draft("two")])
    return manifest


def truncate(path: Path, size: int) -> None:
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.truncate(size)


FAULTS: dict[str, Callable[[Path], None]] = {
    "truncated": lambda path: truncate(path, path.stat().st_size - 1),
    "zero length": lambda path: truncate(path, 0),
    "missing": lambda path: path.unlink(),
}


@pytest.mark.parametrize("place", [0, 1, 77, 4321])
def test_a_flipped_bit_is_not_served(store, committed, flip, place):
    path = store.layout.object(committed.files["table.arrow"].sha256)
    flip(path, place)
    named = rf"table\.arrow of {committed.key[:12]} \(clamp\) is damaged"
    with pytest.raises(DamagedError, match=named):
        store.read(committed, "table.arrow")
    with pytest.raises(DamagedError, match=named):
        Store(store.root).path(committed, "table.arrow")
    (damage,) = store.verify()
    assert (damage.what, damage.key, damage.name) == ("damaged", committed.key, "table.arrow")


def test_a_bit_that_flips_after_the_first_reading_is_found(store, committed, flip):
    path = store.path(committed, "table.arrow")
    flip(path)
    with pytest.raises(DamagedError):
        store.path(committed, "table.arrow")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_spoilt_object_is_no_result(store, committed, fault):
    record = committed.files["table.arrow"]
    FAULTS[fault](store.layout.object(record.sha256))
    assert not store.has(committed.key)
    with pytest.raises((DamagedError, MissingError), match=committed.key[:12]):
        store.read(committed, "table.arrow")
    with pytest.raises((DamagedError, MissingError), match=committed.key[:12]):
        store.path(committed, "table.arrow")
    (damage,) = store.verify()
    assert damage.what == ("missing" if fault == "missing" else "damaged")
    assert (damage.key, damage.sha256) == (committed.key, record.sha256)


def test_a_shared_object_is_reported_for_every_artifact(store, committed, flip):
    flip(store.layout.object(committed.files["shared.json"].sha256))
    assert len({damage.key for damage in store.verify()}) == 2


@pytest.mark.parametrize("fault", ["truncated", "zero length"])
def test_a_spoilt_manifest_is_no_result(store, committed, fault):
    FAULTS[fault](store.layout.manifest(committed.key))
    assert not store.has(committed.key)
    with pytest.raises(DamagedError, match=committed.key[:12]):
        store.manifest(committed.key)
    found = store.verify()
    assert [(d.what, d.key, d.name) for d in found if d.what != "orphaned"] == [
        ("damaged", committed.key, "manifest")
    ]


def test_a_flipped_bit_in_a_manifest_is_found(store, committed, flip):
    path = store.layout.manifest(committed.key)
    flip(path, 8 * path.read_text().index("clamp") + 1)
    with pytest.raises(DamagedError):
        store.manifest(committed.key)
    assert store.verify(committed.key)[0].what == "damaged"


def test_a_manifest_under_another_key_is_damage(store, committed, key):
    target = store.layout.manifest(key("three"))
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(store.layout.manifest(committed.key).read_bytes())
    with pytest.raises(DamagedError, match="it is that of"):
        store.manifest(key("three"))


def test_a_missing_manifest_is_nothing_and_leaves_orphans(store, committed, key):
    store.layout.manifest(committed.key).unlink()
    assert store.manifest(committed.key) is None
    assert [damage.what for damage in store.verify()] == ["orphaned"]
    assert [damage.what for damage in store.verify(committed.key)] == ["missing"]


@pytest.mark.parametrize("fault", [*FAULTS, "flipped"])
@pytest.mark.parametrize("part", ["object", "manifest"])
def test_quarantine_and_a_second_commit_make_it_good(store, committed, draft, flip, fault, part):
    path = (
        store.layout.object(committed.files["table.arrow"].sha256)
        if part == "object"
        else store.layout.manifest(committed.key)
    )
    {**FAULTS, "flipped": flip}[fault](path)
    spoilt = path.read_bytes() if path.exists() else None
    folder = store.quarantine(committed.key, "found by a test")
    assert store.manifest(committed.key) is None
    if spoilt is not None:
        assert (folder / path.name).read_bytes() == spoilt
        assert "found by a test" in (folder / "reason.json").read_text()
    (again,) = store.commit([draft("one")])
    assert again.digest == committed.digest
    assert store.read(again, "table.arrow") == b"rows of one" * 50
    assert store.verify() == []
    assert again.notes == []


@pytest.mark.parametrize("fault", [*FAULTS, "flipped"])
@pytest.mark.parametrize("part", ["object", "manifest"])
def test_a_second_commit_alone_makes_it_good(store, committed, draft, flip, fault, part):
    path = (
        store.layout.object(committed.files["table.arrow"].sha256)
        if part == "object"
        else store.layout.manifest(committed.key)
    )
    {**FAULTS, "flipped": flip}[fault](path)
    (again,) = store.commit([draft("one")])
    assert again.digest == committed.digest
    assert store.verify() == []


def test_what_is_intact_is_not_quarantined(store, committed):
    assert store.quarantine(committed.key, "a rumour") is None
    assert store.has(committed.key)


def test_an_intact_object_stays_for_others(store, committed, key, flip):
    flip(store.layout.object(committed.files["table.arrow"].sha256))
    store.quarantine(committed.key, "flipped")
    assert store.has(key("two"))


def test_other_bytes_after_damage_are_marked(store, committed, draft, flip):
    flip(store.layout.object(committed.files["table.arrow"].sha256))
    store.quarantine(committed.key, "flipped")
    (again,) = store.commit([draft("one", {"table.arrow": b"other"})])
    assert again.digest != committed.digest
    assert again.notes == [f"replaces {committed.digest}, which was damaged; recomputed with other bytes"]
    assert store.manifest(committed.key) == again


def test_other_bytes_over_an_artifact_without_objects_are_marked(store, committed, draft):
    store.layout.object(committed.files["table.arrow"].sha256).unlink()
    (again,) = store.commit([draft("one", {"table.arrow": b"other"})])
    assert committed.digest in again.notes[0]
    assert store.has(again.key)


def test_a_manifest_of_a_newer_version_is_left_alone(store, committed, draft):
    path = store.layout.manifest(committed.key)
    body = path.read_text().replace('"schema": 1', '"schema": 2').rpartition(',\n  "seal"')[0]
    import hashlib

    path.chmod(0o644)
    path.write_text(f'{body},\n  "seal": "{hashlib.sha256(body.encode()).hexdigest()}"\n}}\n')
    before = path.read_bytes()
    with pytest.raises(RegistryError, match="schema 2"):
        store.commit([draft("one")])
    assert path.read_bytes() == before
