"""Processes that die in the middle, and processes that meet."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest

from ws_dsl.registry import Store


def in_child(work: Callable[[], object]) -> int:
    """Forks a child that works and leaves without cleaning up; gives its id."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(1)
        os._exit(0)
    return child


def wait(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def spoil(store: Store, drafts, flip) -> None:
    """Stores the drafts and then damages an object of one and the manifest of the other."""
    one, two = store.commit(drafts)
    flip(store.layout.object(one.files["table.arrow"].sha256))
    flip(store.layout.manifest(two.key))


@pytest.mark.parametrize("before", ["nothing", "damage"])
def test_a_kill_at_any_call_costs_nothing(tmp_path, draft, flip, monkeypatch, watch, before):
    """Dies ahead of each call in turn; a rerun of the same commit gives what an undisturbed one gives."""
    drafts = [draft("one"), draft("two", {"a": b"1" * 1_500_000})]
    undisturbed: dict[str, str] = {}
    fatal, status = 0, 137
    while status == 137:
        fatal += 1
        store = Store(tmp_path / f"killed at {fatal}")
        if before == "damage":
            spoil(store, drafts, flip)

        def commit(fatal: int = fatal, store: Store = store) -> None:
            watch(monkeypatch, lambda number, call: os._exit(137) if number == fatal else None)
            store.commit(drafts)

        status = wait(in_child(commit))
        if before == "nothing":
            assert {damage.what for damage in store.verify()} <= {"orphaned"}
        survived = store.lookup(draft.key for draft in drafts)
        again = {m.key: m.digest for m in store.commit(drafts)}
        undisturbed = undisturbed or again
        assert again == undisturbed
        assert survived.items() <= undisturbed.items()
        assert store.verify() == []
        assert store.conflicts() == []
        assert {entry.key for entry in store.catalogue.artifacts()} == undisturbed.keys()
        assert not any(store.layout.attempts.iterdir())
    assert status == 0
    assert fatal > 35


def test_an_acknowledged_artifact_outlives_its_process(store, draft, key):
    def commit() -> None:
        store.commit([draft("one")])
        os._exit(137)

    assert wait(in_child(commit)) == 137
    assert store.has(key("one"))


@pytest.mark.parametrize("round_", range(3))
def test_processes_that_commit_the_same_keys_agree(tmp_path, draft, round_):
    """No lock is taken anywhere in a commit, so this holds where locks do nothing."""
    store = Store(tmp_path / "store")
    names = [f"d{number}" for number in range(12)]
    gate, open_gate = os.pipe()

    def commit(seed: int) -> None:
        os.close(open_gate)
        os.read(gate, 1)
        order = random.Random(seed).sample(names, len(names))
        for start in range(0, len(order), 4):
            Store(store.root).commit([draft(name, seconds=float(seed)) for name in order[start : start + 4]])
            Store(store.root).catalogue.artifacts()

    children = [in_child(lambda seed=seed: commit(seed)) for seed in range(4)]
    os.close(open_gate)
    assert [wait(child) for child in children] == [0] * 4
    os.close(gate)
    expected = {m.key: m.digest for m in Store(tmp_path / "alone").commit([draft(name) for name in names])}
    assert store.lookup(expected) == expected
    assert store.verify() == []
    assert store.conflicts() == []
    assert len(store.catalogue.artifacts()) == len(names)
    assert not any(store.layout.attempts.iterdir())


def test_processes_with_other_bytes_agree_on_one(store, draft, key):
    """Every writer is told the same digest, and each loser leaves a record."""
    readers = []
    gate, open_gate = os.pipe()
    for seed in range(4):
        reader, writer = os.pipe()

        def commit(seed: int = seed, writer: int = writer) -> None:
            os.close(open_gate)
            os.read(gate, 1)
            (manifest,) = store.commit([draft("one", {"a": f"bytes {seed}".encode()})])
            os.write(writer, manifest.digest.encode())

        readers.append((reader, in_child(commit)))
        os.close(writer)
    os.close(open_gate)
    assert [wait(child) for _, child in readers] == [0] * 4
    told = {os.read(reader, 100).decode() for reader, _ in readers}
    assert told == {store.manifest(key("one")).digest}
    assert len(store.conflicts(key("one"))) == 3
    assert {damage.what for damage in store.verify()} <= {"orphaned"}


def test_processes_that_find_the_same_damage_mend_it(store, draft, flip):
    (manifest,) = store.commit([draft("one")])
    flip(store.layout.object(manifest.files["table.arrow"].sha256))

    def mend() -> None:
        Store(store.root).quarantine(manifest.key, "flipped")
        Store(store.root).commit([draft("one")])

    children = [in_child(mend) for _ in range(4)]
    assert [wait(child) for child in children] == [0] * 4
    store.commit([draft("one")])
    assert store.verify() == []
    assert store.manifest(manifest.key).digest == manifest.digest
