"""Execution: what is missing is made, step by step, and committed as it is made."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from ws_dsl import __version__
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.errors import MeasurementError, ModelError, WsDslError
from ws_dsl.plan.node import Node
from ws_dsl.plan.plan import Plan
from ws_dsl.plan.state import State
from ws_dsl.registry.manifest import Draft, InputRecord
from ws_dsl.registry.store import Store
from ws_dsl.run.context import RunContext
from ws_dsl.steps.cell import Cell, Input

_BATCH = 64
_SECONDS = 1.0


class Progress(Protocol):
    """Told what happens while a study runs."""

    def step(self, name: str, kind: str, missing: int, total: int) -> None:
        """A step begins that has cells to make."""
        ...

    def cells(self, count: int, size: int) -> None:
        """Cells of the step were committed, with files of so many bytes."""
        ...

    def rows(self, count: int) -> None:
        """Rows went through a model."""
        ...

    def note(self, text: str) -> None:
        """Something that the user should see."""
        ...


def execute(plan: Plan, state: State, store: Store, progress: Progress, device: str = "cpu") -> int:
    """Makes every cell of a plan that does not exist; gives how many were made.

    Raises:
        DamagedError, MissingError: an artifact that a cell reads cannot be read; see `ws_dsl.run.repair`.
        WsDslError: from a kind.
    """
    _fetch(plan, progress)
    context = RunContext(store, state, device, progress.rows)
    try:
        return sum(_step(nodes, context, progress) for nodes in plan.steps().values())
    finally:
        context.close()


def _fetch(plan: Plan, progress: Progress) -> None:
    """Brings what a study reads from elsewhere to this machine."""
    for node in plan.nodes:
        what = node.kind.spec.remote(node.spec)
        if what is not None and not all(path.exists() for path in node.files.values()):
            progress.note(f"fetching {what}")
            node.kind.spec.fetch(node.spec)


def _step(nodes: Sequence[Node], context: RunContext, progress: Progress) -> int:
    """Makes the missing cells of a step that no other process is making, and waits for the others."""
    state, leases = context.state, context.store.leases
    state.update(nodes)
    done, said = 0, False
    while missing := state.missing(nodes):
        if not said:
            progress.step(nodes[0].step, nodes[0].kind.name, len(missing), len(nodes))
            said = True
        wanted = [state.keys[node] for node in missing]
        with leases.share(wanted, nodes[0].step, progress.note) as mine:
            # Another process may have made a cell before it let go of it.
            state.update(missing)
            claimed = set(mine)
            done += _make(
                [node for node in state.missing(missing) if state.keys[node] in claimed], context, progress
            )
        state.update(nodes)
    return done


def _make(nodes: Sequence[Node], context: RunContext, progress: Progress) -> int:
    if not nodes:
        return 0
    state, kind = context.state, nodes[0].kind
    for node in nodes:
        if context.store.quarantine(state.keys[node], "damaged or incomplete when a run looked for it"):
            progress.note(f"{node}: the stored bytes are damaged or gone; set aside, made anew")
    cells = [cell_of(node, context) for node in nodes]
    waiting = {id(cell): node for cell, node in zip(cells, nodes, strict=True)}
    pending: list[Draft] = []
    flushed = time.monotonic()
    done = 0
    try:
        for cell, artifact, seconds in timed(kind.module.run(cells, context)):
            if id(cell) not in waiting:
                raise MeasurementError(f"it gave a cell twice, or one that it was not asked for: {cell.name}")
            pending.append(draft_of(waiting.pop(id(cell)), artifact, seconds, state))
            if len(pending) >= _BATCH or time.monotonic() - flushed > _SECONDS:
                done += _commit(pending, context, progress)
                flushed = time.monotonic()
        if waiting:
            left = ", ".join(str(node) for node in waiting.values())
            raise MeasurementError(f"it was asked for cells that it did not make: {left}")
    except (MeasurementError, ModelError) as error:
        raise type(error)(f"{nodes[0].step} ({kind.name}): {error}") from error
    finally:
        done += _commit(pending, context, progress)
    return done


def _commit(pending: list[Draft], context: RunContext, progress: Progress) -> int:
    if not pending:
        return 0
    committed = context.store.commit(pending)
    for draft in pending:
        for content in draft.artifact.files.values():
            if isinstance(content, Path):
                content.unlink()
    pending.clear()
    for manifest in committed:
        if manifest.notes:
            progress.note(f"{manifest.kind} {manifest.key[:12]}: {manifest.notes[-1]}")
    progress.cells(len(committed), sum(manifest.bytes for manifest in committed))
    return len(committed)


def timed(made: Iterator[tuple[Any, Artifact]]) -> Iterator[tuple[Any, Artifact, float]]:
    """What a kind makes, with the seconds that each cell took."""
    start = time.monotonic()
    for cell, artifact in made:
        yield cell, artifact, time.monotonic() - start
        start = time.monotonic()


def cell_of(node: Node, context: RunContext) -> Cell[Any]:
    """A node as a kind receives it.

    Raises:
        WsDslError: an external file is not what it was when the study was planned.
    """
    files: dict[str, Path] = {}
    for field, path in node.files.items():
        if path.is_dir():
            files[field] = path
            continue
        digest = context.store.import_file(path)
        if digest != context.state.derivations[node]["params"][field]:
            raise WsDslError(f"{path} changed since the study was planned; run again")
        files[field] = context.store.object_path(digest)
    inputs: dict[str, list[Input]] = {
        field: [context.input(edge) for edge in edges] for field, edges in node.inputs.items()
    }
    return Cell(node.spec, inputs, files, node.made, str(node), node.resampled)


def draft_of(node: Node, artifact: Artifact, seconds: float, state: State) -> Draft:
    """What a kind made of a node, to be committed."""
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
