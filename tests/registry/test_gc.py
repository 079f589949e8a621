"""Garbage: what goes, what stays, and a store that is whole wherever a collection stops."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.registry.conftest import build_draft
from tests.registry.directions import ask, fill
from tests.registry.test_lease import abandon, ended, forked
from ws_dsl.errors import DamagedError, MissingError, RegistryError
from ws_dsl.registry import InputRecord, Store
from ws_dsl.registry.gc import Collection, Wish
from ws_dsl.registry.lease import study
from ws_dsl.registry.vectors import vector_sets

DAY = 86_400.0
AT_ONCE = Wish(grace=0.0)


@pytest.fixture
def filled(store: Store, draft, run, key) -> Store:
    """Two runs of one file, one of another; `old` is of the first run alone, `used` of none."""

    def of(*names: str) -> dict[str, Any]:
        return {"inputs": {"of": [InputRecord(key(f"digest {name}"), key(name)) for name in names]}}

    for name, inputs in {
        "data": (),
        "a": ("data",),
        "old": ("data",),
        "older": ("old",),
        "used": ("a",),
    }.items():
        store.commit([draft(name, {"table.arrow": name.encode() * 9, "shared.json": b"{}"}, **of(*inputs))])
    store.commit([run("s", [("d", {}, "data"), ("x", {}, "old"), ("y", {}, "older")], "run 1")])
    store.commit([run("s", [("d", {}, "data"), ("x", {}, "a")], "run 2")])
    store.commit([run("other", [("d", {}, "data")], "run 3")])
    return store


def names(found: Collection, key, what: str = "artifact") -> set[str]:
    known = {key(name): name for name in ("data", "a", "old", "older", "used", "run 1", "run 2", "run 3")}
    return {known.get(one.name, one.name) for one in found.rubbish if one.what == what}


def age(store: Store, seconds: float) -> None:
    """Makes every file of a store older; negative, younger than now."""
    for path in store.root.rglob("*"):
        if path.is_file():
            then = path.stat().st_mtime - seconds
            os.utime(path, (then, then))


def whole(store: Store) -> None:
    """Nothing is damaged or missing, and every input of what is there is there."""
    assert [damage for damage in store.verify() if damage.what != "orphaned"] == []
    for entry in store.catalogue.artifacts():
        manifest = store.manifest(entry.key)
        assert manifest is not None
        for record in (one for group in manifest.inputs.values() for one in group):
            assert manifest.kind == "study_run" or store.has(record.key)


def test_what_only_older_runs_used_goes_and_the_latest_stay(filled, key):
    found = filled.survey()
    assert names(found, key) == {"run 1", "old", "older"}
    assert {one.runs for one in found.rubbish if one.name in (key("old"), key("older"))} == {(key("run 1"),)}
    assert found.young == 1 and found.artifacts == 5


def test_what_no_finished_run_used_stays_while_it_is_young(filled, key):
    age(filled, 6 * DAY)
    assert "used" not in names(filled.survey(), key)
    age(filled, 2 * DAY)
    assert "used" in names(filled.survey(), key)


@pytest.mark.parametrize("off", [-DAY, DAY])
def test_a_clock_a_day_off_costs_nothing(filled, key, off):
    age(filled, off)
    assert names(filled.survey(), key) == {"run 1", "old", "older"}


def test_the_dry_list_is_the_real_one(filled, key):
    dry = filled.survey(AT_ONCE)
    before = {path for path in filled.root.rglob("*") if path.is_file() and "catalogue" not in path.name}
    real = filled.collect(AT_ONCE)
    assert dry == real
    gone = before - {path for path in filled.root.rglob("*") if path.is_file()}
    assert {path.stem for path in gone} == {one.name for one in real.rubbish}
    assert names(real, key) == {"run 1", "old", "older", "used"}
    whole(filled)
    assert {one.what for one in filled.verify()} == set()
    assert filled.survey(AT_ONCE).rubbish == []


def test_bytes_are_those_of_the_disk(filled):
    sizes = {path.stem: path.stat().st_size for path in filled.root.rglob("*") if path.is_file()}
    for one in filled.survey(AT_ONCE).rubbish:
        assert one.bytes == sizes[one.name]


def test_what_is_shared_stays_for_the_others(filled, key):
    filled.collect(AT_ONCE)
    manifest = filled.manifest(key("a"))
    assert filled.read(manifest, "shared.json") == b"{}"


def test_tags_are_roots_with_all_that_they_were_made_from(filled, key):
    filled.tag("paper", key("older"))
    assert names(filled.survey(AT_ONCE), key) == {"run 1", "used"}
    filled.untag("paper")
    filled.tag("first", key("run 1"))
    assert names(filled.survey(AT_ONCE), key) == {"used"}


def test_a_forgotten_study_is_no_root(filled, key):
    found = filled.survey(Wish(grace=0.0, forget=frozenset({"s"})))
    assert names(found, key) == {"run 1", "run 2", "a", "old", "older", "used"}


def test_every_file_of_a_study_has_its_own_latest_run(store, draft, run, key):
    store.commit([draft("a"), draft("b")])
    store.commit([run("s", [("x", {}, "a")], "run 1")])
    other = run("s", [("x", {}, "b")], "run 2")
    moved = other.artifact.files["study.json"].replace(b"experiments/s.yaml", b"drafts/s.yaml")
    store.commit([draft("run 2", {"study.json": moved}, kind="study_run")])
    assert store.survey(AT_ONCE).rubbish == []


def test_a_run_under_way_keeps_what_it_may_use(filled, key):
    gate, open_gate = os.pipe()
    ready, tell = os.pipe()

    def work() -> None:
        os.close(open_gate)
        store = Store(filled.root)
        with store.leases.hold("new", [key("used")]):
            store.lookup([key("older")])
            os.write(tell, b"1")
            os.read(gate, 1)

    child = forked(work)
    os.read(ready, 1)
    found = filled.collect(AT_ONCE)
    assert names(found, key) == {"run 1"} and found.live == [f"new (process {child})"]
    whole(filled)
    os.close(open_gate)
    assert ended(child) == 0
    assert names(filled.collect(AT_ONCE), key) == {"old", "older", "used"}


def test_a_run_under_way_keeps_all_that_its_study_ever_used(filled, key):
    with Store(filled.root).leases.hold("a run", [study("s")]):
        assert names(filled.survey(AT_ONCE), key) == {"used"}


def test_a_snapshot_is_kept_for_a_run_that_will_name_it(filled, tmp_path):
    source = tmp_path / "rows.jsonl"
    source.write_text("{}\n")
    other = Store(filled.root)
    with other.leases.hold("new", []):
        digest = other.import_file(source)
        assert digest not in {one.name for one in filled.collect(AT_ONCE).rubbish}
    assert digest in {one.name for one in filled.collect(AT_ONCE).rubbish}


def test_what_a_killed_process_left_goes(filled, draft, key):
    abandon(filled, [key("used")])

    def commit() -> None:
        place = os.rename

        def rename(source: Any, target: Any) -> None:
            place(source, target)
            if "manifests" not in str(target) and "objects" in str(target):
                os._exit(137)

        os.rename = rename
        filled.commit([draft("late", {"a": b"interrupted"})])

    assert ended(forked(commit)) == 137
    assert names(filled.survey(), key, "object") >= set()
    age(filled, 8 * DAY)
    found = filled.survey()
    assert {one.what for one in found.rubbish} == {"artifact", "object", "lease", "attempt"}
    filled.collect()
    assert [path for path in filled.layout.leases.rglob("*") if path.is_file()] == []
    assert list(filled.layout.attempts.iterdir()) == []
    assert filled.verify() == []


def test_a_process_elsewhere_keeps_its_lease_for_two_days(filled, key):
    from tests.registry.test_lease import elsewhere

    path = elsewhere(filled, [key("used")])
    for beat, kept in ((time.time() - DAY, True), (time.time() + DAY, True), (time.time() - 3 * DAY, False)):
        os.utime(path, (beat, beat))
        assert ("used" not in names(filled.survey(AT_ONCE), key)) == kept
    filled.collect(AT_ONCE)
    assert not path.exists()


def test_quarantine_goes_only_when_asked(filled, key, flip):
    flip(filled.layout.object(filled.manifest(key("a")).files["table.arrow"].sha256))
    filled.quarantine(key("a"), "flipped")
    found = filled.survey(AT_ONCE)
    assert found.quarantine == 1 and found.quarantine_bytes > 0
    assert names(found, key, "quarantine") == set()
    filled.collect(AT_ONCE)
    assert len(list(filled.layout.quarantine.iterdir())) == 1
    filled.collect(AT_ONCE._replace(quarantine=True))
    assert list(filled.layout.quarantine.iterdir()) == []


def test_notes_go_with_their_artifacts(filled, draft, key):
    """Of `old` and of `a` other bytes were made, and both came from elsewhere."""
    for name in ("old", "a"):
        filled.commit([draft(name, {"table.arrow": b"other"})])
        note = filled.layout.arrivals / "ab" / ("ab" * 32) / key(name)
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text('{"source": "there"}')
    assert len(filled.conflicts()) == 2
    dry = filled.survey(AT_ONCE)
    assert [Path(one.name).name for one in dry.rubbish if one.what == "arrival"] == [key("old")]
    assert [Path(one.name).parent.name for one in dry.rubbish if one.what == "conflict"] == [key("old")]
    assert filled.collect(AT_ONCE) == dry
    assert [one.key for one in filled.conflicts()] == [key("a")]
    assert [path.name for path in filled.layout.arrivals.rglob("*/*/*")] == [key("a")]
    assert not (filled.layout.conflicts / key("old")).exists()


def test_a_note_on_what_never_arrived_goes_when_it_is_old(filled):
    note = filled.layout.arrivals / "ab" / ("ab" * 32) / ("cd" * 32)
    note.parent.mkdir(parents=True)
    note.write_text('{"source": "there"}')
    assert not [one for one in filled.survey(AT_ONCE).rubbish if one.what == "arrival"]
    age(filled, 3 * DAY)
    assert [one.what for one in filled.collect(AT_ONCE).rubbish if one.what == "arrival"] == ["arrival"]
    assert not note.parent.exists()


def test_an_index_of_vectors_goes_with_vectors_and_is_made_anew(store):
    """Not while all that it holds stays."""
    fill(store.root, 2)
    before = ask(store)
    first, second = sorted(one.key for one in vector_sets(store))
    record = {"study": "s", "file": "s.yaml"}
    cells = [{"step": "v", "cell": {"n": str(n)}, "key": one} for n, one in enumerate((first, second))]

    def finish(name: str, kept: list[dict[str, Any]]) -> None:
        content = json.dumps({**record, "cells": kept}).encode()
        store.commit([build_draft(name, {"study.json": content}, kind="study_run")])

    finish("both", cells)
    assert not [one for one in store.survey(AT_ONCE).rubbish if one.what == "index"]
    finish("one", cells[:1])
    found = store.collect(AT_ONCE)
    assert [one.name for one in found.rubbish if one.what == "index"] == ["vectors"]
    assert not store.layout.vectors.exists()
    after = ask(store)
    assert [one for one in before.found if one.key == first] == after.found
    assert store.survey(AT_ONCE).rubbish == []


@pytest.mark.parametrize("damage", ["manifest", "run", "record", "tag"])
def test_where_roots_cannot_be_told_nothing_is_removed(filled, key, flip, damage):
    filled.tag("paper", key("older"))
    path = {
        "manifest": filled.layout.manifest(key("a")),
        "run": filled.layout.manifest(key("run 2")),
        "record": filled.layout.object(filled.manifest(key("run 2")).files["study.json"].sha256),
        "tag": filled.layout.tags / "paper",
    }[damage]
    flip(path, 100)
    before = sorted(filled.root.rglob("*.json"))
    with pytest.raises(RegistryError):
        filled.collect(AT_ONCE)
    assert sorted(filled.root.rglob("*.json")) == before


def test_a_collection_that_is_killed_anywhere_leaves_a_whole_store(filled, key, tmp_path, monkeypatch):
    import shutil

    fatal, status = 0, 137
    while status == 137:
        fatal += 1
        copy = tmp_path / f"killed at {fatal}"
        shutil.copytree(filled.root, copy)
        store = Store(copy)

        def work(fatal: int = fatal, store: Store = store) -> None:
            unlink, calls = Path.unlink, [0]

            def counted(path: Path, missing_ok: bool = False) -> None:
                calls[0] += 1
                if calls[0] == fatal:
                    os._exit(137)
                unlink(path, missing_ok)

            Path.unlink = counted  # pyright: ignore[reportAttributeAccessIssue]
            store.collect(AT_ONCE)

        status = ended(forked(work))
        whole(store)
        assert {run.key for run in store.catalogue.runs()} >= {key("run 2"), key("run 3")}
        store.collect(AT_ONCE)
        whole(store)
        assert store.verify() == []
        assert len(store.catalogue.artifacts()) == 4
    assert status == 0 and fatal > 8


def test_one_collection_at_a_time(filled):
    gate, open_gate = os.pipe()
    ready, tell = os.pipe()

    def work() -> None:
        os.close(open_gate)
        leases = Store(filled.root).leases
        with leases.hold("gc", []):
            leases.announce_collection()
            os.write(tell, b"1")
            os.read(gate, 1)

    child = forked(work)
    os.read(ready, 1)
    own = Store(filled.root).leases
    own.await_collection = lambda note: False
    with pytest.raises(RegistryError, match=f"process {child} collects"), own.hold("gc", []):
        own.announce_collection()
    os.close(open_gate)
    assert ended(child) == 0


def test_runs_commit_while_garbage_is_collected(filled, draft, run, key):
    """What is committed meanwhile from bytes that were garbage a moment ago is whole."""
    gate, open_gate = os.pipe()

    def commit(number: int) -> None:
        os.close(open_gate)
        os.read(gate, 1)
        for turn in range(8):
            store = Store(filled.root)
            with store.leases.hold(f"n{number}", []):
                store.commit(
                    [draft(f"n{number} {turn}", {"table.arrow": b"old" * 9, "own": bytes([turn])}, inputs={})]
                )
                store.commit([run(f"n{number}", [("x", {}, f"n{number} {turn}")], f"run n{number} {turn}")])

    def collect() -> None:
        os.close(open_gate)
        os.read(gate, 1)
        for _ in range(8):
            Store(filled.root).collect(AT_ONCE)

    children = [forked(lambda n=n: commit(n)) for n in range(2)] + [forked(collect)]
    os.close(open_gate)
    assert [ended(child) for child in children] == [0] * 3
    whole(filled)
    for number in range(2):
        assert filled.has(key(f"n{number} 7"))


def test_tags_name_artifacts_once(filled, key):
    filled.tag("v1.0", key("a"))
    filled.tag("v1.0", key("a"))
    assert filled.tags() == {"v1.0": key("a")}
    with pytest.raises(RegistryError, match="names"):
        filled.tag("v1.0", key("data"))
    for name in ("", "../up", "a/b", "-x", "ä", "x" * 65):
        with pytest.raises(RegistryError, match="no name"):
            filled.tag(name, key("a"))
        with pytest.raises(MissingError):
            filled.untag(name)
    filled.untag("v1.0")
    assert filled.tags() == {}


def test_a_damaged_tag_is_said(filled, key):
    filled.tag("v1", key("a"))
    (filled.layout.tags / "v1").chmod(0o644)
    (filled.layout.tags / "v1").write_text("nothing")
    with pytest.raises(DamagedError, match="--delete v1"):
        filled.tags()


def test_a_store_that_does_not_exist_has_no_garbage(store):
    assert store.survey().rubbish == [] and store.collect().rubbish == []
    assert not store.root.exists()
