"""Audit: cells that exist are made once more, and their bytes compared."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from ws_dsl.errors import MeasurementError, ModelError
from ws_dsl.plan.node import Node
from ws_dsl.plan.plan import Plan
from ws_dsl.plan.state import State
from ws_dsl.registry.disk import describe
from ws_dsl.registry.manifest import Draft, artifact_digest
from ws_dsl.registry.store import Store
from ws_dsl.run.context import RunContext
from ws_dsl.run.execute import Progress, cell_of, draft_of, timed


class Audited(NamedTuple):
    """A cell that was made once more.

    Attributes:
        cell: Its address.
        key: Its key.
        kept: Digest of the artifact that stays.
        offered: Digest of the one that was made now.
        differing: Names of the files that differ; none where the two are the same.
    """

    cell: str
    key: str
    kept: str
    offered: str
    differing: tuple[str, ...]


def audit(
    plan: Plan, state: State, store: Store, progress: Progress, steps: Collection[str], device: str = "cpu"
) -> list[Audited]:
    """Makes the cells of some steps of a study once more, with those that the planner made for them.

    All of the study's cells exist. What is stored stays; where the bytes are others the store keeps a record
    of it: something that the key does not name has its part in them. Cells that came from another environment
    are left out.

    Raises:
        DamagedError, MissingError: an artifact that a cell reads cannot be read; see `ws_dsl.run.repair`.
        WsDslError: from a kind.
    """
    context = RunContext(store, state, device, progress.rows)
    try:
        return [
            one
            for step, nodes in plan.steps().items()
            if step.partition("/")[0] in steps
            for one in _again(
                {state.keys[node]: node for node in nodes if node not in state.foreign}, context, progress
            )
        ]
    finally:
        context.close()


def _again(nodes: dict[str, Node], context: RunContext, progress: Progress) -> list[Audited]:
    if not nodes:
        return []
    first = next(iter(nodes.values()))
    progress.note(f"{first.step} ({first.kind.name}): making its cells once more, to compare")
    cells = [cell_of(node, context) for node in nodes.values()]
    made = {id(cell): node for cell, node in zip(cells, nodes.values(), strict=True)}
    found: list[Audited] = []
    try:
        for cell, artifact, seconds in timed(first.kind.module.run(cells, context)):
            node = made[id(cell)]
            found.append(_compare(draft_of(node, artifact, seconds, context.state), str(node), context.store))
    except (MeasurementError, ModelError) as error:
        raise type(error)(f"{first.step} ({first.kind.name}): {error}") from error
    return found


def _compare(draft: Draft, cell: str, store: Store) -> Audited:
    files = {name: describe(content) for name, content in draft.artifact.files.items()}
    (kept,) = store.commit([draft])
    names = sorted(kept.files.keys() | files.keys())
    differing = tuple(name for name in names if kept.files.get(name) != files.get(name))
    return Audited(cell, draft.key, kept.digest, artifact_digest(files), differing)
