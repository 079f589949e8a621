"""Where things are in a store, and whether a manifest counts.

objects/ab/abcd…          content, by SHA-256; read-only
manifests/ab/abcd….json   records, by key; written last
quarantine/SUBJECT/TIME/  what was found damaged, with the reason; never served, never deleted
conflicts/KEY/DIGEST.json other bytes that a second run gave for a key
arrivals/ab/ESSENCE/KEY   what came from another environment; see `ws_dsl.registry.arrival`
tags/NAME                 keys that gc keeps, by name
leases/                   who is at work on what; see `ws_dsl.registry.lease`
tmp/                      private folders of running commits
catalogue.sqlite          an index, rebuilt from the manifests whenever it is missing
models/DIGEST/NAME/       links to the files of checkpoints that are in the store, likewise
vectors/                  an index of vectors by what is near, likewise; see `ws_dsl.registry.vector_table`
settled/                  studies as their last runs left them, likewise; see `ws_dsl.run.settled`
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ws_dsl.errors import DamagedError, RegistryError
from ws_dsl.registry.manifest import SHA256, Manifest


class Layout(NamedTuple):
    """The folders of a store.

    Attributes:
        root: Folder of the store; it need not exist yet.
    """

    root: Path

    @property
    def objects(self) -> Path:
        """Content by digest."""
        return self.root / "objects"

    @property
    def manifests(self) -> Path:
        """Records by key."""
        return self.root / "manifests"

    @property
    def quarantine(self) -> Path:
        """What was found damaged."""
        return self.root / "quarantine"

    @property
    def conflicts(self) -> Path:
        """Records of lost commits."""
        return self.root / "conflicts"

    @property
    def tags(self) -> Path:
        """Keys that are kept, by name."""
        return self.root / "tags"

    @property
    def leases(self) -> Path:
        """Who is at work on what."""
        return self.root / "leases"

    @property
    def arrivals(self) -> Path:
        """Keys of what came from elsewhere."""
        return self.root / "arrivals"

    @property
    def attempts(self) -> Path:
        """Private folders of running commits."""
        return self.root / "tmp"

    @property
    def catalogue(self) -> Path:
        """The index."""
        return self.root / "catalogue.sqlite"

    @property
    def vectors(self) -> Path:
        """The index of vectors."""
        return self.root / "vectors"

    @property
    def settled(self) -> Path:
        """Studies as their last runs left them."""
        return self.root / "settled"

    @property
    def models(self) -> Path:
        """Checkpoints as folders of links."""
        return self.root / "models"

    def object(self, sha256: str) -> Path:
        """Place of the bytes with this digest."""
        return self.root.joinpath("objects", sha256[:2], sha256)

    def manifest(self, key: str) -> Path:
        """Place of the record of this key."""
        return self.root.joinpath("manifests", key[:2], f"{key}.json")


def load(layout: Layout, key: str) -> Manifest | None:
    """The record of a key, or None where there is none; says nothing of the objects.

    Raises:
        DamagedError: the record is not what was written.
    """
    # Text is joined several times faster than paths are, and a warm run does it for every cell.
    path = f"{layout.root}/manifests/{key[:2]}/{key}.json"
    try:
        with open(path, encoding="utf-8", newline="\n") as file:
            text = file.read()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise DamagedError(f"the manifest of {key[:12]} is damaged ({path}): it is not text") from None
    try:
        manifest = Manifest.from_json(text)
    except RegistryError as error:
        raise type(error)(f"{key[:12]}: {error} ({path})") from None
    if manifest.key != key:
        raise DamagedError(
            f"the manifest of {key[:12]} is damaged ({path}): it is that of {manifest.key[:12]}"
        )
    return manifest


def standing(layout: Layout, key: str) -> Manifest | None:
    """The record of a key if it can be served: intact, with every object there and of its size."""
    try:
        manifest = load(layout, key)
    except DamagedError:
        return None
    return manifest if manifest is not None and complete(layout, manifest) else None


def complete(layout: Layout, manifest: Manifest) -> bool:
    """Whether every object is there and of its size; a stat each, no reading."""
    return all(present(layout, record.sha256, record.bytes) for record in manifest.files.values())


def present(layout: Layout, sha256: str, size: int) -> bool:
    """Whether an object is there and of its size."""
    try:
        return os.stat(f"{layout.root}/objects/{sha256[:2]}/{sha256}").st_size == size
    except FileNotFoundError:
        return False


def keys(layout: Layout, prefix: str = "") -> Iterator[str]:
    """Keys of all manifests that begin with a prefix, in no order."""
    folders = [layout.manifests / prefix[:2]] if len(prefix) >= 2 else entries(layout.manifests)
    for folder in folders:
        for path in entries(folder):
            if path.suffix == ".json" and path.stem.startswith(prefix) and SHA256.fullmatch(path.stem):
                yield path.stem


def entries(folder: Path) -> list[Path]:
    """What is in a folder; nothing where it does not exist."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
