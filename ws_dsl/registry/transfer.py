"""Transfer: artifacts from a store to a remote, and back.

Objects go first and manifests last, those of runs after those of cells. So a connection that drops leaves at
most objects that nothing names, and the same command goes on from what is there. What an artifact names, as a
judge's table does replies, comes before it.

The first bytes of a key stay there as they do here. Manifests that were there before are read when all else
is there: one that is not what it should be is written again, and one of other bytes is a conflict, which is
recorded and told.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from ws_dsl.errors import DamagedError, MissingError, RegistryError
from ws_dsl.registry import conflict
from ws_dsl.registry.arrival import Arrivals, read_manifest
from ws_dsl.registry.catalogue import RUN_FILE, RUN_KIND
from ws_dsl.registry.closure import Closure, closure, named
from ws_dsl.registry.commit import arrival
from ws_dsl.registry.layout import standing
from ws_dsl.registry.manifest import Manifest
from ws_dsl.registry.remote import Remote
from ws_dsl.registry.store import Store
from ws_dsl.specs.canonical import canonical

_BATCH = 64
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LARGEST_RECORD = 1 << 24


@dataclass
class Transfer:
    """What was carried.

    Attributes:
        artifacts: How many artifacts.
        objects: How many objects.
        bytes: Size of these objects.
        present: How many artifacts were there already.
        refused: What was not taken, and why.
        mended: How many objects and manifests that were there were written again, since they were wrong.
        conflicts: Artifacts that are there with other bytes, a sentence each; those stay.
    """

    artifacts: int = 0
    objects: int = 0
    bytes: int = 0
    present: int = 0
    refused: list[str] = field(default_factory=list[str])
    mended: int = 0
    conflicts: list[str] = field(default_factory=list[str])


def push(
    store: Store, remote: Remote, keys: Iterable[str], note: Callable[[str], None], deep: bool = False
) -> Transfer:
    """Brings artifacts, and all that they were made from, to a remote.

    Args:
        store: The store.
        remote: Where to.
        keys: Keys of the artifacts.
        note: Told how far it is.
        deep: Whether objects that are there are read as well, to send again those of other bytes.

    Raises:
        DamagedError, MissingError: something is not in the store as it was committed.
        RemoteError: the remote cannot be reached, or not be written.
    """
    whole = closure(store.layout, keys)
    there = remote.sizes("manifests", whole.manifests)
    sizes = remote.sizes("objects", whole.objects)
    lacking = [sha256 for sha256, size in whole.objects.items() if sizes.get(sha256) != size]
    if deep:
        lacking += _wrong(
            remote, {one: size for one, size in whole.objects.items() if sizes.get(one) == size}
        )
    if lacking:
        note(f"{len(lacking)} of {len(whole.objects)} objects to {remote.url}")
    remote.together(lambda sha256: remote.write("objects", sha256, store.object_path(sha256)), lacking)
    fresh = [manifest for key, manifest in whole.manifests.items() if key not in there]
    _write(remote, fresh)
    made = {(str(one.facts["study"]), one.key) for one in whole.manifests.values() if one.kind == RUN_KIND}
    known = {(study, key) for study in {study for study, _ in made} for key in remote.runs(study)}
    remote.together(lambda run: remote.note_run(*run), sorted(made - known))
    theirs = _read(remote, there)
    wrong = [whole.manifests[key] for key, one in theirs.items() if one is None]
    _write(remote, wrong)
    return Transfer(
        artifacts=len(fresh) + len(wrong),
        objects=len(lacking),
        bytes=sum(whole.objects[sha256] for sha256 in lacking),
        present=len(there) - len(wrong),
        mended=sum(one in sizes for one in lacking) + len(wrong),
        conflicts=_conflicts(store, whole, theirs),
    )


def _write(remote: Remote, manifests: Sequence[Manifest]) -> None:
    """Puts manifests, those of runs after those of cells."""
    cells = [manifest for manifest in manifests if manifest.kind != RUN_KIND]
    runs = [manifest for manifest in manifests if manifest.kind == RUN_KIND]
    for group in (cells, runs):
        remote.together(lambda one: remote.write("manifests", one.key, one.to_json().encode()), group)


def _read(remote: Remote, sizes: dict[str, int]) -> dict[str, Manifest | None]:
    """Manifests at a remote by key; None for one that is not what it should be."""

    def read(key: str) -> Manifest | None:
        try:
            content = b"".join(remote.read("manifests", key, min(sizes[key], _LARGEST_RECORD)))
            return read_manifest(content, key, remote.url)
        except (FileNotFoundError, DamagedError):
            return None

    return dict(zip(sizes, remote.together(read, sizes), strict=True))


def _wrong(remote: Remote, sizes: dict[str, int]) -> list[str]:
    """Digests of those objects at a remote whose bytes are others."""

    def differs(sha256: str) -> bool:
        hasher = hashlib.sha256()
        try:
            for block in remote.read("objects", sha256, sizes[sha256]):
                hasher.update(block)
        except FileNotFoundError:
            return True
        return hasher.hexdigest() != sha256

    return [one for one, wrong in zip(sizes, remote.together(differs, sizes), strict=True) if wrong]


def _conflicts(store: Store, whole: Closure, there: dict[str, Manifest | None]) -> list[str]:
    """Records that bytes at a remote are others than here, and tells of it."""
    found = [
        (whole.manifests[key], theirs)
        for key, theirs in there.items()
        if theirs is not None and theirs.digest != whole.manifests[key].digest
    ]
    # A store that cannot be written is told of it all the same.
    if found:
        with suppress(RegistryError), arrival(store.layout) as folder:
            for own, theirs in found:
                conflict.record(store.layout, folder, own, theirs)
    return [
        f"{own.key[:12]} ({own.kind}) is there with other bytes, of {theirs.created[:19]}; those stay there"
        for own, theirs in found
    ]


def pull(store: Store, remote: Remote, keys: Iterable[str], note: Callable[[str], None]) -> Transfer:
    """Brings those artifacts that the store lacks and the remote has, and what the files of these name.

    Args:
        store: The store.
        remote: Where from.
        keys: Keys of the artifacts.
        note: Told how far it is.

    Returns:
        What came. An artifact that is not what it should be is refused and named; the others come.

    Raises:
        RemoteError: the remote cannot be reached, or not be read.
        RegistryError: the store cannot be written.
    """
    done = Transfer()
    wanted = sorted(set(keys))
    lacking = [key for key in wanted if standing(store.layout, key) is None]
    done.present = len(wanted) - len(lacking)
    sizes = remote.sizes("manifests", lacking)
    runs: list[Manifest] = []
    asked_for = 0
    for batch in _batches(sorted(sizes)):
        found = _manifests(remote, batch, sizes, done)
        runs += [manifest for manifest in found if manifest.kind == RUN_KIND]
        cells = [manifest for manifest in found if manifest.kind != RUN_KIND]
        with _staged(store, remote, cells, done) as (arrivals, whole):
            also = {key for one in whole for key in named(one, arrivals.place)}
            _bring(store, remote, also.difference(wanted), done)
            _commit(arrivals, whole, done)
            asked_for += len(whole)
        if len(sizes) > _BATCH:
            note(f"{asked_for} of {len(sizes)} artifacts from {remote.url}")
    for batch in _batches(runs):
        with _staged(store, remote, batch, done) as (arrivals, whole):
            _commit(arrivals, whole, done)
    return done


def pull_study(store: Store, remote: Remote, study: str, note: Callable[[str], None]) -> Transfer:
    """Brings the latest run of a study that the remote has, its cells first.

    Raises:
        MissingError: the remote knows of no run of the study.
        RemoteError, RegistryError: as `pull`.
    """
    done = Transfer()
    keys = remote.runs(study)
    sizes = remote.sizes("manifests", keys)
    runs = [one for one in _manifests(remote, sizes, sizes, done) if one.kind == RUN_KIND]
    if not runs:
        said = "\n  ".join([f"{remote.url} has no run of {study}", *done.refused])
        raise MissingError(f"{said}\n`ws-dsl push {study}` there, or `ws-dsl pull` to bring everything")
    latest = max(runs, key=lambda manifest: (manifest.created, manifest.key))
    cells = pull(store, remote, _cells(store, remote, latest), note)
    run = pull(store, remote, [latest.key], note)
    return Transfer(
        cells.artifacts + run.artifacts,
        cells.objects + run.objects,
        cells.bytes + run.bytes,
        cells.present + run.present,
        [*done.refused, *cells.refused, *run.refused],
    )


def _cells(store: Store, remote: Remote, run: Manifest) -> set[str]:
    """Keys of the cells of a run that is not in the store yet."""
    record = run.files.get(RUN_FILE)
    with arrival(store.layout) as folder:
        arrivals = Arrivals(store.layout, folder, remote.url)
        try:
            if record is None:
                raise KeyError(RUN_FILE)
            content = remote.read("objects", record.sha256, record.bytes)
            path = arrivals.receive(record.sha256, record.bytes, content, f"{RUN_FILE} of {run.key[:12]}")
            cells: list[dict[str, Any]] = json.loads(path.read_bytes())["cells"]
            return {key for cell in cells for key in _DIGEST.findall(cell["key"])}
        except FileNotFoundError:
            raise MissingError(f"{RUN_FILE} of {run.key[:12]} is not at {remote.url}") from None
        except (ValueError, KeyError, TypeError):
            raise DamagedError(f"{run.key[:12]} at {remote.url} is no record of a run") from None


def _manifests(
    remote: Remote, keys: Iterable[str], sizes: Mapping[str, int], done: Transfer
) -> list[Manifest]:
    """Those records of a remote that are what they should be; the others are refused and named."""

    def read(key: str) -> Manifest | None:
        try:
            if sizes[key] > _LARGEST_RECORD:
                raise DamagedError(f"the manifest of {key[:12]} at {remote.url} has {sizes[key]} bytes")
            return read_manifest(b"".join(remote.read("manifests", key, sizes[key])), key, remote.url)
        except FileNotFoundError:
            return None
        except DamagedError as error:
            done.refused.append(str(error))
            return None

    return [manifest for manifest in remote.together(read, keys) if manifest is not None]


def _bring(store: Store, remote: Remote, keys: Iterable[str], done: Transfer) -> None:
    """Brings those of some artifacts that the store lacks and the remote has, and nothing that they name."""
    lacking = [key for key in sorted(keys) if standing(store.layout, key) is None]
    sizes = remote.sizes("manifests", lacking)
    for batch in _batches(sorted(sizes)):
        with _staged(store, remote, _manifests(remote, batch, sizes, done), done) as (arrivals, whole):
            _commit(arrivals, whole, done)


@contextmanager
def _staged(
    store: Store, remote: Remote, offers: Sequence[Manifest], done: Transfer
) -> Generator[tuple[Arrivals, list[Manifest]]]:
    """Objects of one batch in a private folder, verified, and the records that are whole with them."""
    with arrival(store.layout) as folder:
        arrivals = Arrivals(store.layout, folder, remote.url)
        wanted = {
            record.sha256: (record.bytes, f"{name} of {offer.key[:12]} ({offer.kind})")
            for offer in offers
            for name, record in offer.files.items()
        }
        snapshots = {match for offer in offers for match in _DIGEST.findall(canonical(offer.params).decode())}
        there = remote.sizes("objects", [one for one in snapshots - wanted.keys() if arrivals.lacks(one)])
        wanted |= {sha256: (size, f"the object {sha256[:12]}") for sha256, size in there.items()}
        lacking = [sha256 for sha256 in wanted if arrivals.lacks(sha256)]
        wrong: dict[str, str] = {}

        def bring(sha256: str) -> None:
            size, name = wanted[sha256]
            try:
                arrivals.receive(sha256, size, remote.read("objects", sha256, size), name)
            except FileNotFoundError:
                wrong[sha256] = f"{name} is not at {remote.url}"
            except DamagedError as error:
                wrong[sha256] = str(error)

        remote.together(bring, lacking)
        done.refused += sorted(wrong.values())
        done.objects += len(arrivals.staged)
        done.bytes += sum(wanted[sha256][0] for sha256 in arrivals.staged)
        whole = [
            offer for offer in offers if not wrong.keys() & {record.sha256 for record in offer.files.values()}
        ]
        yield arrivals, whole


def _commit(arrivals: Arrivals, whole: Sequence[Manifest], done: Transfer) -> None:
    arrivals.commit(whole)
    done.artifacts += len(whole)


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
