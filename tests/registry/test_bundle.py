"""Bundles: one store, one sequence of bytes; and anything that is not as it should be is refused whole."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.registry.honest import contents, filled, judged
from ws_dsl.errors import RegistryError
from ws_dsl.registry import Manifest, Store
from ws_dsl.registry.bundle import HEAD, export
from ws_dsl.registry.unpack import unpacked
from ws_dsl.specs.canonical import canonical

FILES = {"experiments/small.yaml": b"ws: 1\n", "experiments/data/claims.jsonl": b'{"id": 1}\n' * 10}
Members = list[tuple[zipfile.ZipInfo, bytes]]


@pytest.fixture
def full(tmp_path: Path) -> tuple[Store, Manifest]:
    return filled(tmp_path / "here")


@pytest.fixture
def bundle(full: tuple[Store, Manifest], tmp_path: Path) -> Path:
    store, run = full
    return export(store, run, FILES, tmp_path / "small.wsz").path


@pytest.fixture
def other(tmp_path: Path) -> Store:
    return Store(tmp_path / "there")


def bring(store: Store, path: Path) -> None:
    with unpacked(store.layout, path) as found:
        found.commit()


def members(path: Path) -> Members:
    with zipfile.ZipFile(path) as archive:
        return [(one, archive.read(one)) for one in archive.infolist()]


def pack(path: Path, members: Members) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for info, content in members:
            archive.writestr(info, content, compress_type=info.compress_type)


def listed(members: Members, change: Callable[[dict[str, Any]], object] = lambda head: None) -> Members:
    """The same members under a head that tells of them as they are, then changed."""
    head = json.loads(members[0][1])
    head["members"] = {
        info.filename: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for info, content in members[1:]
    }
    change(head)
    return [(members[0][0], canonical(head)), *members[1:]]


def refused(store: Store, path: Path, match: str) -> None:
    with pytest.raises(RegistryError, match=match):
        bring(store, path)
    assert contents(store) == {} and not store.layout.arrivals.exists()
    assert not list(store.layout.attempts.iterdir()) if store.layout.attempts.exists() else True


def test_equal_stores_give_equal_bytes(full: tuple[Store, Manifest], bundle: Path, tmp_path: Path):
    store, run = full
    again = export(store, run, dict(reversed(FILES.items())), tmp_path / "again.wsz")
    assert again.path.read_bytes() == bundle.read_bytes()
    assert hashlib.sha256(bundle.read_bytes()).hexdigest() == again.sha256
    assert len({info.date_time for info, _ in members(bundle)}) == 1


def test_what_is_brought_is_what_was_there(full: tuple[Store, Manifest], bundle: Path, other: Store):
    store, _ = full
    with unpacked(other.layout, bundle) as found:
        assert found.files == FILES and found.study == "small"
        assert contents(other) == {}
        found.commit()
    assert contents(other) == contents(store)
    assert other.verify() == []


def test_every_byte_is_there_once(bundle: Path):
    digests = [hashlib.sha256(content).hexdigest() for _, content in members(bundle)]
    assert len(set(digests)) == len(digests)


def test_what_a_table_names_travels_and_what_a_run_names_does_not(tmp_path: Path, other: Store):
    store, run, replies = judged(tmp_path / "here")
    bundle = export(store, run, {"experiments/judged.yaml": b"ws: 1\n"}, tmp_path / "judged.wsz")
    bring(other, bundle.path)
    (table,) = json.loads(store.read(run, "study.json"))["cells"]
    assert sorted(other.keys()) == sorted([run.key, table["key"], *replies])
    assert contents(other).items() <= contents(store).items() and other.verify() == []


def test_a_reply_that_was_changed_on_the_way_is_refused(tmp_path: Path, other: Store):
    store, run, replies = judged(tmp_path / "here")
    bundle = export(store, run, {"experiments/judged.yaml": b"ws: 1\n"}, tmp_path / "judged.wsz").path
    (record,) = store.require(replies[0]).files.values()
    found = [
        (info, b"9" if info.filename == f"objects/{record.sha256}" else content)
        for info, content in members(bundle)
    ]
    pack(bundle, found)
    refused(other, bundle, "has other bytes")


def test_a_reply_that_is_gone_here_is_left_out(tmp_path: Path, other: Store):
    """As an input that is gone: the table is as whole there as here."""
    store, run, replies = judged(tmp_path / "here")
    store.layout.manifest(replies[0]).unlink()
    made = export(store, run, {"experiments/judged.yaml": b"ws: 1\n"}, tmp_path / "judged.wsz")
    bring(other, made.path)
    assert made.artifacts == 4 and not {replies[0]} & {*other.keys()}


def test_bringing_it_twice_changes_nothing(bundle: Path, other: Store):
    bring(other, bundle)
    before = contents(other)
    bring(other, bundle)
    assert contents(other) == before


def test_objects_that_are_damaged_here_are_mended(bundle: Path, other: Store, flip: Callable[..., None]):
    bring(other, bundle)
    before = contents(other)
    run = other.manifest(other.catalogue.runs("small")[0].key)
    assert run is not None
    flip(other.layout.object(run.files["index.md"].sha256))
    bring(other, bundle)
    assert contents(other) == before


@pytest.mark.parametrize(
    "name",
    ["../out", "/etc/out", "study/../../out", "study/..", "study/.git/config", "study/a\\..\\b", "study/C:x",
     "study//x", "extra/x", "objects/xyz", "manifests/" + "a" * 64, "study/ends.", "study/a\x01b"],
)  # fmt: skip
def test_a_strange_name_is_refused(bundle: Path, other: Store, name: str):
    info = zipfile.ZipInfo(name)
    info.filename = name
    pack(bundle, listed([*members(bundle), (info, b"out")]))
    refused(other, bundle, "is no name of a member")


def test_a_link_is_refused(bundle: Path, other: Store):
    info = zipfile.ZipInfo("study/link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    pack(bundle, listed([*members(bundle), (info, b"/etc/passwd")]))
    refused(other, bundle, "is no plain file")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("twin", ["study/experiments/small.yaml", "study/experiments/SMALL.yaml"])
def test_two_members_of_one_name_are_refused(bundle: Path, other: Store, twin: str):
    pack(bundle, listed([*members(bundle), (zipfile.ZipInfo(twin), b"ws: 2\n")]))
    refused(other, bundle, "several members have one name")


def test_a_bomb_is_refused_before_it_is_unpacked(bundle: Path, other: Store):
    info = zipfile.ZipInfo("study/zeros")
    info.compress_type = zipfile.ZIP_DEFLATED
    pack(bundle, listed([*members(bundle), (info, bytes(50_000_000))]))
    assert bundle.stat().st_size < 200_000
    refused(other, bundle, "study/zeros is compressed")


def test_a_member_that_claims_more_than_there_is_is_refused(bundle: Path, other: Store):
    data = bundle.read_bytes()
    # Sizes in the central directory, of the first member: compressed and as they are.
    at = data.rindex(b"PK\x01\x02", 0, data.index(b"study/", data.index(b"PK\x01\x02")))
    huge = (1 << 31).to_bytes(4, "little")
    bundle.write_bytes(data[: at + 20] + huge + huge + data[at + 28 :])
    refused(other, bundle, "claim more bytes than the archive has")


def test_a_member_that_is_not_listed_is_refused(bundle: Path, other: Store):
    pack(bundle, [*members(bundle), (zipfile.ZipInfo("study/more"), b"more")])
    refused(other, bundle, "differ in 'study/more'")


def test_a_member_that_is_listed_and_not_there_is_refused(bundle: Path, other: Store):
    pack(bundle, members(bundle)[:-1])
    refused(other, bundle, "differ in 'objects/")


def test_an_object_for_nothing_is_refused(bundle: Path, other: Store):
    content = b"nobody asked for this"
    info = zipfile.ZipInfo(f"objects/{hashlib.sha256(content).hexdigest()}")
    pack(bundle, listed([*members(bundle), (info, content)]))
    refused(other, bundle, "nothing in it mentions")


def test_an_object_that_is_missing_is_refused(bundle: Path, other: Store):
    pack(bundle, listed([one for one in members(bundle) if not one[0].filename.startswith("objects/")]))
    refused(other, bundle, "lacks .* of .*clamp")


def test_a_page_that_is_not_that_of_the_run_is_refused(bundle: Path, other: Store):
    changed = [
        (info, b"# Another\n" if info.filename == "report/index.md" else content)
        for info, content in members(bundle)
    ]
    pack(bundle, listed(changed))
    refused(other, bundle, "does not hold the run that it names")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda head: head.update(schema=2), "has schema 2"),
        (lambda head: head.update(study="../x"), "is not what"),
        (lambda head: head.update(file="experiments/other.yaml"), "is not what"),
        (lambda head: head.update(run="f" * 64), "does not hold the run"),
        (lambda head: head.update(members=[]), "is not what"),
        (lambda head: head["members"]["report/index.md"].update(bytes=3), "does not have the size"),
    ],
)
def test_a_head_that_is_wrong_is_refused(bundle: Path, other: Store, change: Any, match: str):
    pack(bundle, listed(members(bundle), change))
    refused(other, bundle, match)


def sealed(record: dict[str, Any]) -> bytes:
    body = json.dumps(record, ensure_ascii=False, indent=2)[:-2]
    return f'{body},\n  "seal": "{hashlib.sha256(body.encode()).hexdigest()}"\n}}\n'.encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record.update(params={"name": "another"}),
        lambda record: record.update(params=3),
        lambda record: record.update(digest="0" * 64),
        lambda record: record.update(files={}),
        lambda record: record.update(files={"../x": record["files"]["table.arrow"]}),
        lambda record: record["files"]["table.arrow"].update(sha256="../../../etc/passwd"),
        lambda record: record["files"]["table.arrow"].update(bytes=-1),
        lambda record: record.update(inputs={"a": [{"digest": 1, "key": 2, "pooled": [], "column": None}]}),
        lambda record: record.update(created="now\x1b[2J"),
        lambda record: record.update(seconds="long"),
        lambda record: record.pop("kind"),
    ],
)
def test_a_record_that_is_sealed_and_wrong_is_refused(bundle: Path, other: Store, change: Any):
    found = members(bundle)
    place = next(i for i, (info, text) in enumerate(found) if b'"kind": "clamp"' in text)
    record = json.loads(found[place][1])
    del record["seal"]
    change(record)
    found[place] = (found[place][0], sealed(record))
    pack(bundle, listed(found))
    refused(other, bundle, "manifest of|is not the key")


@pytest.mark.parametrize("content", [b"", b"PK", b"not a bundle at all", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_bundle_is_refused(bundle: Path, other: Store, content: bytes):
    bundle.write_bytes(content)
    refused(other, bundle, "is no (whole )?bundle")


def test_a_file_that_is_not_there_is_named(other: Store, tmp_path: Path):
    with pytest.raises(RegistryError, match="cannot be read"):
        bring(other, tmp_path / "nothing.wsz")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_bundle_that_is_cut_off_is_refused(bundle: Path, other: Store, share: float):
    data = bundle.read_bytes()
    bundle.write_bytes(data[: int(len(data) * share)])
    refused(other, bundle, "is no (whole )?bundle")


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_one_flipped_bit_brings_nothing_wrong(
    full: tuple[Store, Manifest], bundle: Path, tmp_path: Path, place: float, bit: int
):
    """Either it is refused, and nothing is there, or it was a bit that says nothing, and all is there."""
    data = bytearray(bundle.read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    flipped = tmp_path / "flipped.wsz"
    flipped.write_bytes(data)
    other = Store(tmp_path / f"there-{place}-{bit}")
    try:
        bring(other, flipped)
    except RegistryError:
        assert contents(other) == {}
    else:
        assert contents(other) == contents(full[0])


def test_a_head_names_every_other_member(bundle: Path):
    first, *others = members(bundle)
    assert first[0].filename == HEAD
    assert list(json.loads(first[1])["members"]) == sorted(info.filename for info, _ in others)
