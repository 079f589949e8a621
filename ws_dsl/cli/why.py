"""`why`."""

from __future__ import annotations

from typing import Any

from ws_dsl.cli.address import Address, Studies, find_manifest, find_step
from ws_dsl.cli.manifest import print_manifest
from ws_dsl.cli.options import AsJson, RegistryDir, open_session
from ws_dsl.cli.output import data
from ws_dsl.plan.node import Node, address
from ws_dsl.plan.why import changes
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
        return {"status": status, "why": [f"unknown until {name} exists" for name in waits]}
    if status in ("cached", "foreign"):
        manifest = session.store.manifest(state.keys[node])
        reasons = (
            [f"made {manifest.created[:19]} in {manifest.seconds:.2f} s", *manifest.notes] if manifest else []
        )
        if (found := state.foreign.get(node)) is not None:
            reasons.append(f"{difference(found, state.environment)}; it came from {found.source}")
        return {"status": status, "why": reasons}
    previous = session.store.catalogue.previous(plan.spec.id, node.step, node.labels)
    if previous is None:
        return {"status": "new", "why": ["no run of this study had this cell"]}
    if previous == state.keys[node]:
        return {"status": "stale", "why": ["its artifact is not in the store any more, or it is damaged"]}
    manifest = session.store.manifest(previous)
    if manifest is None:
        return {"status": "new", "why": ["what it was made from before is not in the store any more"]}
    return {
        "status": "stale",
        "why": changes(manifest.derivation, state.derivations[node], session.name_of),
    }
