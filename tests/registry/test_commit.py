"""The order of a commit, and what it leaves when the system refuses."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from ws_dsl.errors import RegistryError
from ws_dsl.registry import Store


def test_order_of_a_commit(store, draft, monkeypatch, watch):
    """write → fsync → read-only → rename → fsync of the folders → manifest written whole → named → fsync."""
    calls = watch(monkeypatch, lambda number, call: None)
    manifests = store.commit([draft("one"), draft("two")])
    places = {id(call): place for place, call in enumerate(calls)}

    def at(name: str, path: object, last: bool = False) -> int:
        found = [places[id(call)] for call in calls if call.name == name and call.path == str(path)]
        assert found, (name, path)
        return found[-1] if last else found[0]

    synced: list[int] = []
    for record in {record for manifest in manifests for record in manifest.files.values()}:
        path = store.layout.object(record.sha256)
        rename = at("rename", path)
        private = calls[rename].source
        assert at("write", private, last=True) < at("fsync", private) < at("fchmod", private) < rename
        assert str(store.layout.attempts) in private
        synced.append(at("fsync", path.parent))
        assert rename < synced[-1]
    synced += [at("fsync", store.layout.objects), at("fsync", store.root)]
    for manifest in manifests:
        path = store.layout.manifest(manifest.key)
        link = at("link", path)
        private = calls[link].source
        assert max(synced) < at("write", private)
        assert (
            at("write", private, last=True)
            < at("fsync", private)
            < link
            < at("fsync", path.parent, last=True)
        )
        assert link < at("fsync", store.layout.manifests, last=True)


def test_a_batch_waits_once_for_each_folder(store, draft, monkeypatch, watch):
    calls = watch(monkeypatch, lambda number, call: None)
    store.commit([draft(f"d{number}") for number in range(40)])
    waits = [call.path for call in calls if call.name == "fsync" and Path(call.path).is_dir()]
    waits.remove(str(store.root))
    assert len(waits) == len(set(waits))


def test_what_is_stored_is_not_written_again(store, draft, monkeypatch, watch):
    store.commit([draft("one")])
    calls = watch(monkeypatch, lambda number, call: None)
    store.commit([draft("one")])
    assert {call.name for call in calls} <= {"mkdir", "fsync"}


def test_a_full_disk_at_any_call_leaves_the_store_valid(store, draft, monkeypatch, watch):
    (first,) = store.commit([draft("first")])
    fatal, refused = 0, [True]
    while refused:
        fatal, refused = fatal + 1, []
        batch = [draft(f"{fatal}"), draft(f"{fatal} too")]

        def refuse(number: int, call, fatal: int = fatal, refused: list[bool] = refused) -> None:
            if number == fatal:
                refused.append(True)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), call.path)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "mkdir", _only_missing(Path.mkdir))
            watch(patch, refuse)
            if not refused_by(store, batch, "is full; what was stored before is intact") and refused:
                pytest.fail(f"call {fatal} was refused and nobody was told")
        assert not any(store.layout.attempts.iterdir())
        assert {damage.what for damage in store.verify()} <= {"orphaned"}
        assert store.read(first, "table.arrow") == b"rows of first" * 50
        store.commit(batch)
        assert store.verify() == []
    assert fatal > 25


def refused_by(store: Store, batch, words: str) -> bool:
    """Whether a commit is refused, in these words."""
    try:
        store.commit(batch)
    except RegistryError as error:
        return words in str(error)
    return False


def _only_missing(mkdir):
    """A folder that exists needs no call, so that none can be refused for nothing."""

    def call(path, *rest, **named):
        return None if path.is_dir() else mkdir(path, *rest, **named)

    return call


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EDQUOT, "is full"),
        (errno.EROFS, "give another with --registry"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_the_reason_of_a_refusal_is_told(store, draft, monkeypatch, watch, code, words):
    def refuse(number: int, call) -> None:
        if call.name == "fsync":
            raise OSError(code, os.strerror(code), call.path)

    watch(monkeypatch, refuse)
    assert refused_by(store, [draft("one")], words)


def test_a_short_write_is_continued(store, draft, monkeypatch):
    original = os.write
    monkeypatch.setattr(os, "write", lambda target, data: original(target, data[:100]))
    (manifest,) = store.commit([draft("one")])
    assert store.read(manifest, "table.arrow") == b"rows of one" * 50


def test_a_disk_without_links_serves_as_well(store, draft, monkeypatch):
    def link(source: object, target: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "link", link)
    (first,) = store.commit([draft("one")])
    assert store.commit([draft("one")]) == [first]
    assert store.verify() == []


def test_other_bytes_for_a_key_lose_and_are_reported(store, draft):
    (first,) = store.commit([draft("one", {"a": b"1", "b": b"2"})])
    (second,) = store.commit([draft("one", {"a": b"1", "b": b"3", "c": b"4"})])
    assert second == first
    assert store.manifest(first.key) == first
    (conflict,) = store.conflicts(first.key)
    assert (conflict.kept, conflict.differing) == (first.digest, ("b", "c"))
    assert store.conflicts() == [conflict]
    assert store.verify() == []


def test_other_bytes_for_a_key_in_one_batch(store, draft):
    first, second = store.commit([draft("one", {"a": b"1"}), draft("one", {"a": b"2"})])
    assert first == second
    assert store.read(first, "a") == b"1"
    assert len(store.conflicts()) == 1


def test_an_abandoned_attempt_is_cleared_and_a_live_one_kept(store, draft):
    store.commit([draft("one")])
    child = os.fork()
    if child == 0:
        from ws_dsl.registry.attempt import attempt

        with attempt(store.layout) as folder:
            (folder / "half").write_bytes(b"half")
            os._exit(9)
    os.waitpid(child, 0)
    live = store.layout.attempts / next(store.layout.attempts.iterdir()).name.replace(
        str(child), str(os.getpid())
    )
    live.mkdir()
    store.commit([draft("two")])
    assert list(store.layout.attempts.iterdir()) == [live]


@pytest.fixture
def public_folder():
    """A folder that any user may enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("catalogue", ["current", None, b"", b"this was a database" * 500])
def test_a_read_only_store_answers_and_refuses_clearly(public_folder, draft, run, key, catalogue):
    store = Store(public_folder / "store")
    (manifest, _) = store.commit([draft("one"), run("s", [("step", {}, "one")], "run")])
    outside = public_folder / "claims.jsonl"
    outside.write_bytes(b"x")
    if catalogue == "current":
        store.catalogue.artifacts()
        store.close()
    elif catalogue is not None:
        store.layout.catalogue.write_bytes(catalogue)
    for path in [public_folder, *public_folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)

    def read() -> None:
        reader = Store(store.root)
        assert reader.lookup([manifest.key]) == {manifest.key: manifest.digest}
        assert reader.read(manifest, "table.arrow") == b"rows of one" * 50
        assert reader.catalogue.previous("s", "step", {}) == key("one")
        assert len(reader.catalogue.artifacts()) == 2
        assert reader.hash_file(outside) == reader.hash_file(outside)
        assert reader.verify() == []
        assert reader.survey().rubbish == []
        with reader.leases.hold("s", [manifest.key]), reader.leases.share(["x"], "step", print) as mine:
            assert mine == ["x"]
        for write in (lambda: reader.commit([draft("two")]), lambda: reader.import_file(outside)):
            with pytest.raises(
                RegistryError, match="cannot be written: Permission denied; give another with"
            ):
                write()
        for write in (reader.collect, lambda: reader.tag("paper", manifest.key)):
            with pytest.raises(RegistryError, match="cannot be written"):
                write()

    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setuid(65534)
            read()
            os._exit(0)
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def test_the_shim_stands_where_the_store_calls(store, draft, monkeypatch, watch, call_names):
    calls = watch(monkeypatch, lambda number, call: None)
    store.commit([draft("one")])
    assert {call.name for call in calls} == set(call_names)
