"""Manifest: the self-describing record of an artifact, written last.

    {"schema": 1, "key": …, "kind": …, …, "files": {…}, …, "seal": SHA-256 of everything before it}

A manifest is to an artifact what a lock file is to an environment: it holds no content, only what the content
was made from and where its bytes are. Its key says what the artifact is made from; its digest says which
bytes came out. The seal makes a flipped bit in the record itself as detectable as one in the content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.errors import DamagedError, RegistryError
from ws_dsl.specs.canonical import Json, digest, sha256

SCHEMA = 1
SHA256 = re.compile(r"[0-9a-f]{64}")

_SEAL = ',\n  "seal": "'
_END = '"\n}\n'


class FileRecord(NamedTuple):
    """Where the bytes of one file are.

    Attributes:
        sha256: Digest of the file, which is its name among the objects.
        bytes: Size of the file.
    """

    sha256: str
    bytes: int


class InputRecord(NamedTuple):
    """One artifact that another was made from.

    Attributes:
        digest: Its content digest, as it enters the key.
        key: Its key, to find its own manifest.
        pooled: Its place along each pooled axis; empty where nothing is pooled.
        column: Column picked by the reference, or None.
    """

    digest: str
    key: str
    pooled: tuple[int, ...] = ()
    column: str | None = None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What is known of a result before it is committed.

    Attributes:
        key: SHA-256, in hex, of what it is made from.
        kind: Kind of the step that made it, such as `clamp`.
        version: Version of that kind.
        params: Its validated spec, as hashed.
        inputs: What it was made from, by field.
        environment: Environment class, as hashed; empty where the kind does not depend on it.
        made: Labels of axes that the kind made itself.
        artifact: Files and facts.
        seconds: Time it took.
        tools: Versions of what made it, by name; not part of the key.
        notes: Remarks for a human, such as a memory back-off.
    """

    key: str
    kind: str
    version: int
    params: Mapping[str, Json]
    inputs: Mapping[str, Sequence[InputRecord]]
    environment: Mapping[str, Json]
    made: Mapping[str, str]
    artifact: Artifact
    seconds: float
    tools: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The record of a committed artifact.

    Attributes are those of `Draft`, with the files' digests in place of the files, and:
        digest: SHA-256 of the canonical JSON of `files`; two artifacts with the same bytes share it.
        created: Time of the commit, ISO 8601 in UTC.
    """

    key: str
    kind: str
    version: int
    digest: str
    files: dict[str, FileRecord]
    params: dict[str, Json]
    inputs: dict[str, list[InputRecord]]
    environment: dict[str, Json]
    made: dict[str, str]
    facts: dict[str, Json]
    created: str
    seconds: float
    tools: dict[str, str]
    notes: list[str]

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(record.bytes for record in self.files.values())

    @property
    def derivation(self) -> dict[str, Any]:
        """What it was made from, as its key is the digest of (`ws_dsl.plan.keys.Derivation`)."""
        inputs = {
            field: [{"digest": one.digest, "column": one.column, "pooled": list(one.pooled)} for one in found]
            for field, found in self.inputs.items()
        }
        return {
            "kind": self.kind,
            "version": self.version,
            "params": self.params,
            "inputs": inputs,
            "made": self.made,
            "environment": self.environment,
        }

    def to_json(self) -> str:
        """Text of the manifest file, sealed."""
        record = {
            "schema": SCHEMA,
            "key": self.key,
            "kind": self.kind,
            "version": self.version,
            "digest": self.digest,
            "files": {name: self.files[name]._asdict() for name in sorted(self.files)},
            "params": self.params,
            "inputs": {name: [entry._asdict() for entry in entries] for name, entries in self.inputs.items()},
            "environment": self.environment,
            "made": self.made,
            "facts": self.facts,
            "created": self.created,
            "seconds": self.seconds,
            "tools": self.tools,
            "notes": self.notes,
        }
        body = json.dumps(record, ensure_ascii=False, allow_nan=False, indent=2)[:-2]
        return body + _SEAL + sha256(body.encode()) + _END

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """The manifest in a text made by `to_json`.

        Raises:
            DamagedError: the seal is missing or does not match.
            RegistryError: written under another schema.
        """
        body, _, end = text.rpartition(_SEAL)
        if end != sha256(body.encode()) + _END:
            raise DamagedError("the manifest does not match its seal")
        record: dict[str, Any] = json.loads(body + "}")
        schema = record.pop("schema")
        if schema != SCHEMA:
            raise RegistryError(
                f"the manifest has schema {schema}; this version of ws-dsl reads schema {SCHEMA}"
            )
        record["files"] = {name: FileRecord(**entry) for name, entry in record["files"].items()}
        record["inputs"] = {
            name: [_input(entry) for entry in entries] for name, entries in record["inputs"].items()
        }
        return cls(**record)

    @classmethod
    def of(cls, draft: Draft, files: Mapping[str, FileRecord], created: str) -> Manifest:
        """The manifest of a draft whose files are stored."""
        return cls(
            key=draft.key,
            kind=draft.kind,
            version=draft.version,
            digest=artifact_digest(files),
            files=dict(files),
            params=dict(draft.params),
            inputs={name: list(entries) for name, entries in draft.inputs.items()},
            environment=dict(draft.environment),
            made=dict(draft.made),
            facts=dict(draft.artifact.facts),
            created=created,
            seconds=draft.seconds,
            tools=dict(draft.tools),
            notes=list(draft.notes),
        )


def artifact_digest(files: Mapping[str, FileRecord]) -> str:
    """Digest of an artifact: of the names, digests and sizes of its files, whatever their order."""
    return digest({name: record._asdict() for name, record in files.items()})


def _input(entry: dict[str, Any]) -> InputRecord:
    return InputRecord(entry["digest"], entry["key"], tuple(entry["pooled"]), entry["column"])
