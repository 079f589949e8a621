"""Commit: how an artifact comes into the store so that no crash and no second writer can spoil it.

    private folder → write → fsync → read-only → rename to the digest's place → fsync folders → manifest last

Whatever is interrupted before the manifest leaves at most objects that nothing names; the manifest appears whole
or not at all. No lock is taken: equal keys meet in the manifest's name, which the first writer gets.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ws_dsl.errors import DamagedError, RegistryError
from ws_dsl.registry import conflict, disk
from ws_dsl.registry.attempt import attempt
from ws_dsl.registry.layout import Layout, load, standing
from ws_dsl.registry.manifest import Draft, FileRecord, Manifest
from ws_dsl.registry.quarantine import intact, quarantined, set_aside
from ws_dsl.specs.canonical import sha256

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


def commit(layout: Layout, drafts: Sequence[Draft]) -> list[Manifest]:
    """Stores artifacts together; a batch shares the waiting for folders.

    Returns:
        The manifest that stands for each draft: its own, or that of an earlier writer of the same key.

    Raises:
        RegistryError: the disk is full, the store cannot be written. What was stored before stays valid.
    """
    try:
        with attempt(layout) as folder:
            return _commit(layout, folder, drafts)
    except OSError as error:
        raise _refused(layout, error) from error


def import_file(layout: Layout, path: Path) -> str:
    """Copies a file into the objects; gives the digest of the bytes that were copied.

    Raises:
        RegistryError: the store cannot be written.
    """
    try:
        with attempt(layout) as folder:
            staged: dict[str, Path] = {}
            record = _stage(layout, folder, path, staged)
            _place(layout, staged)
            _sync(layout, layout.objects, [layout.object(record.sha256)])
            return record.sha256
    except OSError as error:
        raise _refused(layout, error) from error


def _commit(layout: Layout, folder: Path, drafts: Sequence[Draft]) -> list[Manifest]:
    created = datetime.now(UTC).isoformat(timespec="microseconds")
    staged: dict[str, Path] = {}
    offers: list[Manifest] = []
    for draft in drafts:
        contents = draft.artifact.files
        files = {name: _stage(layout, folder, contents[name], staged) for name in sorted(contents)}
        offers.append(Manifest.of(draft, files, created))

    winners = [standing(layout, offer.key) for offer in offers]
    new = [offer for offer, winner in zip(offers, winners, strict=True) if winner is None]
    wanted = {record.sha256 for offer in new for record in offer.files.values()}
    _place(layout, {digest: path for digest, path in staged.items() if digest in wanted})
    _sync(layout, layout.objects, [layout.object(digest) for digest in sorted(wanted)])

    kept = [
        winner or _publish(layout, folder / f"manifest-{place}", offer)
        for place, (offer, winner) in enumerate(zip(offers, winners, strict=True))
    ]
    _sync(layout, layout.manifests, [layout.manifest(manifest.key) for manifest in kept])
    for offer, winner in zip(offers, kept, strict=True):
        if offer.digest != winner.digest:
            conflict.record(layout, folder, winner, offer)
    return kept


def _stage(layout: Layout, folder: Path, content: bytes | Path, staged: dict[str, Path]) -> FileRecord:
    """Writes a file into the private folder unless the same bytes are stored or staged already."""
    known = (
        FileRecord(sha256(content), len(content)) if isinstance(content, bytes) else disk.hash_file(content)
    )
    if known.sha256 in staged or intact(layout.object(known.sha256), known.sha256):
        return known
    path = folder / f"object-{len(staged)}"
    written = disk.write(path, content)
    staged[written.sha256] = path
    return written


def _place(layout: Layout, staged: dict[str, Path]) -> None:
    for digest, path in staged.items():
        target = layout.object(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not intact(target, digest):
            set_aside(
                layout, digest, [target], "the bytes do not match the digest; found while storing them anew"
            )
        os.rename(path, target)


def _publish(layout: Layout, path: Path, offer: Manifest) -> Manifest:
    """Gives a manifest its name, unless another has it; returns the one that has it."""
    target = layout.manifest(offer.key)
    target.parent.mkdir(parents=True, exist_ok=True)
    _clear(layout, offer.key)
    former = {manifest.digest for manifest in quarantined(layout, offer.key)} - {offer.digest}
    notes = [
        f"replaces {digest}, which was damaged; recomputed with other bytes" for digest in sorted(former)
    ]
    offer = replace(offer, notes=[*offer.notes, *notes])
    disk.write(path, offer.to_json().encode())
    while not _link(path, target):
        if (winner := standing(layout, offer.key)) is not None:
            return winner
        _clear(layout, offer.key)
    return offer


def _clear(layout: Layout, key: str) -> None:
    """Sets aside a manifest that cannot stand: it is damaged, or other bytes that it names are gone."""
    target = layout.manifest(key)
    if not target.exists() or standing(layout, key) is not None:
        return
    try:
        load(layout, key)
        reason = "objects of the artifact are missing"
    except DamagedError as error:
        reason = str(error)
    set_aside(layout, key, [target], reason)


def _link(path: Path, target: Path) -> bool:
    try:
        os.link(path, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS or target.exists():
            raise
        os.rename(path, target)
    return True


def _sync(layout: Layout, folder: Path, paths: Iterable[Path]) -> None:
    # The parents too: another writer may have made the folders and died before it waited for their names.
    leaves = sorted({path.parent for path in paths})
    for changed in (*leaves, folder, layout.root) if leaves else ():
        disk.sync(changed)


def _refused(layout: Layout, error: OSError) -> RegistryError:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return RegistryError(
            f"the store {layout.root} cannot be written: {error.strerror}; give another with --registry"
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return RegistryError(f"the disk of the store {layout.root} is full; what was stored before is intact")
    return RegistryError(f"the store {layout.root} cannot be written: {error}")
