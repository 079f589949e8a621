"""Execution: what is missing is made, step by step, and committed as it is made."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from typing import Any, Protocol

from ws_dsl import __version__
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.errors import DamagedError, MeasurementError, MissingError, WsDslError
from ws_dsl.plan.node import Node
from ws_dsl.plan.plan import Plan
from ws_dsl.plan.state import State
from ws_dsl.registry.manifest import Draft, InputRecord
from ws_dsl.registry.store import Store
from ws_dsl.run.context import RunContext
from ws_dsl.steps.cell import Cell

_BATCH = 64
_SECONDS = 1.0


class Progress(Protocol):
    """Told what happens while a study runs."""

    def step(self, name: str, kind: str, missing: int, total: int) -> None:
        """A step begins that has cells to make."""
        ...

    def cells(self, count: int) -> None:
        """Cells were committed."""
        ...

    def rows(self, count: int) -> None:
        """Rows went through a model."""
        ...

    def note(self, text: str) -> None:
        """Something that the user should see."""
        ...


def execute(plan: Plan, state: State, store: Store, progress: Progress, device: str = "cpu") -> int:
    """Makes every cell of a plan that does not exist; gives how many were made.

    A damaged artifact that is met on the way is set aside and made anew.

    Raises:
        WsDslError: from a kind, or because an artifact stays damaged.
    """
    made = 0
    for _ in range(len(plan.nodes) + 1):
        context = RunContext(store, state, device, progress.rows)
        try:
            for nodes in plan.steps().values():
                made += _step(nodes, context, progress)
            return made
        except (DamagedError, MissingError) as error:
            if not _set_aside(plan, state, store, progress):
                raise WsDslError(f"{error}; run `ws-dsl verify`") from error
    raise WsDslError("artifacts are damaged faster than they are made; run `ws-dsl verify`")


def _set_aside(plan: Plan, state: State, store: Store, progress: Progress) -> bool:
    """Quarantines what is damaged among a plan's artifacts, and forgets the digests that depend on it."""
    found = False
    for node in plan.nodes:
        if node in state.digests and store.quarantine(state.keys[node], "damaged when a run read it") is not None:
            progress.note(f"{node}: the stored bytes are damaged; set aside, made anew")
            found = True
    state.digests.clear()
    state.update(plan.nodes)
    return found


def _step(nodes: Sequence[Node], context: RunContext, progress: Progress) -> int:
    state = context.state
    state.update(nodes)
    missing = state.missing(nodes)
    if not missing:
        return 0
    kind = nodes[0].kind
    progress.step(nodes[0].step, kind.name, len(missing), len(nodes))
    cells = [_cell(node, context) for node in missing]
    pending: list[Draft] = []
    flushed = time.monotonic()
    nodes_by_cell = {id(cell): node for cell, node in zip(cells, missing, strict=True)}
    done = 0
    try:
        for cell, artifact, seconds in _timed(kind.module.run(cells, context)):
            pending.append(_draft(nodes_by_cell.pop(id(cell)), artifact, seconds, state))
            if len(pending) >= _BATCH or time.monotonic() - flushed > _SECONDS:
                done += _commit(pending, context, progress)
                flushed = time.monotonic()
    finally:
        done += _commit(pending, context, progress)
    if nodes_by_cell:
        left = ", ".join(str(node) for node in nodes_by_cell.values())
        raise MeasurementError(f"{kind.name} was asked for cells that it did not make: {left}")
    state.update(nodes)
    return done


def _commit(pending: list[Draft], context: RunContext, progress: Progress) -> int:
    if not pending:
        return 0
    for draft, manifest in zip(pending, context.store.commit(pending), strict=True):
        if manifest.notes:
            progress.note(f"{draft.kind} {draft.key[:12]}: {manifest.notes[-1]}")
    count = len(pending)
    pending.clear()
    progress.cells(count)
    return count


def _timed(made: Iterator[tuple[Any, Artifact]]) -> Iterator[tuple[Any, Artifact, float]]:
    start = time.monotonic()
    for cell, artifact in made:
        yield cell, artifact, time.monotonic() - start
        start = time.monotonic()


def _cell(node: Node, context: RunContext) -> Cell[Any]:
    files = {}
    for field, path in node.files.items():
        if path.is_dir():
            files[field] = path
            continue
        digest = context.store.import_file(path)
        if digest != context.state.derivations[node]["params"][field]:
            raise WsDslError(f"{path} changed since the study was planned; run again")
        files[field] = context.store.object_path(digest)
    inputs = {field: [context.input(edge) for edge in edges] for field, edges in node.inputs.items()}
    return Cell(node.spec, inputs, files, node.made, str(node))


def _draft(node: Node, artifact: Artifact, seconds: float, state: State) -> Draft:
    derivation = state.derivations[node]
    inputs = {
        field: [InputRecord(state.digests[e.node], state.keys[e.node], e.pooled, e.column) for e in edges]
        for field, edges in node.inputs.items()
    }
    return Draft(
        key=state.keys[node],
        kind=node.kind.name,
        version=node.kind.version,
        params=derivation["params"],
        inputs=inputs,
        environment=derivation["environment"],
        made=node.made,
        artifact=artifact,
        seconds=seconds,
        tools={"ws-dsl": __version__},
    )
