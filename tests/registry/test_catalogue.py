"""The catalogue says what the manifests say, whatever happens to it."""

from __future__ import annotations

import os
import sqlite3
import time

import pytest

from ws_dsl.errors import DamagedError
from ws_dsl.registry import Store, catalogue, layout


@pytest.fixture
def filled(store: Store, draft, run) -> Store:
    store.commit([draft("a"), draft("b"), draft("c")])
    store.commit([run("pressure", [("score", {"paraphrase": "p1"}, "a"), ("score", {}, "b")], "run 1")])
    store.commit([run("pressure", [("score", {"paraphrase": "p1"}, "c")], "run 2")])
    store.commit([run("other", [("score", {"paraphrase": "p1"}, "a")], "run 3")])
    return store


def answers(store: Store):
    found = store.catalogue
    return found.artifacts(), found.runs(), found.addresses(), found.addresses("pressure")


def test_addresses_are_of_the_latest_run_that_had_the_cell(filled, key):
    found = {(a.study, a.step, *a.cell.items()): a.key for a in filled.catalogue.addresses()}
    assert found == {
        ("pressure", "score", ("paraphrase", "p1")): key("c"),
        ("pressure", "score"): key("b"),
        ("other", "score", ("paraphrase", "p1")): key("a"),
    }
    assert {a.study for a in filled.catalogue.addresses("other")} == {"other"}


def test_previous_key_of_a_cell(filled, key):
    previous = filled.catalogue.previous
    assert previous("pressure", "score", {"paraphrase": "p1"}) == key("c")
    assert previous("pressure", "score", {}) == key("b")
    assert previous("pressure", "score", {"paraphrase": "p2"}) is None
    assert previous("nothing", "score", {}) is None


def test_labels_have_no_order(store, run, key):
    store.commit([run("s", [("score", {"b": "1", "a": "2"}, "x")], "run")])
    assert store.catalogue.previous("s", "score", {"a": "2", "b": "1"}) == key("x")


def test_uses_are_the_addresses_by_key(filled):
    by_key = {(a.key, a.study, a.step, *a.cell.items()) for a in filled.catalogue.addresses()}
    uses = filled.catalogue.uses()
    assert {(key, u.study, u.step, *u.cell.items()) for key in uses for u in uses[key]} == by_key


def test_a_digest_is_named_by_its_latest_use(filled, key):
    digests = {entry.key: entry.digest for entry in filled.catalogue.artifacts()}
    assert filled.catalogue.use(digests[key("b")]) == ("score", {})
    assert filled.catalogue.use(digests[key("c")]) == ("score", {"paraphrase": "p1"})
    assert filled.catalogue.use("0" * 64) is None


def test_runs_come_latest_first(filled, key):
    assert [each.key for each in filled.catalogue.runs("pressure")] == [key("run 2"), key("run 1")]
    assert filled.catalogue.runs("other")[0].file == "experiments/other.yaml"


def test_artifacts_come_oldest_first_with_their_sizes(filled, key):
    entries = filled.catalogue.artifacts()
    assert {entry.key for entry in entries[:3]} == {key("a"), key("b"), key("c")}
    assert [entry.key for entry in entries[3:]] == [key("run 1"), key("run 2"), key("run 3")]
    assert entries[0].bytes == filled.manifest(entries[0].key).bytes


def test_another_process_sees_what_was_committed(filled, draft):
    observer = Store(filled.root)
    before = len(observer.catalogue.artifacts())
    filled.commit([draft("late")])
    assert len(observer.catalogue.artifacts()) == before + 1


def test_a_deleted_catalogue_is_rebuilt(filled):
    before = answers(filled)
    for path in filled.root.glob("catalogue.sqlite*"):
        path.unlink()
    assert answers(Store(filled.root)) == before


@pytest.mark.parametrize("place", ["all", "header", "middle", "empty", "half"])
def test_a_corrupt_catalogue_is_rebuilt(filled, place):
    before = answers(filled)
    filled.close()
    path = filled.layout.catalogue
    data = path.read_bytes()
    path.write_bytes(
        {
            "all": b"this was a database" * 500,
            "header": b"\0" * 20 + data[20:],
            "middle": data[:4096] + b"\xff" * (len(data) - 4096),
            "empty": b"",
            "half": data[: len(data) // 2],
        }[place]
    )
    assert answers(Store(filled.root)) == before
    assert answers(Store(filled.root)) == before
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_catalogue_of_another_version_is_rebuilt(filled):
    before = answers(filled)
    filled.close()
    with sqlite3.connect(filled.layout.catalogue) as connection:
        connection.execute("DROP TABLE addresses")
        connection.execute("PRAGMA user_version = 99")
    assert answers(Store(filled.root)) == before


def test_a_catalogue_without_a_table_is_rebuilt(filled):
    before = answers(filled)
    filled.close()
    with sqlite3.connect(filled.layout.catalogue) as connection:
        connection.execute("DROP TABLE runs")
    assert answers(Store(filled.root)) == before


def test_a_catalogue_with_other_columns_is_rebuilt(filled):
    before = answers(filled)
    filled.close()
    with sqlite3.connect(filled.layout.catalogue) as connection:
        connection.execute("DROP TABLE manifests")
        connection.execute("CREATE TABLE manifests (key TEXT PRIMARY KEY, name TEXT)")
    assert answers(Store(filled.root)) == before
    assert answers(Store(filled.root)) == before


def test_a_catalogue_that_was_half_filled_is_completed(filled):
    """Each folder is marked as read in the transaction that brings what was read of it."""
    before = answers(filled)
    filled.close()
    with sqlite3.connect(filled.layout.catalogue) as connection:
        connection.execute("DELETE FROM manifests")
        connection.execute("DELETE FROM folders")
    assert answers(Store(filled.root)) == before


def test_a_locked_catalogue_delays_no_one(filled, monkeypatch):
    before = answers(filled)
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **{**k, "timeout": 0.01}))
    blocker = connect(filled.layout.catalogue)
    blocker.execute("BEGIN EXCLUSIVE")
    assert answers(Store(filled.root)) == before
    blocker.close()


def test_what_is_quarantined_leaves_the_catalogue(filled, key, flip):
    flip(filled.layout.object(filled.manifest(key("a")).files["table.arrow"].sha256))
    filled.quarantine(key("a"), "flipped")
    assert key("a") not in {entry.key for entry in filled.catalogue.artifacts()}


def test_a_damaged_manifest_is_not_listed_and_hides_no_other(filled, key, flip):
    flip(filled.layout.manifest(key("a")))
    found = {entry.key for entry in filled.catalogue.artifacts()}
    assert key("a") not in found
    assert found >= {key("b"), key("c")}


def test_a_settled_folder_is_read_once_and_a_fresh_one_again(filled, monkeypatch):
    """Two changes within the clock's grain leave one time, so a time that young is not trusted."""
    scanned: list[str] = []
    original = catalogue._refresh_folder

    def counted(layout, connection, name):
        scanned.append(name)
        original(layout, connection, name)

    monkeypatch.setattr(catalogue, "_refresh_folder", counted)
    folders = {path.name for path in filled.layout.manifests.iterdir()}
    filled.catalogue.artifacts()
    assert set(scanned) == folders
    now = time.time_ns
    monkeypatch.setattr(catalogue.time, "time_ns", lambda: now() + 10 * catalogue.COARSE)
    filled.catalogue.artifacts()
    scanned.clear()
    filled.catalogue.artifacts()
    assert scanned == []


def test_answers_equal_a_rebuild_after_any_history(store, draft, run, key, flip):
    for number in range(6):
        store.commit(
            [draft(f"d{number}"), run("s", [("step", {"i": str(number % 2)}, f"d{number}")], f"r{number}")]
        )
        store.catalogue.addresses()
        if number % 2:
            flip(store.layout.object(store.manifest(key(f"d{number}")).files["table.arrow"].sha256))
            store.quarantine(key(f"d{number}"), "flipped")
        kept = answers(store)
        store.close()
        store.layout.catalogue.unlink()
        assert answers(Store(store.root)) == kept


# What is looked up without reading manifests


@pytest.fixture
def read(filled, monkeypatch) -> list[str]:
    """Keys whose manifests are read, in a store whose catalogue knows all of them."""
    keys: list[str] = []
    original = layout.load

    def counted(place, key):
        keys.append(key)
        return original(place, key)

    filled.catalogue.artifacts()
    monkeypatch.setattr(layout, "load", counted)
    return keys


def test_a_lookup_reads_no_manifest_that_is_known(filled, read):
    known = {entry.key: entry.digest for entry in filled.catalogue.artifacts()}
    read.clear()
    assert Store(filled.root).lookup(known) == known
    assert read == []


def test_a_lookup_finds_what_the_catalogue_does_not_know_yet(filled, read, draft):
    (fresh,) = filled.commit([draft("fresh")])
    read.clear()
    assert filled.lookup([fresh.key]) == {fresh.key: fresh.digest}
    assert read == [fresh.key]


@pytest.mark.parametrize("fault", ["flipped", "cut", "gone", "replaced"])
def test_a_lookup_knows_of_a_manifest_that_changed(filled, read, key, flip, fault):
    path = filled.layout.manifest(key("a"))
    stat, other = path.stat(), filled.layout.manifest(key("b")).read_bytes()
    if fault == "flipped":
        flip(path, 999)
    elif fault == "gone":
        path.unlink()
    else:
        path.chmod(0o644)
        path.write_bytes(other if fault == "replaced" else path.read_bytes()[:-1])
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert filled.lookup([key("a"), key("b")]).keys() == {key("b")}


def test_a_lookup_knows_of_an_object_that_is_gone_or_cut(filled, read, key):
    for name in ("a", "b"):
        path = filled.layout.object(filled.manifest(key(name)).files["table.arrow"].sha256)
        path.chmod(0o644)
        path.unlink() if name == "a" else path.write_bytes(path.read_bytes()[:-1])
    assert filled.lookup([key("a"), key("b")]) == {}


@pytest.mark.parametrize("column", ["digest", "objects", "stamp", "key"])
def test_a_lookup_does_not_believe_a_row_that_was_spoiled(filled, read, key, column):
    """SQLite takes the bytes of a page as they are."""
    right = filled.lookup([key("a")])
    with sqlite3.connect(filled.layout.catalogue) as connection:
        value = {"key": key("nothing"), "objects": ""}.get(column, "f" * 64)
        connection.execute(f"UPDATE manifests SET {column} = ? WHERE key = ?", (value, key("a")))
    connection.close()
    store = Store(filled.root)
    assert store.lookup([key("a")]) == right
    assert store.lookup([key("nothing")]) == {}


def test_a_manifest_that_rots_under_its_stat_is_served_to_no_one(filled, read, key, flip):
    """A disk that changes a byte by itself tells nobody; whoever reads the manifest finds it."""
    digest = filled.manifest(key("a")).digest
    flip(filled.layout.manifest(key("a")), 999)
    stamp = catalogue._stamp(filled.layout.manifest(key("a")).stat())
    with sqlite3.connect(filled.layout.catalogue) as connection:
        (objects,) = connection.execute("SELECT objects FROM manifests WHERE key = ?", (key("a"),)).fetchone()
        row = (stamp, catalogue._seal(key("a"), stamp, digest, objects), key("a"))
        connection.execute("UPDATE manifests SET stamp = ?, seal = ? WHERE key = ?", row)
    connection.close()
    store = Store(filled.root)
    assert store.lookup([key("a")]) == {key("a"): digest}
    with pytest.raises(DamagedError):
        store.require(key("a"))
    assert [damage.key for damage in store.verify() if not damage.harmless] == [key("a")]
    assert store.quarantine(key("a"), "rotten") is not None
    assert store.lookup([key("a")]) == {}
