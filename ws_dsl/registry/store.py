"""Store: artifacts by key, their bytes by digest."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from ws_dsl.errors import DamagedError, MissingError, RegistryError
from ws_dsl.plan.foreign import Foreign
from ws_dsl.plan.keys import Derivation
from ws_dsl.registry import arrival, commit, conflict, cross_check, disk, gc, quarantine, tags, verify
from ws_dsl.registry.catalogue import Catalogue
from ws_dsl.registry.conflict import Conflict
from ws_dsl.registry.database import Database
from ws_dsl.registry.gc import CAUTIOUS, Collection, Wish
from ws_dsl.registry.layout import Layout, keys, load, standing
from ws_dsl.registry.lease import Leases
from ws_dsl.registry.manifest import SHA256, Draft, FileRecord, Manifest
from ws_dsl.registry.snapshot import Digests
from ws_dsl.registry.verify import Damage
from ws_dsl.specs.canonical import sha256

_SHORTEST = 4


class Store:
    """A folder of artifacts; it is made by the first commit, and reading works where writing does not.

    Any number of processes may use one store. What is read is verified against its digest.

    Attributes:
        leases: What this process is at work on, for others to see.
    """

    def __init__(self, root: Path):
        self.layout = Layout(Path(os.path.abspath(root)))
        self._database = Database(self.layout.catalogue)
        self._digests = Digests(self._database)
        self._verified: dict[str, tuple[int, int, int]] = {}
        self.leases = Leases(self.layout)

    @property
    def root(self) -> Path:
        """Folder of the store."""
        return self.layout.root

    @cached_property
    def catalogue(self) -> Catalogue:
        """Answers over all manifests."""
        return Catalogue(self.layout, self._database)

    def close(self) -> None:
        """Closes the catalogue's file; the store stays usable."""
        self._database.close()

    # Manifests

    def has(self, key: str) -> bool:
        """Whether a key can be served: its manifest is intact, its objects there and of their sizes."""
        return standing(self.layout, key) is not None

    def lookup(self, keys: Iterable[str]) -> dict[str, str]:
        """Digests of those keys that can be served, by key; no manifest is read where the catalogue knows."""
        wanted = list(keys)
        self.leases.protect(wanted)
        known = self.catalogue.standing(wanted)
        rest = ((key, standing(self.layout, key)) for key in wanted if key not in known)
        return known | {key: manifest.digest for key, manifest in rest if manifest is not None}

    def keys(self) -> list[str]:
        """Keys of all manifests, sorted."""
        return sorted(keys(self.layout))

    def foreign(self, derivation: Derivation) -> Foreign | None:
        """What came from elsewhere and differs from a derivation in its environment alone; see `arrival`."""
        found = arrival.foreign(self.layout, derivation)
        self.leases.protect([found.key] if found else [])
        return found

    def manifest(self, key: str) -> Manifest | None:
        """The record of a key, whether or not its objects are there; None where there is none.

        Raises:
            DamagedError: the record is not what was written.
        """
        return load(self.layout, key)

    def require(self, key: str) -> Manifest:
        """The record of a key that was there.

        Raises:
            MissingError: it is gone.
            DamagedError: it is not what was written.
        """
        manifest = self.manifest(key)
        if manifest is None:
            raise MissingError(f"the artifact {key[:12]} is no longer in {self.root}")
        return manifest

    def resolve(self, prefix: str) -> str:
        """The key that begins with a prefix of at least four digits.

        Raises:
            MissingError: no key begins so.
            RegistryError: several do, or the prefix is too short.
        """
        if SHA256.fullmatch(prefix) and self.layout.manifest(prefix).exists():
            return prefix
        if len(prefix) < _SHORTEST or not set(prefix) <= set("0123456789abcdef"):
            raise RegistryError(f"{prefix!r} is no key; give at least {_SHORTEST} of its hexadecimal digits")
        found = sorted(keys(self.layout, prefix))
        if not found:
            raise MissingError(f"no artifact in {self.root} has a key that begins with {prefix}")
        if len(found) > 1:
            raise RegistryError("\n  ".join([f"{prefix} is the beginning of {len(found)} keys:", *found]))
        return found[0]

    # Bytes

    def commit(self, drafts: Sequence[Draft]) -> list[Manifest]:
        """Stores artifacts; see `ws_dsl.registry.commit`.

        Returns:
            The manifest that stands for each draft. Where another writer was first with other bytes it is
            theirs, and a `Conflict` is recorded.

        Raises:
            RegistryError: the store cannot be written.
        """
        return commit.commit(self.layout, drafts)

    def read(self, manifest: Manifest, name: str) -> bytes:
        """Verified bytes of one file of an artifact.

        Raises:
            MissingError: the artifact has no such file, or its bytes are gone.
            DamagedError: the bytes are not those that were committed.
        """
        record = _record(manifest, name)
        try:
            data = self.layout.object(record.sha256).read_bytes()
        except FileNotFoundError:
            raise _missing(manifest, name) from None
        if sha256(data) != record.sha256:
            raise _damaged(manifest, name)
        return data

    def path(self, manifest: Manifest, name: str) -> Path:
        """Path of one file of an artifact, for what is too large to read at once; verified as `object_path`.

        Raises:
            MissingError: the artifact has no such file, or its bytes are gone.
            DamagedError: the bytes are not those that were committed.
        """
        record = _record(manifest, name)
        try:
            return self.object_path(record.sha256)
        except MissingError:
            raise _missing(manifest, name) from None
        except DamagedError:
            raise _damaged(manifest, name) from None

    def object_path(self, sha256: str) -> Path:
        """Path of the bytes with this digest; hashed once per process, and again when its stat changes.

        Raises:
            MissingError: there are none.
            DamagedError: the bytes there have another digest.
        """
        path = self.layout.object(sha256)
        try:
            stat = path.stat()
            stamp = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
            if self._verified.get(sha256) != stamp and disk.hash_file(path).sha256 != sha256:
                raise DamagedError(
                    f"the object {sha256[:12]} is damaged ({path}); `ws-dsl verify` names what it serves"
                )
        except FileNotFoundError:
            raise MissingError(f"the object {sha256[:12]} does not exist in {self.root}") from None
        self._verified[sha256] = stamp
        return path

    # Files outside

    def hash_file(self, path: Path) -> str:
        """SHA-256 of a file outside the store; read again only when its stat has changed."""
        return self._digests.of(path)

    def import_file(self, path: Path) -> str:
        """Copies a file into the store unless its bytes are there; gives the digest of what is stored.

        A caller that planned with an earlier digest compares the two: the file may have changed in between.
        """
        known = self.hash_file(path)
        self.leases.protect([known])
        return (
            known
            if quarantine.intact(self.layout.object(known), known)
            else commit.import_file(self.layout, path)
        )

    # Health

    def verify(self, key: str | None = None) -> list[Damage]:
        """What is damaged, missing or orphaned; see `ws_dsl.registry.verify`."""
        return verify.verify(self.layout, key)

    def cross_check(self) -> list[Damage]:
        """Where the parts of the store do not agree; see `ws_dsl.registry.cross_check`."""
        return list(cross_check.cross_check(self.layout, self.catalogue, self._digests))

    def mend(self, damages: Sequence[Damage]) -> list[str]:
        """Sets aside what is damaged, forgets indexes that are wrong; gives the keys that are free again."""
        if any(damage.name == cross_check.OUTSIDE for damage in damages):
            self._digests.forget()
        if any(damage.name == cross_check.CATALOGUE for damage in damages):
            self._database.discard()
        return quarantine.mend(self.layout, damages)

    def quarantine(self, key: str, reason: str) -> Path | None:
        """Sets aside an artifact that is damaged, so that it is made anew; None where nothing is damaged."""
        return quarantine.quarantine(self.layout, key, reason)

    def survey(self, wish: Wish = CAUTIOUS) -> Collection:
        """What no study needs; see `ws_dsl.registry.gc`."""
        return gc.survey(self.layout, wish)

    def collect(self, wish: Wish = CAUTIOUS) -> Collection:
        """Removes what no study needs; gives what was removed."""
        return gc.collect(self.layout, wish)

    def tags(self) -> dict[str, str]:
        """Keys by tag."""
        return tags.tags(self.layout)

    def tag(self, name: str, key: str) -> None:
        """Keeps an artifact under a name; see `ws_dsl.registry.tags`."""
        tags.add(self.layout, name, key)

    def untag(self, name: str) -> None:
        """Forgets a name."""
        tags.delete(self.layout, name)

    def conflicts(self, key: str | None = None) -> list[Conflict]:
        """Commits that gave other bytes for a key that existed."""
        return conflict.conflicts(self.layout, key)


def _record(manifest: Manifest, name: str) -> FileRecord:
    try:
        return manifest.files[name]
    except KeyError:
        raise MissingError(
            f"{manifest.key[:12]} ({manifest.kind}) has no file {name}; it has {', '.join(manifest.files)}"
        ) from None


def _damaged(manifest: Manifest, name: str) -> DamagedError:
    return DamagedError(
        f"{name} of {manifest.key[:12]} ({manifest.kind}) is damaged: its bytes are not those that were "
        f"committed; `ws-dsl verify {manifest.key[:12]}` tells more"
    )


def _missing(manifest: Manifest, name: str) -> MissingError:
    return MissingError(
        f"{name} of {manifest.key[:12]} ({manifest.kind}) is missing from the store; "
        f"`ws-dsl verify {manifest.key[:12]}` tells more"
    )
