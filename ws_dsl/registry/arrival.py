"""Arrival: artifacts that were committed elsewhere, on their way into a store.

    bytes → private folder, hashed on the way → the commit protocol: objects first, manifests last

Nothing is believed. Bytes must have the digest that asks for them, a record its seal, its name, and the key
that follows from what it says the artifact was made from. Until all of a batch is verified the store is as it
was.

What came from another environment is remembered under its *essence*, the digest of all that it was made from
but the environment, so that a plan can find it and say that it is foreign. These notes are no part of an
artifact; where they are lost, cells are made anew.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ws_dsl.errors import DamagedError, RegistryError
from ws_dsl.plan.foreign import Foreign
from ws_dsl.plan.keys import Derivation, essence_of
from ws_dsl.registry import disk
from ws_dsl.registry.commit import adopt
from ws_dsl.registry.cross_check import expected_key
from ws_dsl.registry.layout import Layout, entries, standing
from ws_dsl.registry.manifest import SHA256, Manifest, artifact_digest
from ws_dsl.registry.quarantine import intact

_ODD = r"\x00-\x1f\x7f/\\:*?\"<>|"
_PART = re.compile(rf"[^{_ODD}. ]([^{_ODD}]{{0,198}}[^{_ODD}. ])?")


class Arrivals:
    """One batch on its way.

    Attributes:
        folder: A private folder of the store (`ws_dsl.registry.commit.arrival`).
        source: Where it comes from, for a human.
        staged: Verified objects in the folder, by digest.
    """

    def __init__(self, layout: Layout, folder: Path, source: str):
        self._layout = layout
        self.folder = folder
        self.source = source
        self.staged: dict[str, Path] = {}

    def receive(self, sha256: str, size: int, content: Iterable[bytes], name: str) -> Path:
        """Takes in one object.

        Args:
            sha256: The digest that it must have.
            size: The bytes that it must have; no more are read.
            content: Its bytes, in blocks.
            name: What it is, for the message.

        Raises:
            DamagedError: the bytes are others.
        """
        path = self.folder / f"object-{sha256}"
        found = disk.write(path, _at_most(size, content))
        if found.sha256 != sha256:
            path.unlink()
            what = f"{found.bytes} bytes instead of {size}" if found.bytes != size else "other bytes"
            if found.bytes > size:
                what = f"more than {size} bytes"
            raise DamagedError(
                f"{name} of {self.source} has {what}: it was refused, and nothing of it is kept"
            )
        self.staged[sha256] = path
        return path

    def keep(self, digests: Iterable[str]) -> None:
        """Forgets all staged objects but those of these digests that the store lacks."""
        wanted = set(digests)
        for sha256 in list(self.staged):
            if sha256 not in wanted or intact(self._layout.object(sha256), sha256):
                del self.staged[sha256]

    def lacks(self, sha256: str) -> bool:
        """Whether neither the store nor the batch has intact bytes of this digest."""
        return sha256 not in self.staged and not intact(self._layout.object(sha256), sha256)

    def place(self, sha256: str) -> Path:
        """Where the bytes of this digest are, in the batch or in the store."""
        return self.staged.get(sha256) or self._layout.object(sha256)

    def commit(self, offers: Sequence[Manifest]) -> list[Manifest]:
        """Stores what arrived, as `ws_dsl.registry.commit.adopt`; all objects are staged or stored."""
        for offer in offers:
            if offer.environment:
                _remember(self._layout, self.folder, offer, self.source)
        return adopt(self._layout, self.folder, offers, self.staged)


def read_manifest(content: bytes, key: str, source: str) -> Manifest:
    """The record of a key, as it came from elsewhere.

    Raises:
        DamagedError: it is not what was written, or not of this key.
        RegistryError: it was written under another schema.
    """
    try:
        manifest = Manifest.from_json(content.decode("utf-8"))
        right = _is_plain(manifest) and manifest.digest == artifact_digest(manifest.files)
        expected = expected_key(manifest) if right else ""
    except RegistryError as error:
        raise type(error)(f"{key[:12]} in {source}: {error}") from None
    # Anyone can seal anything: what is inside may be of any shape.
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        right, manifest, expected = False, None, ""
    if manifest is None or not right:
        raise DamagedError(f"the manifest of {key[:12]} in {source} is not what ws-dsl writes")
    if manifest.key != key:
        raise DamagedError(f"the manifest of {key[:12]} in {source} is that of {manifest.key[:12]}")
    if key != expected:
        raise DamagedError(f"{key[:12]} in {source} is not the key of what it says it was made from")
    return manifest


def plain(name: str) -> bool:
    """Whether a relative path stays where it is put, and can be written on any system."""
    return all(_PART.fullmatch(part) for part in name.split("/"))


def foreign(layout: Layout, derivation: Derivation) -> Foreign | None:
    """An artifact that came from elsewhere and differs from a derivation in its environment alone.

    Of several the one whose environment has most in common is taken, of those the first by key.
    """
    essence = essence_of(derivation)
    found: list[tuple[int, Foreign]] = []
    for path in entries(layout.arrivals / essence[:2] / essence):
        manifest = standing(layout, path.name)
        if manifest is None or essence_of(manifest.derivation) != essence:
            continue
        environment = {part: str(value) for part, value in manifest.environment.items()}
        common = len(environment.items() & derivation["environment"].items())
        source = str(json.loads(path.read_bytes())["source"])
        found.append((-common, Foreign(manifest.key, manifest.digest, environment, source)))
    return min(found)[1] if found else None


def _is_plain(manifest: Manifest) -> bool:
    """Whether the parts of a record that name files, digests and sizes are such."""
    records = manifest.files.values()
    digests = [manifest.key, manifest.digest, *(one.sha256 for one in records)]
    digests += [text for found in manifest.inputs.values() for one in found for text in (one.key, one.digest)]
    texts = [manifest.kind, manifest.created, *manifest.made.values(), *manifest.notes]
    texts += [*manifest.params.keys(), *manifest.environment.keys(), *manifest.facts.keys(), *manifest.tools]
    return (
        all(SHA256.fullmatch(text) for text in digests)
        and all(plain(name) for name in manifest.files)
        and all(type(one.bytes) is int and one.bytes >= 0 for one in records)
        and "".join(texts).isprintable()
        and math.isfinite(manifest.seconds)
    )


def _remember(layout: Layout, folder: Path, offer: Manifest, source: str) -> None:
    essence = essence_of(offer.derivation)
    target = layout.arrivals / essence[:2] / essence / offer.key
    if not target.exists():
        draft = folder / f"arrival-{offer.key}"
        draft.write_text(json.dumps({"source": source}), encoding="utf-8")
        target.parent.mkdir(parents=True, exist_ok=True)
        os.rename(draft, target)


def _at_most(size: int, content: Iterable[bytes]) -> Iterator[bytes]:
    """Blocks up to the first that goes beyond a size."""
    seen = 0
    for block in content:
        seen += len(block)
        yield block
        if seen > size:
            return
