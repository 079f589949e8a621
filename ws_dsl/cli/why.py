"""`why`."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ws_dsl.cli.address import Address, Studies, find_manifest, find_step
from ws_dsl.cli.manifest import print_manifest
from ws_dsl.cli.options import AsJson, RegistryDir, open_session
from ws_dsl.cli.output import data
from ws_dsl.errors import RegistryError
from ws_dsl.plan.address import address
from ws_dsl.plan.node import Node
from ws_dsl.plan.why import changes
from ws_dsl.registry.manifest import Manifest
from ws_dsl.run.foreign import difference
from ws_dsl.run.session import Opened, Session


def why(what: Address, registry: RegistryDir = None, study: Studies = None, json: AsJson = False) -> None:
    """Say why cells are cached, stale or new; of a key, what it was made from."""
    session = open_session(registry)
    if ":" not in what:
        print_manifest(session, find_manifest(session, what), json)
        return
    opened, reference = find_step(session, what, study)
    entries = [(labels, node) for labels, node in opened.plan.view(reference)[0].entries if node is not None]
    found: list[dict[str, Any]] = [
        {
            "cell": address(reference, labels),
            "key": opened.state.keys.get(node),
            **explained(session, opened, node),
        }
        for labels, node in entries
    ]
    if json:
        data({"study": opened.plan.spec.id, "cells": found})
        return
    for cell in found:
        print(f"{cell['cell']}  {(cell['key'] or '')[:12]}  {cell['status']}")
        for reason in cell["why"]:
            print(f"  {reason}")


def explained(session: Session, opened: Opened, node: Node) -> dict[str, Any]:
    """The status of a cell (`cached`, `foreign`, `stale`, `new` or `waiting`), and the reasons for it."""
    plan, state = opened.plan, opened.state
    status = state.status(node)
    if status == "waiting":
        waits = dict.fromkeys(str(edge.node) for edge in node.edges() if edge.node not in state.digests)
        reasons = [f"unknown until {name} exists" for name in waits]
        return {"status": status, "why": [*reasons, *_upstream(session, opened, node)]}
    if status in ("cached", "foreign"):
        manifest = session.store.manifest(state.keys[node])
        reasons = (
            [f"made {manifest.created[:19]} in {manifest.seconds:.2f} s", *manifest.notes] if manifest else []
        )
        if (found := state.foreign.get(node)) is not None:
            reasons.append(f"{difference(found, state.environment)}; it came from {found.source}")
        reasons += [
            f"nondeterministic: made again {one.created[:10]} with other bytes in {', '.join(one.differing)}"
            for one in session.store.conflicts(state.keys[node])
        ]
        return {"status": status, "why": reasons}
    previous = session.store.catalogue.previous(plan.spec.id, node.step, node.labels)
    if previous is None:
        return {"status": "new", "why": ["no run of this study had this cell"]}
    if previous == state.keys[node]:
        return {"status": "stale", "why": ["its artifact is not in the store any more, or it is damaged"]}
    manifest = _readable(session, previous)
    if manifest is None:
        return {"status": "new", "why": ["what it was made from before is not in the store any more"]}
    return {"status": "stale", "why": _changes(session, opened, node, manifest)}


def _changes(session: Session, opened: Opened, node: Node, earlier: Manifest) -> list[str]:
    """What changed of a cell, and of what it was made from, back to where it began."""
    files = {field: path.name for field, path in node.files.items()}
    reasons = changes(
        earlier.derivation,
        opened.state.derivations[node],
        session.name_of,
        files,
        lambda digest: _content(session, node, digest),
    )
    for field, edges in node.inputs.items():
        for edge, record in zip(edges, earlier.inputs.get(field, []), strict=False):
            known = opened.state.digests.get(edge.node) not in (None, record.digest)
            if known and (before := _readable(session, record.key)) is not None:
                reasons += [
                    reason if reason.startswith(" ") else f"  {edge.node}: {reason}"
                    for reason in _changes(session, opened, edge.node, before)
                ]
    return list(dict.fromkeys(reasons))


def _upstream(session: Session, opened: Opened, node: Node) -> list[str]:
    """Why the cells that a cell waits for are to be made."""
    found: dict[str, None] = {}
    seen: set[Node] = set()
    waiting = [edge.node for edge in node.edges()]
    while waiting:
        each = waiting.pop(0)
        if each in seen or each in opened.state.digests:
            continue
        seen.add(each)
        waiting += [edge.node for edge in each.edges()]
        if opened.state.status(each) == "new":
            reasons = explained(session, opened, each)["why"]
            found.update(dict.fromkeys(f"  {each}: {reason.strip()}" for reason in reasons))
    return list(found)


def _content(session: Session, node: Node, digest: str) -> bytes | None:
    """Bytes of an external file of a cell, as it is now or as it was snapshotted."""
    for path in node.files.values():
        if path.is_file() and session.store.hash_file(path) == digest:
            return path.read_bytes()
    with suppress(RegistryError):
        return session.store.object_path(digest).read_bytes()
    return None


def _readable(session: Session, key: str) -> Manifest | None:
    with suppress(RegistryError):
        return session.store.manifest(key)
    return None
