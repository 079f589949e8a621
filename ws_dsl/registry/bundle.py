"""Bundle: a study with everything that it rests on, in one file.

    bundle.json           schema, study, run, and name, digest and size of every other member
    study/…               the study's files and its lines of STUDY.lock, under their paths in the project
    report/…              the files of its page
    manifests/KEY.json    the records of the run's artifacts, of all that they were made from, and of the
                          replies of endpoints that they name
    objects/DIGEST        every other object that they have or mention

A zip archive whose members are stored as they are, in this order, without times or owners: the same store
gives the same bytes, and no member can be larger than the archive. An object lies there once: one that is a
file of the study or of the page is found under that name.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ws_dsl.errors import RegistryError
from ws_dsl.registry import disk
from ws_dsl.registry.catalogue import RUN_FILE
from ws_dsl.registry.closure import closure
from ws_dsl.registry.manifest import FileRecord, Manifest
from ws_dsl.registry.store import Store
from ws_dsl.specs.canonical import canonical, sha256

SCHEMA = 1
HEAD = "bundle.json"

_BLOCK = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)


class Exported(NamedTuple):
    """A bundle that was written.

    Attributes:
        path: Its file.
        sha256: Digest of the file.
        bytes: Size of the file.
        artifacts: How many artifacts it holds.
    """

    path: Path
    sha256: str
    bytes: int
    artifacts: int


def export(store: Store, run: Manifest, files: Mapping[str, bytes | Path], target: Path) -> Exported:
    """Writes a bundle of one run of a study.

    Args:
        store: The store.
        run: The run's manifest.
        files: The study's files by path in the project.
        target: The file to write; replaced as a whole.

    Raises:
        MissingError, DamagedError: something that it needs is not in the store as it was committed.
        RegistryError: the file cannot be written.
    """
    record = json.loads(store.read(run, RUN_FILE))
    whole = closure(store.layout, [run.key, *(cell["key"] for cell in record["cells"])])
    members: dict[str, bytes | Path] = {f"study/{name}": files[name] for name in sorted(files)}
    records = {name: disk.describe(content) for name, content in members.items()}
    for name in sorted(run.files):
        records[f"report/{name}"] = run.files[name]
        members[f"report/{name}"] = store.path(run, name)
    for key, manifest in whole.manifests.items():
        content = manifest.to_json().encode()
        records[f"manifests/{key}.json"] = FileRecord(sha256(content), len(content))
        members[f"manifests/{key}.json"] = content
    named = {found.sha256 for found in records.values()}
    for digest, size in whole.objects.items():
        if digest not in named:
            records[f"objects/{digest}"] = FileRecord(digest, size)
            members[f"objects/{digest}"] = store.object_path(digest)
    head = {
        "schema": SCHEMA,
        "study": record["study"],
        "file": record["file"],
        "run": run.key,
        "members": {name: found._asdict() for name, found in records.items()},
    }
    made = _write(target, {HEAD: canonical(head), **members})
    return Exported(target, made.sha256, made.bytes, len(whole.manifests))


def _write(target: Path, members: Mapping[str, bytes | Path]) -> FileRecord:
    draft = target.with_name(f".{target.name}-{secrets.token_hex(8)}")
    try:
        with draft.open("xb") as file:
            _pack(file, members)
            file.flush()
            os.fsync(file.fileno())
        made = disk.hash_file(draft)
        os.replace(draft, target)
    except OSError as error:
        raise RegistryError(f"{target} cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
    return made


def _pack(file: BinaryIO, members: Mapping[str, bytes | Path]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(name, _EPOCH)
            member.create_system = 3
            member.external_attr = (stat.S_IFREG | 0o644) << 16
            member.file_size = len(content) if isinstance(content, bytes) else content.stat().st_size
            with archive.open(member, "w") as out:
                for block in _blocks(content):
                    out.write(block)


def _blocks(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block
