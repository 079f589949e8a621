"""The catalogue says what the manifests say, whatever happens to it."""

from __future__ import annotations

import sqlite3
import time

import pytest

from ws_dsl.registry import Store, catalogue


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
