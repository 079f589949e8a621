"""Unpack: a bundle, verified whole before anything of it is used.

A bundle comes from someone else. Names are plain and in the known folders, members are plain files stored as
they are, nothing is there twice or unlisted, every digest and size is right, the records are sealed and have
the keys that follow from them, and what the run rests on is complete. Otherwise all of it is refused.
"""

from __future__ import annotations

import json
import os
import re
import stat
import struct
import zipfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ws_dsl.errors import DamagedError, RegistryError
from ws_dsl.registry.arrival import Arrivals, plain, read_manifest
from ws_dsl.registry.bundle import HEAD, SCHEMA
from ws_dsl.registry.catalogue import RUN_FILE, RUN_KIND
from ws_dsl.registry.commit import arrival
from ws_dsl.registry.layout import Layout
from ws_dsl.registry.manifest import SHA256, FileRecord, Manifest

_BLOCK = 1 << 20
_LARGEST_HEAD = 1 << 26
_DIGEST = re.compile(rb"[0-9a-f]{64}")
_STUDY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_BROKEN = (
    zipfile.BadZipFile,
    EOFError,
    ValueError,
    OverflowError,
    NotImplementedError,
    struct.error,
    OSError,
)


@dataclass(frozen=True)
class Unpacked:
    """A bundle that was verified whole; the store is still as it was.

    Attributes:
        study: Id of the study.
        file: Path of the study's file in the project that it came from.
        files: The study's files by their paths there.
        manifests: Records of its artifacts.
        arrivals: Their objects, on the way.
    """

    study: str
    file: str
    files: dict[str, bytes]
    manifests: list[Manifest]
    arrivals: Arrivals

    def commit(self) -> list[Manifest]:
        """Brings the artifacts into the store; gives the manifests that stand for them."""
        return self.arrivals.commit(self.manifests)


class _Head(NamedTuple):
    study: str
    file: str
    run: str
    members: dict[str, FileRecord]

    def under(self, folder: str) -> dict[str, FileRecord]:
        """Members in a folder, by their names there."""
        start = f"{folder}/"
        return {name.removeprefix(start): one for name, one in self.members.items() if name.startswith(start)}


@contextmanager
def unpacked(layout: Layout, path: Path) -> Generator[Unpacked]:
    """Verifies a bundle, in a private folder of the store.

    Raises:
        DamagedError: it is no bundle, it is cut off, or something in it is not what it should be.
        RegistryError: the file cannot be read, or the store cannot be written.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise RegistryError(f"{path} cannot be read: {error.strerror}") from None
    with file:
        try:
            archive = zipfile.ZipFile(file)
            head = _head(archive, file, path)
        except _BROKEN as error:
            raise _cut(path, error) from None
        with arrival(layout) as folder:
            arrivals = Arrivals(layout, folder, path.name)
            found = {
                name: _receive(archive, name, record, path, arrivals) for name, record in head.members.items()
            }
            manifests = {
                key: read_manifest(found[f"manifests/{name}"].read_bytes(), key, path.name)
                for name in head.under("manifests")
                for key in [name.removesuffix(".json")]
            }
            objects = _objects(path, head, manifests, arrivals.staged)
            files = {name: found[f"study/{name}"].read_bytes() for name in head.under("study")}
            arrivals.keep(objects)
            yield Unpacked(head.study, head.file, files, list(manifests.values()), arrivals)


def _head(archive: zipfile.ZipFile, file: BinaryIO, path: Path) -> _Head:
    """What a bundle says of itself, held against what the archive says; nothing but the head is read."""
    listed = {one.filename: one for one in archive.infolist()}
    if len({name.casefold() for name in listed}) != len(archive.infolist()):
        raise DamagedError(f"{path}: several members have one name")
    for one in listed.values():
        _refuse_odd(one, path)
    if sum(one.file_size for one in listed.values()) > os.fstat(file.fileno()).st_size:
        raise DamagedError(f"{path}: its members claim more bytes than the archive has")
    if HEAD not in listed or listed[HEAD].file_size > _LARGEST_HEAD:
        raise DamagedError(f"{path} is no bundle: it has no {HEAD}")
    head = _read_head(archive.read(HEAD), path)
    if strange := {*listed} ^ {HEAD, *head.members}:
        name = min(strange)
        raise DamagedError(f"{path}: its list and its members differ in {name!r}")
    for name, record in head.members.items():
        if listed[name].file_size != record.bytes:
            raise DamagedError(f"{path}: {name} does not have the size that {HEAD} says")
        if name.startswith("objects/") and name != f"objects/{record.sha256}":
            raise DamagedError(f"{path}: {name} is listed with another digest")
    return head


def _read_head(content: bytes, path: Path) -> _Head:
    try:
        head = json.loads(content)
        schema = head["schema"]
        members = {name: FileRecord(one["sha256"], one["bytes"]) for name, one in head["members"].items()}
        found = _Head(head["study"], head["file"], head["run"], members)
        right = all(SHA256.fullmatch(text) for text in [found.run, *(one.sha256 for one in members.values())])
        right = right and _STUDY.fullmatch(found.study) is not None and f"study/{found.file}" in members
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        schema, found, right = SCHEMA, None, False
    if schema != SCHEMA:
        raise RegistryError(
            f"{path} has schema {schema!r}; this version of ws-dsl reads bundles of schema {SCHEMA}"
        )
    if found is None or not right:
        raise DamagedError(f"{path}: its {HEAD} is not what `ws-dsl export` writes")
    return found


def _refuse_odd(member: zipfile.ZipInfo, path: Path) -> None:
    """A bundle has plain files alone, stored as they are, under plain names in known folders."""
    name, mode = member.orig_filename, member.external_attr >> 16
    if name != member.filename or not (name == HEAD or _plain(name)):
        raise DamagedError(f"{path}: {name!r} is no name of a member")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise DamagedError(f"{path}: {name} is no plain file")
    if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
        raise DamagedError(f"{path}: {name} is compressed; members of a bundle are not")
    if member.flag_bits & 0x1:
        raise DamagedError(f"{path}: {name} is encrypted")


def _plain(name: str) -> bool:
    folder, _, rest = name.partition("/")
    if folder == "objects":
        return SHA256.fullmatch(rest) is not None
    if folder == "manifests":
        return rest.endswith(".json") and SHA256.fullmatch(rest.removesuffix(".json")) is not None
    return folder in ("study", "report") and plain(rest)


def _receive(archive: zipfile.ZipFile, name: str, record: FileRecord, path: Path, arrivals: Arrivals) -> Path:
    if record.sha256 in arrivals.staged:
        return arrivals.staged[record.sha256]
    return arrivals.receive(record.sha256, record.bytes, _blocks(archive, name, path), name)


def _blocks(archive: zipfile.ZipFile, name: str, path: Path) -> Iterable[bytes]:
    try:
        with archive.open(name) as member:
            while block := member.read(_BLOCK):
                yield block
    except _BROKEN as error:
        raise _cut(path, error) from None


def _objects(path: Path, head: _Head, manifests: dict[str, Manifest], staged: dict[str, Path]) -> set[str]:
    """Digests of the objects of the bundle's artifacts: none is missing, and none is for nothing."""
    run = manifests.get(head.run)
    if run is None or run.kind != RUN_KIND or RUN_FILE not in run.files or run.files != head.under("report"):
        raise DamagedError(f"{path} does not hold the run that it names, with its report")
    for manifest in manifests.values():
        for name, record in manifest.files.items():
            if record.sha256 not in staged or staged[record.sha256].stat().st_size != record.bytes:
                raise DamagedError(f"{path} lacks {name} of {manifest.key[:12]} ({manifest.kind})")
    try:
        said_by_run: dict[str, Any] = json.loads(staged[run.files[RUN_FILE].sha256].read_bytes())
        keys = {cell["key"] for cell in said_by_run["cells"]}
        names = said_by_run["study"], said_by_run["file"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DamagedError(f"{path}: the record of its run is not what ws-dsl writes") from None
    if keys - manifests.keys() or names != (head.study, head.file):
        raise DamagedError(f"{path} does not hold all that its run names")
    files = {one.sha256 for manifest in manifests.values() for one in manifest.files.values()}
    texts = {one.sha256 for one in head.under("manifests").values()}
    texts |= {
        one.sha256
        for manifest in manifests.values()
        for name, one in manifest.files.items()
        if name.endswith(".json")
    }
    said = {match.decode() for text in texts for match in _DIGEST.findall(staged[text].read_bytes())}
    if loose := head.under("objects").keys() - files - said:
        raise DamagedError(f"{path}: nothing in it mentions the object {min(loose)[:12]}")
    return files | (said & staged.keys()) - ({one.sha256 for one in head.under("manifests").values()} - files)


def _cut(path: Path, error: Exception) -> DamagedError:
    return DamagedError(f"{path} is no whole bundle: {error}")
