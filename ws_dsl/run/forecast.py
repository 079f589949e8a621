"""Forecast: how long the missing cells of a plan may take, going by what such cells took before.

A cell is expected to take what it took in the study's latest run that had it; else what cells of its step
took there; else what the latest cells of its kind took. Times under another model or on another kind of
device tell nothing, and are not used.

An artifact that was lost comes out as it was. What waits for it and exists under the key that follows from
its former digest is not counted as missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import dropwhile, islice

from ws_dsl.errors import RegistryError
from ws_dsl.plan.node import Node
from ws_dsl.plan.plan import Plan
from ws_dsl.plan.state import State
from ws_dsl.registry.manifest import Manifest
from ws_dsl.registry.store import Store
from ws_dsl.specs.canonical import canonical

_LATEST = 20


@dataclass(frozen=True)
class Task:
    """The cells of one step that are missing.

    Attributes:
        step: Name of the step.
        computes: Whether they may run a model.
        cells: How many there are.
        seconds: What they took together before; None where a cell without precedent is among them.
    """

    step: str
    computes: bool
    cells: int
    seconds: float | None


@dataclass
class Pace:
    """How long is left of a run, from its forecast and from how it goes.

    Attributes:
        tasks: What there is to do, in the order of the steps.
        done: Cells made, by step.
        spent: Seconds that each step took until its last cell was made.
    """

    tasks: Sequence[Task]
    done: dict[str, int] = field(default_factory=dict[str, int])
    spent: dict[str, float] = field(default_factory=dict[str, float])

    def made(self, step: str, cells: int, seconds: float) -> None:
        """Counts cells that were made, `seconds` after their step began."""
        self.done[step] = self.done.get(step, 0) + cells
        self.spent[step] = seconds

    def left(self, step: str, seconds: float) -> float | None:
        """Seconds until the end, `seconds` after a step began; None while nothing tells.

        A step is judged by its own cells once some are made, before that by its forecast, and without one by
        the cells of this run that run a model as its own do, or as little as its own do.
        """
        left = self.spent.get(step, 0.0) - seconds
        for task in dropwhile(lambda task: task.step != step, self.tasks):
            rate = self._rate(task)
            if rate is None:
                return None
            left += rate * (task.cells - self.done.get(task.step, 0))
        return max(left, 0.0)

    def _rate(self, task: Task) -> float | None:
        """Expected seconds per cell of a step."""
        if self.done.get(task.step):
            return self.spent[task.step] / self.done[task.step]
        if task.seconds is not None:
            return task.seconds / task.cells
        alike = [one.step for one in self.tasks if one.computes == task.computes and one.step in self.done]
        made = sum(self.done[step] for step in alike)
        return sum(self.spent[step] for step in alike) / made if made else None


def tasks(plan: Plan, state: State, store: Store) -> list[Task]:
    """What is to be made of a plan, step by step, with what it may take."""
    history = _History(plan, state, store)
    missing = _to_make(plan, state, history)
    found: list[Task] = []
    for step, nodes in plan.steps().items():
        wanted = [node for node in nodes if node in missing]
        if wanted:
            seconds = [history.seconds(node) for node in wanted]
            total = None if None in seconds else sum(second for second in seconds if second is not None)
            found.append(Task(step, nodes[0].kind.spec.computes, len(wanted), total))
    return found


def _to_make(plan: Plan, state: State, history: _History) -> set[Node]:
    missing = state.missing(plan.nodes)
    waiting = [node for node in missing if node not in state.keys]
    former = history.inputs_of(waiting)
    lost = former.keys() - state.lookup(former).keys()
    if not lost:
        return set(missing)
    supposed = state.supposing({key: former[key] for key in lost})
    supposed.update(plan.nodes)
    anew = {supposed.keys[node]: node for node in plan.nodes if supposed.keys.get(node) in lost}
    return {*anew.values(), *supposed.missing(plan.nodes)}


class _History:
    """What cells took that are in a store."""

    def __init__(self, plan: Plan, state: State, store: Store):
        self._state = state
        self._store = store
        self._kinds: dict[str, list[str]] = {}
        for entry in reversed(store.catalogue.artifacts()):
            self._kinds.setdefault(entry.kind, []).append(entry.key)
        self._cells: dict[tuple[str, bytes], str] = {}
        self._steps: dict[str, list[str]] = {}
        for address in store.catalogue.addresses(plan.spec.id):
            self._cells[address.step, canonical(address.cell)] = address.key
            self._steps.setdefault(address.step, []).append(address.key)
        self._manifests: dict[str, Manifest | None] = {}

    def seconds(self, node: Node) -> float | None:
        """What a cell may take, or None."""
        own = self._cells.get((node.step, canonical(node.labels)))
        step, kind = self._steps.get(node.step, []), self._kinds.get(node.kind.name, [])
        for keys in ([own] if own else [], step, kind):
            if times := self._times(node, keys):
                return sum(times) / len(times)
        return None

    def inputs_of(self, nodes: Iterable[Node]) -> dict[str, str]:
        """Digests by key of what the cells were made from that now have the places of these."""
        keys = (self._cells.get((node.step, canonical(node.labels))) for node in nodes)
        found = (self._manifest(key) for key in keys if key is not None)
        records = (group for one in found if one is not None for group in one.inputs.values())
        return {record.key: record.digest for group in records for record in group}

    def _times(self, node: Node, keys: Iterable[str]) -> list[float]:
        found = (self._manifest(key) for key in islice(keys, _LATEST))
        return [one.seconds for one in found if one is not None and self._alike(node, one)]

    def _alike(self, node: Node, earlier: Manifest) -> bool:
        """Whether the time of an earlier cell tells something of a node's."""
        if earlier.kind != node.kind.name:
            return False
        if node.kind.spec.computes and earlier.environment["device"] != self._state.environment.device:
            return False
        models = [self._state.digests.get(edge.node) for edge in node.inputs.get("model", [])]
        return models == [one.digest for one in earlier.inputs.get("model", [])]

    def _manifest(self, key: str) -> Manifest | None:
        if key not in self._manifests:
            self._manifests[key] = None
            # A damaged record is set aside by whoever needs it; here it only tells nothing.
            with suppress(RegistryError):
                self._manifests[key] = self._store.manifest(key)
        return self._manifests[key]
