"""Push and pull: what arrives is what was sent, or it is refused; a dropped connection costs only time."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.registry.honest import contents, filled, honest, judged
from ws_dsl.errors import MissingError, RemoteError
from ws_dsl.registry import Manifest, Store, transfer
from ws_dsl.registry.remote import Remote
from ws_dsl.registry.transfer import pull, pull_study, push


def quiet(text: str) -> None:
    pass


def has(name: str) -> bool:
    return find_spec(name) is not None


needs_s3 = pytest.mark.skipif(
    not (has("s3fs") and has("moto") and has("flask_cors")),
    reason="s3fs, moto and flask-cors are not installed; the test extra has them",
)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A bucket on a server of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], **quiet
    )
    own = {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    try:
        for _ in range(300):
            try:
                urlopen(f"{address}/moto-api/data.json", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None, "the server of moto ended"
                time.sleep(0.1)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in own.items():
                patch.setenv(name, value)
            import s3fs

            s3fs.S3FileSystem(skip_instance_cache=True).mkdir("bucket")
            yield address
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture(params=["memory", "file", pytest.param("s3", marks=needs_s3)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty place of its own behind every protocol that can be tried here."""
    if request.param == "file":
        return (tmp_path / "remote").as_uri()
    if request.param == "s3":
        request.getfixturevalue("s3")
    return f"{request.param}://bucket/{tmp_path.name}"


@pytest.fixture
def full(tmp_path: Path) -> tuple[Store, Manifest]:
    return filled(tmp_path / "here")


@pytest.fixture
def other(tmp_path: Path) -> Store:
    return Store(tmp_path / "there")


def damage(remote: Remote, name: str, change: Callable[[bytes], bytes]) -> None:
    fs: Any = remote._fs
    path = remote._path("objects", name)
    fs.pipe_file(path, change(fs.cat_file(path)))


def test_everything_that_was_pushed_can_be_pulled(url: str, full: tuple[Store, Manifest], other: Store):
    store, _ = full
    sent = push(store, Remote(url), store.keys(), quiet)
    remote = Remote(url)
    came = pull(other, remote, remote.keys(), quiet)
    assert contents(other) == contents(store) and not came.refused
    assert came.artifacts == sent.artifacts == len(store.keys())
    assert other.verify() == []


def test_a_second_time_there_is_nothing_to_do(url: str, full: tuple[Store, Manifest], other: Store):
    store, _ = full
    push(store, Remote(url), store.keys(), quiet)
    again = push(store, Remote(url), store.keys(), quiet)
    assert (again.artifacts, again.objects) == (0, 0) and again.present == len(store.keys())
    pull(other, Remote(url), store.keys(), quiet)
    again = pull(other, Remote(url), store.keys(), quiet)
    assert (again.artifacts, again.objects) == (0, 0) and again.present == len(store.keys())


def test_a_study_is_found_by_its_id(url: str, full: tuple[Store, Manifest], other: Store, tmp_path: Path):
    store, run = full
    noise, _ = filled(tmp_path / "noise", "noise")
    push(noise, Remote(url), noise.keys(), quiet)
    push(store, Remote(url), store.keys(), quiet)
    pull_study(other, Remote(url), "small", quiet)
    assert contents(other) == contents(store)
    assert [one.key for one in other.catalogue.runs("small")] == [run.key]
    with pytest.raises(MissingError, match="has no run of large"):
        pull_study(other, Remote(url), "large", quiet)


def test_what_a_table_names_is_sent_and_comes_before_it(url: str, other: Store, tmp_path: Path):
    store, run, replies = judged(tmp_path / "here")
    (table,) = json.loads(store.read(run, "study.json"))["cells"]
    sent = push(store, Remote(url), [run.key, table["key"]], quiet)
    assert sent.artifacts == len(replies) + 2
    there: list[str] = []
    for left in range(2 * (len(replies) + 3)):
        remote = Remote(url)
        remote._fs = Dropping(remote._fs, left)
        with suppress(RemoteError):
            pull(Store(tmp_path / f"dropped-{left}"), remote, [table["key"]], quiet)
        there = [*Store(tmp_path / f"dropped-{left}").keys()]
        assert {table["key"], *replies} == {*there} or table["key"] not in there
    assert table["key"] in there
    pull(other, Remote(url), [table["key"]], quiet)
    assert sorted(other.keys()) == sorted([table["key"], *replies])
    assert pull_study(other, Remote(url), "judged", quiet).artifacts == 1
    assert contents(other).items() <= contents(store).items() and other.verify() == []


@pytest.mark.parametrize("change", [lambda b: b"x" + b[1:], lambda b: b[:-1]], ids=["flipped", "cut"])
def test_a_wrong_object_is_named_and_never_lands(
    url: str, full: tuple[Store, Manifest], other: Store, change: Callable[[bytes], bytes]
):
    store, _ = full
    push(store, Remote(url), store.keys(), quiet)
    clamps = [entry.key for entry in store.catalogue.artifacts() if entry.kind == "clamp"]
    victim = clamps[0]
    wrong = store.manifest(victim).files["table.arrow"].sha256  # pyright: ignore
    damage(Remote(url), wrong, change)
    came = pull(other, Remote(url), store.keys(), quiet)
    assert len(came.refused) == 1 and victim[:12] in came.refused[0]
    assert not other.has(victim) and not other.layout.object(wrong).exists()
    assert other.verify() == [] and len(other.keys()) == len(store.keys()) - 1


def test_an_object_that_is_cut_off_there_is_sent_again(url: str, full: tuple[Store, Manifest], other: Store):
    store, run = full
    push(store, Remote(url), store.keys(), quiet)
    damage(Remote(url), run.files["index.md"].sha256, lambda content: content[:-1])
    assert push(store, Remote(url), store.keys(), quiet).objects == 1
    assert not pull(other, Remote(url), store.keys(), quiet).refused


def test_a_wrong_object_of_the_right_size_is_sent_again_by_a_deep_push(
    url: str, full: tuple[Store, Manifest], other: Store
):
    store, run = full
    push(store, Remote(url), store.keys(), quiet)
    damage(Remote(url), run.files["index.md"].sha256, lambda content: b"x" + content[1:])
    assert push(store, Remote(url), store.keys(), quiet).objects == 0
    again = push(store, Remote(url), store.keys(), quiet, deep=True)
    assert (again.artifacts, again.objects, again.mended) == (0, 1, 1)
    assert not pull(other, Remote(url), store.keys(), quiet).refused
    assert contents(other) == contents(store)


def flipped(record: bytes) -> bytes:
    """The record with one of its last characters changed."""
    return record[:-9] + bytes([record[-9] ^ 1]) + record[-8:]


@pytest.mark.parametrize("change", [flipped, lambda b: b[:-1]], ids=["flipped", "cut"])
def test_a_record_that_is_wrong_there_is_written_again(
    url: str, full: tuple[Store, Manifest], other: Store, change: Callable[[bytes], bytes]
):
    store, run = full
    push(store, Remote(url), store.keys(), quiet)
    remote: Any = Remote(url)
    path = remote._path("manifests", run.key)
    remote._fs.pipe_file(path, change(remote._fs.cat_file(path)))
    again = push(store, Remote(url), store.keys(), quiet)
    assert (again.artifacts, again.objects, again.mended) == (1, 0, 1)
    assert not pull(other, Remote(url), store.keys(), quiet).refused


def test_other_bytes_for_a_key_stay_there_and_are_told(
    url: str, full: tuple[Store, Manifest], other: Store, tmp_path: Path
):
    store, _ = full
    first = Store(tmp_path / "first")
    (theirs,) = first.commit([honest("small-0", {"table.arrow": b"others"}, environment={})])
    push(first, Remote(url), [theirs.key], quiet)
    done = push(store, Remote(url), store.keys(), quiet)
    assert len(done.conflicts) == 1 and theirs.key[:12] in done.conflicts[0]
    (told,) = store.conflicts()
    assert (told.key, told.offered, told.kept) == (
        theirs.key,
        theirs.digest,
        store.require(theirs.key).digest,
    )
    pull(other, Remote(url), [theirs.key], quiet)
    assert other.require(theirs.key).digest == theirs.digest
    assert push(store, Remote(url), store.keys(), quiet).conflicts == done.conflicts
    assert len(store.conflicts()) == 1


class Dropping:
    """A file system that fails after so many requests that carry content."""

    def __init__(self, fs: Any, left: int):
        self._fs = fs
        self.left = left

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._fs, name)
        if name not in ("cat_file", "pipe_file", "put_file"):
            return found

        def carry(*values: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise ConnectionResetError("the connection was reset")
            return found(*values, **named)

        return carry


def attempts(work: Callable[[Remote], Any], url: str, step: int) -> Iterator[bool]:
    """Works over connections that carry so many files, until it is done; gives whether each drop is told."""
    for _ in range(100):
        remote = Remote(url)
        remote._fs = Dropping(remote._fs, step)
        try:
            work(remote)
        except RemoteError as error:
            yield "the same command goes on from there" in str(error)
        else:
            return


def test_a_push_that_drops_goes_on_from_there(
    url: str, full: tuple[Store, Manifest], other: Store, tmp_path: Path
):
    store, _ = full
    dropped = 0
    for said in attempts(lambda remote: push(store, remote, store.keys(), quiet), url, len(store.keys())):
        dropped += 1
        assert said
        there = Remote(url).keys()
        fresh = Store(tmp_path / f"fresh-{dropped}")
        assert pull(fresh, Remote(url), there, quiet).artifacts == len(there)
    assert dropped > 1
    pull(other, Remote(url), store.keys(), quiet)
    assert contents(other) == contents(store)


def test_a_pull_that_drops_goes_on_from_there(
    url: str, full: tuple[Store, Manifest], other: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(transfer, "_BATCH", 2)
    store, _ = full
    push(store, Remote(url), store.keys(), quiet)
    dropped = 0
    for said in attempts(lambda remote: pull(other, remote, store.keys(), quiet), url, 8):
        dropped += 1
        assert said
        assert not [damage for damage in other.verify() if damage.what != "orphaned"]
    assert dropped > 1
    assert contents(other) == contents(store)


class Wire:
    """A connection of this machine that carries so many bytes and then closes."""

    def __init__(self, port: int):
        self.left = 0
        self._port = port
        self._door = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._door.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with source, target, suppress(OSError):
            while data := source.recv(4096):
                self.left -= len(data)
                if self.left < 0:
                    break
                target.sendall(data)
            for end in (source, target):
                end.shutdown(socket.SHUT_RDWR)


@pytest.mark.slow
@needs_s3
def test_s3_over_a_wire_that_is_cut(
    s3: str, full: tuple[Store, Manifest], other: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store, _ = full
    wire = Wire(int(s3.rpartition(":")[2]))
    monkeypatch.setenv("AWS_ENDPOINT_URL", wire.address)
    url = f"s3://bucket/{tmp_path.name}"
    cut = 0
    for work in (
        lambda at: push(store, at, store.keys(), quiet),
        lambda at: pull(other, at, store.keys(), quiet),
    ):
        for carried in (0, 30_000, 60_000, 1 << 40):
            wire.left = carried
            try:
                work(Remote(url))
            except RemoteError:
                cut += 1
            assert not [damage for damage in other.verify() if damage.what != "orphaned"]
    wire.close()
    assert cut >= 4
    assert contents(other) == contents(store)


def test_a_record_under_a_wrong_key_is_refused(tmp_path: Path, other: Store):
    remote = Remote(f"memory://bucket/{tmp_path.name}")
    store = Store(tmp_path / "here")
    liar = honest("liar")
    (manifest,) = store.commit([honest("liar", params={"name": "honest"})])
    text = manifest.to_json().replace(manifest.key, liar.key)
    body = text.rpartition(',\n  "seal": "')[0]
    text = f'{body},\n  "seal": "{hashlib.sha256(body.encode()).hexdigest()}"\n}}\n'
    remote.write("manifests", liar.key, text.encode())
    came = pull(other, remote, [liar.key], quiet)
    assert came.artifacts == 0 and "is not the key of what it says" in came.refused[0]


def test_a_remote_out_of_reach_says_so(tmp_path: Path, full: tuple[Store, Manifest]):
    store, _ = full
    (tmp_path / "file").write_text("")
    with pytest.raises(RemoteError, match=r"failed at"):
        push(store, Remote(str(tmp_path / "file" / "within")), store.keys(), quiet)
    with pytest.raises(RemoteError, match="a remote begins with one of"):
        Remote("ftp://somewhere")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(RemoteError, match=r"pip install 'ws-dsl\[gs\]'"):
        Remote("gs://bucket")


def test_secrets_of_an_address_are_not_shown():
    assert Remote("memory://user:secret@bucket/x").url == "memory://bucket/x"
