"""Bytes at rest: objects by digest, manifests by key, and a catalogue that can be rebuilt from them.

`Store` is the way in. A `Draft` goes in and comes back as a `Manifest`; bytes come out by `read` and `path`,
verified. Errors are `RegistryError`, `DamagedError` and `MissingError` of `ws_dsl.errors`.
"""

from ws_dsl.registry.catalogue import Address, Catalogue, Entry, Run
from ws_dsl.registry.conflict import Conflict
from ws_dsl.registry.manifest import Draft, FileRecord, InputRecord, Manifest, artifact_digest
from ws_dsl.registry.store import Store
from ws_dsl.registry.verify import Damage

__all__ = [
    "Address",
    "Catalogue",
    "Conflict",
    "Damage",
    "Draft",
    "Entry",
    "FileRecord",
    "InputRecord",
    "Manifest",
    "Run",
    "Store",
    "artifact_digest",
]
