"""What goes in comes out, once, by key."""

from __future__ import annotations

import hashlib
import stat

import pytest

from ws_dsl.errors import MissingError, RegistryError
from ws_dsl.registry import Store


def objects(store: Store) -> list[str]:
    return sorted(path.name for path in store.root.glob("objects/*/*"))


def test_bytes_come_back_as_they_went_in(store, draft):
    (manifest,) = store.commit([draft("one")])
    assert store.read(manifest, "table.arrow") == b"rows of one" * 50
    assert store.path(manifest, "shared.json").read_bytes() == b"{}"
    assert store.manifest(manifest.key) == manifest
    assert store.has(manifest.key)


def test_a_store_that_does_not_exist_is_empty(store, key):
    assert store.manifest(key("one")) is None
    assert store.lookup([key("one")]) == {}
    assert store.catalogue.artifacts() == []
    assert store.verify() == []
    assert not store.root.exists()


def test_nothing_to_commit_makes_nothing(store):
    assert store.commit([]) == []
    assert store.catalogue.artifacts() == []


def test_equal_bytes_are_one_object(store, draft):
    one, two = store.commit([draft("one", {"a": b"same"}), draft("two", {"b": b"same", "c": b"same"})])
    assert objects(store) == [hashlib.sha256(b"same").hexdigest()]
    assert one.digest != two.digest
    assert store.read(two, "c") == b"same"


def test_a_key_committed_twice_is_one_artifact(store, draft):
    (first,) = store.commit([draft("one")])
    before = objects(store)
    assert store.commit([draft("one", seconds=9.0)]) == [first]
    assert objects(store) == before
    assert store.conflicts() == []


def test_a_key_twice_in_one_batch_is_one_artifact(store, draft):
    first, second = store.commit([draft("one"), draft("one")])
    assert first == second
    assert store.verify() == []


def test_a_file_is_stored_as_its_bytes_are(store, draft, tmp_path):
    large = tmp_path / "large.safetensors"
    large.write_bytes(bytes(range(256)) * 9000)
    (manifest,) = store.commit([draft("one", {"w": large, "empty": b""})])
    assert store.read(manifest, "w") == large.read_bytes()
    assert manifest.files["w"].sha256 == hashlib.sha256(large.read_bytes()).hexdigest()
    assert store.read(manifest, "empty") == b""


def test_what_is_stored_is_read_only_and_nothing_else_is_left(store, draft):
    (manifest,) = store.commit([draft("one")])
    stored = [path for path in store.root.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in stored} == {0o444}
    assert len(stored) == len(manifest.files) + 1


def test_lookup_gives_digests_of_what_is_there(store, draft, key):
    one, two = store.commit([draft("one"), draft("two")])
    assert store.lookup([key("one"), key("two"), key("three")]) == {one.key: one.digest, two.key: two.digest}


def test_a_file_that_an_artifact_lacks_is_named(store, draft):
    (manifest,) = store.commit([draft("one")])
    with pytest.raises(MissingError, match="no file rows\\.arrow; it has shared\\.json, table\\.arrow"):
        store.read(manifest, "rows.arrow")


def test_keys_abbreviate(store, draft):
    first, second = "abcd" + "0" * 60, "abcd" + "1" * 60
    store.commit([draft("one", key=first), draft("two", key=second)])
    assert store.resolve("abcd0") == first
    assert store.resolve(second) == second
    with pytest.raises(RegistryError, match=f"(?s)2 keys.*{first}.*{second}"):
        store.resolve("abcd")
    with pytest.raises(MissingError):
        store.resolve("abce")
    with pytest.raises(MissingError):
        store.resolve("f" * 64)
    for wrong in ("abc", "", "../../etc", "ABCD0"):
        with pytest.raises(RegistryError, match="is no key"):
            store.resolve(wrong)
