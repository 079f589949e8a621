"""Replies of endpoints, kept as artifacts of a kind of their own.

The key of a reply is the digest of the whole request: who is asked, and every byte of what is sent. So a
reply that was paid for once is there for every study that asks the same, after a kill as well. What kinds
make of replies names their keys in a file, which is how garbage collection knows that they are needed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from ws_dsl import __version__
from ws_dsl.artifacts.reply import Reply
from ws_dsl.errors import DamagedError, MissingError
from ws_dsl.plan.keys import key_of
from ws_dsl.registry.manifest import Draft, artifact_digest
from ws_dsl.registry.store import Store
from ws_dsl.specs.canonical import Json

KIND = "reply"
VERSION = 1
OFFLINE = "WS_DSL_OFFLINE"
"""Environment variable that forbids requests."""


class StoredReplies:
    """Replies in a store (`ws_dsl.steps.cell.Replies`)."""

    def __init__(self, store: Store):
        self._store = store

    @property
    def offline(self) -> bool:
        return os.environ.get(OFFLINE, "") not in ("", "0")

    def key(self, request: dict[str, Json]) -> str:
        return key_of(
            {
                "kind": KIND,
                "version": VERSION,
                "params": request,
                "inputs": {},
                "made": {},
                "environment": {},
            }
        )

    def find(self, keys: Sequence[str]) -> dict[str, Reply]:
        found: dict[str, Reply] = {}
        for key in self._store.lookup(keys):
            try:
                found[key] = self._read(key)
            except (DamagedError, MissingError) as error:
                self._store.quarantine(key, str(error))
        return found

    def keep(self, replies: Sequence[tuple[dict[str, Json], Reply]]) -> list[Reply]:
        drafts = [self._draft(request, reply) for request, reply in replies]
        kept = self._store.commit(drafts)
        return [
            reply if manifest.digest == _digest(reply) else self._read(manifest.key)
            for manifest, (_, reply) in zip(kept, replies, strict=True)
        ]

    def _read(self, key: str) -> Reply:
        manifest = self._store.require(key)
        return Reply.from_files(lambda name: self._store.read(manifest, name))

    def _draft(self, request: dict[str, Json], reply: Reply) -> Draft:
        return Draft(
            key=self.key(request),
            kind=KIND,
            version=VERSION,
            params=request,
            inputs={},
            environment={},
            made={},
            artifact=reply.to_artifact(),
            seconds=0.0,
            tools={"ws-dsl": __version__},
        )


def _digest(reply: Reply) -> str:
    from ws_dsl.registry.disk import describe

    return artifact_digest({name: describe(content) for name, content in reply.to_artifact().files.items()})
