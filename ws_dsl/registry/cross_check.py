"""Cross-check: whether the parts of a store agree with each other, and with the files that it remembers.

Every byte may be as it was written and still say something wrong: a manifest under a key that does not follow
from what it says, an index that says something else than the manifests, a model's file whose bytes changed
while its size and times stayed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from ws_dsl.errors import DamagedError
from ws_dsl.plan.keys import SCHEME, key_of
from ws_dsl.registry.catalogue import RUN_KIND, Catalogue, Entry
from ws_dsl.registry.layout import Layout, keys, load
from ws_dsl.registry.manifest import Manifest, artifact_digest
from ws_dsl.registry.snapshot import Digests
from ws_dsl.registry.tags import tags
from ws_dsl.registry.verify import Damage
from ws_dsl.specs.canonical import digest

CATALOGUE = "catalogue"
OUTSIDE = "outside"


def cross_check(layout: Layout, catalogue: Catalogue, digests: Digests) -> Iterator[Damage]:
    """What does not agree in a store whose bytes are those that were written."""
    manifests: dict[str, Manifest] = {}
    for key in sorted(keys(layout)):
        # `verify` names what cannot be read.
        with suppress(DamagedError):
            if (manifest := load(layout, key)) is not None:
                manifests[key] = manifest
    for manifest in manifests.values():
        yield from _origin(manifest, manifests)
    yield from _index(catalogue, manifests)
    for name, key in tags(layout).items():
        if key not in manifests:
            message = f"the tag {name} names {key[:12]}, which is not in the store"
            yield Damage("missing", "", name, "", message)
    for path, sha256 in digests.wrong():
        message = f"{path} has other bytes than when it was hashed, though its size and times are the same"
        yield Damage("damaged", "", OUTSIDE, sha256, message)


def expected_key(manifest: Manifest) -> str:
    """The key that follows from what a manifest says its artifact was made from."""
    if manifest.kind == RUN_KIND:
        parts = {"kind": manifest.kind, "version": manifest.version, "params": manifest.params}
        return digest({"scheme": SCHEME, **parts})
    return key_of(manifest.derivation)


def _origin(manifest: Manifest, manifests: dict[str, Manifest]) -> Iterator[Damage]:
    name = f"{manifest.key[:12]} ({manifest.kind})"
    if expected_key(manifest) != manifest.key:
        message = f"{name}: the key does not follow from what the manifest says it was made from"
        yield Damage("damaged", manifest.key, "manifest", "", message)
    if artifact_digest(manifest.files) != manifest.digest:
        message = f"{name}: the digest is not that of its files"
        yield Damage("damaged", manifest.key, "manifest", "", message)
    for field, records in manifest.inputs.items():
        for record in records:
            found = manifests.get(record.key)
            if found is None:
                message = f"{name}: its input {field}, {record.key[:12]}, is not in the store"
                yield Damage("incomplete", manifest.key, field, record.digest, message)
            elif found.digest != record.digest:
                message = f"{name}: its input {field}, {record.key[:12]}, has other bytes since; it is stale"
                yield Damage("incomplete", manifest.key, field, record.digest, message)


def _index(catalogue: Catalogue, manifests: dict[str, Manifest]) -> Iterator[Damage]:
    found = {entry.key: entry for entry in catalogue.artifacts()}
    for key in sorted(found.keys() | manifests.keys()):
        one = manifests.get(key)
        told = one and Entry(one.key, one.digest, one.kind, one.bytes, one.seconds, one.created)
        if found.get(key) != told:
            message = f"the catalogue does not say of {key[:12]} what its manifest says"
            yield Damage("damaged", "", CATALOGUE, "", message)
