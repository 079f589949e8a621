"""Commit: how an artifact comes into the store so that no crash and no second writer can spoil it.

    private folder → write → fsync → read-only → rename to the digest's place → fsync folders → manifest last

Whatever is interrupted before the manifest leaves at most objects that nothing names; the manifest appears
whole or not at all. No lock is taken: equal keys meet in the manifest's name, which the first writer gets.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ws_dsl.errors import DamagedError, RegistryError
from ws_dsl.registry import conflict, disk
from ws_dsl.registry.attempt import attempt
from ws_dsl.registry.layout import Layout, load, standing
from ws_dsl.registry.manifest import Draft, FileRecord, Manifest
from ws_dsl.registry.quarantine import intact, quarantined, set_aside

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


@contextmanager
def arrival(layout: Layout) -> Generator[Path]:
    """A private folder for artifacts that were committed elsewhere, to be verified there and then adopted.

    Raises:
        RegistryError: the disk is full, the store cannot be written.
    """
    try:
        with attempt(layout) as folder:
            yield folder
    except OSError as error:
        raise _refused(layout, error) from error


def import_file(layout: Layout, path: Path) -> str:
    """Copies a file into the objects; gives the digest of the bytes that were copied.

    Raises:
        RegistryError: the store cannot be written.
    """
    try:
        with attempt(layout) as folder:
            record = disk.write(folder / "object", path)
            _place(layout, {record.sha256: folder / "object"})
            _sync(layout, layout.objects, [layout.object(record.sha256)])
            return record.sha256
    except OSError as error:
        raise _refused(layout, error) from error


def _commit(layout: Layout, folder: Path, drafts: Sequence[Draft]) -> list[Manifest]:
    created = datetime.now(UTC).isoformat(timespec="microseconds")
    contents = [draft.artifact.files[name] for draft in drafts for name in sorted(draft.artifact.files)]
    records, staged = _stage(layout, folder, contents)
    stored = iter(records)
    offers = [
        Manifest.of(draft, {name: next(stored) for name in sorted(draft.artifact.files)}, created)
        for draft in drafts
    ]

    return adopt(layout, folder, offers, staged)


def adopt(
    layout: Layout, folder: Path, offers: Sequence[Manifest], staged: dict[str, Path]
) -> list[Manifest]:
    """Moves staged objects to their places, then names the manifests; gives those that stand.

    Args:
        layout: The store.
        folder: The private folder of an attempt.
        offers: Records; those that came from elsewhere keep what they say.
        staged: Verified objects in the folder, by digest: all that the store lacks.
    """
    winners = [standing(layout, offer.key) for offer in offers]
    new = [offer for offer, winner in zip(offers, winners, strict=True) if winner is None]
    wanted = {record.sha256 for offer in new for record in offer.files.values()}
    # An earlier writer's object that was written again is one whose bytes are damaged.
    wanted |= {
        record.sha256 for winner in winners if winner for record in winner.files.values()
    } & staged.keys()
    # What is no file of an artifact is a snapshot that one mentions.
    wanted |= staged.keys() - {record.sha256 for offer in offers for record in offer.files.values()}
    if wanted:
        _place(layout, {digest: path for digest, path in staged.items() if digest in wanted})
        _sync(layout, layout.objects, [layout.object(digest) for digest in wanted])

    published = iter(_publish(layout, folder, new))
    kept = [winner or next(published) for winner in winners]
    if kept:
        _sync(layout, layout.manifests, [layout.manifest(manifest.key) for manifest in kept])
    for offer, winner in zip(offers, kept, strict=True):
        if offer.digest != winner.digest:
            conflict.record(layout, folder, winner, offer)
    return kept


def _stage(
    layout: Layout, folder: Path, contents: Sequence[bytes | Path]
) -> tuple[list[FileRecord], dict[str, Path]]:
    """Writes into the private folder what is not stored yet, once; gives records, and paths by digest."""
    known = [disk.describe(content) for content in contents]
    unique = dict(zip((record.sha256 for record in known), contents, strict=True))
    lacking = [digest for digest in unique if not intact(layout.object(digest), digest)]
    paths = [folder / f"object-{place}" for place in range(len(lacking))]
    # A file may have changed since it was described: what counts is what was written.
    written = disk.write_all(paths, [unique[digest] for digest in lacking])
    records = dict(zip(lacking, written, strict=True))
    staged = {record.sha256: path for path, record in zip(paths, written, strict=True)}
    return [records.get(record.sha256, record) for record in known], staged


def _place(layout: Layout, staged: dict[str, Path]) -> None:
    for digest, path in staged.items():
        target = layout.object(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not intact(target, digest):
            set_aside(
                layout, digest, [target], "the bytes do not match the digest; found while storing them anew"
            )
        os.rename(path, target)


def _publish(layout: Layout, folder: Path, offers: Sequence[Manifest]) -> list[Manifest]:
    """Gives every manifest its name, unless another has it; returns those that have the names."""
    for offer in offers:
        layout.manifest(offer.key).parent.mkdir(parents=True, exist_ok=True)
        _clear(layout, offer.key)
    noted = [replace(offer, notes=[*offer.notes, *_replaced(layout, offer)]) for offer in offers]
    paths = [folder / f"manifest-{place}" for place in range(len(noted))]
    disk.write_all(paths, [offer.to_json().encode() for offer in noted])
    return [_name(layout, path, offer) for path, offer in zip(paths, noted, strict=True)]


def _replaced(layout: Layout, offer: Manifest) -> list[str]:
    former = {manifest.digest for manifest in quarantined(layout, offer.key)} - {offer.digest}
    return [f"replaces {digest}, which was damaged; recomputed with other bytes" for digest in sorted(former)]


def _name(layout: Layout, path: Path, offer: Manifest) -> Manifest:
    while not _link(path, layout.manifest(offer.key)):
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
    disk.sync_all([*sorted({path.parent for path in paths}), folder, layout.root])


def _refused(layout: Layout, error: OSError) -> RegistryError:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return RegistryError(
            f"the store {layout.root} cannot be written: {error.strerror}; give another with --registry"
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return RegistryError(f"the disk of the store {layout.root} is full; what was stored before is intact")
    return RegistryError(f"the store {layout.root} cannot be written: {error}")
