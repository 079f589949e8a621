"""Two runs of a study compared: what was made from something else, and which numbers and verdicts moved.

A cell differs for a reason of its own (its fields, the version of its kind, its data, its environment), or
because something that it reads differs. Only the former are causes; the latter are counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ws_dsl.artifacts.estimate import Stat, stats_of
from ws_dsl.artifacts.rows import Rows
from ws_dsl.plan.keys import Derivation
from ws_dsl.plan.node import address
from ws_dsl.plan.why import changes
from ws_dsl.registry.catalogue import RUN_FILE
from ws_dsl.registry.manifest import Manifest
from ws_dsl.registry.store import Store
from ws_dsl.run.context import Library


class RowChange(NamedTuple):
    """A row that is in both versions of some data.

    Attributes:
        row: Its key.
        columns: Old and new value by column.
    """

    row: str
    columns: dict[str, tuple[Any, Any]]


class RowsChanged(NamedTuple):
    """What happened to the rows of a cell: keys of new and lost ones, and those with other values."""

    added: list[str]
    removed: list[str]
    changed: list[RowChange]


class Cause(NamedTuple):
    """Cells that differ for one reason of their own.

    Attributes:
        cells: Their addresses.
        why: What differs, one sentence each.
        rows: What happened to their rows, where they are data.
    """

    cells: list[str]
    why: list[str]
    rows: RowsChanged | None


class Moved(NamedTuple):
    """A statistic that changed.

    Attributes:
        cell: Address of its cell.
        statistic: Its name.
        old: What it was.
        new: What it is.
        beyond: Whether the new value is outside the old interval; None where there is none to be outside of.
    """

    cell: str
    statistic: str
    old: Stat
    new: Stat
    beyond: bool | None


class Turned(NamedTuple):
    """A verdict, check or component that changed; None where one of the runs does not have it."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Difference:
    """What tells two runs apart.

    Attributes:
        added: Cells that only the new run has.
        removed: Cells that only the old run has.
        lost: Cells that differ, and of which the store no longer says what they were made from.
        causes: Cells that differ for reasons of their own.
        consequences: Number of cells by step that differ because of what they read.
        rules: What differs in the decision rules, field by field.
        verdicts: Rules with another verdict.
        checks: Checks with another outcome.
        found: Searches that found other components.
        moved: Statistics that changed, those beyond their earlier interval first.
    """

    added: list[str] = field(default_factory=list[str])
    removed: list[str] = field(default_factory=list[str])
    lost: list[str] = field(default_factory=list[str])
    causes: list[Cause] = field(default_factory=list[Cause])
    consequences: dict[str, int] = field(default_factory=dict[str, int])
    rules: list[str] = field(default_factory=list[str])
    verdicts: list[Turned] = field(default_factory=list[Turned])
    checks: list[Turned] = field(default_factory=list[Turned])
    found: list[Turned] = field(default_factory=list[Turned])
    moved: list[Moved] = field(default_factory=list[Moved])

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not any(vars(self).values())


def difference(
    old: Manifest,
    new: Manifest,
    store: Store,
    derived: Callable[[Manifest], Derivation],
    name_of: Callable[[str], str],
) -> Difference:
    """Compares two runs cell by cell.

    Args:
        old: Manifest of the earlier run.
        new: Manifest of the later run.
        store: Where both are.
        derived: What an artifact was made from.
        name_of: A readable name for a content digest.

    Raises:
        DamagedError, MissingError: the record of a run or an estimate cannot be read.
    """
    before, after = (json.loads(store.read(run, RUN_FILE)) for run in (old, new))
    cells = {address(c["step"], c["cell"]): c["key"] for c in after["cells"]}
    earlier = {address(c["step"], c["cell"]): c["key"] for c in before["cells"]}
    found = Difference(
        added=[cell for cell in cells if cell not in earlier],
        removed=[cell for cell in earlier if cell not in cells],
        rules=_rules(before, after),
        verdicts=_turned(before["verdicts"], after["verdicts"], "rule", "verdict"),
        checks=_turned(before["checks"], after["checks"], "check", "outcome"),
    )
    causes: dict[tuple[str, ...], list[tuple[str, Manifest, Manifest]]] = {}
    for cell, key in cells.items():
        if earlier.get(cell, key) == key:
            continue
        was, now = store.manifest(earlier[cell]), store.manifest(key)
        if was is None or now is None:
            found.lost.append(cell)
            continue
        own = _own(derived(was), derived(now), name_of)
        if own:
            causes.setdefault(tuple(own), []).append((cell, was, now))
        else:
            step = cell.partition("[")[0]
            found.consequences[step] = found.consequences.get(step, 0) + 1
        found.moved.extend(_moved(cell, was, now, store))
        sites = (", ".join(map(str, one.facts.get("addresses", []))) for one in (was, now))  # pyright: ignore[reportArgumentType, reportUnknownArgumentType]
        first, second = sites
        if first != second:
            found.found.append(Turned(cell, first, second))
    for why, members in causes.items():
        found.causes.append(Cause([cell for cell, _, _ in members], list(why), _rows(members[0], store)))
    found.moved.sort(key=lambda one: one.beyond is not True)
    return found


def _own(old: Derivation, new: Derivation, name_of: Callable[[str], str]) -> list[str]:
    """Why a cell differs, what it reads left aside unless it reads it in another way."""
    inputs = {
        name: [{**was, "digest": now["digest"]} for was, now in zip(many, new["inputs"][name], strict=True)]
        if len(new["inputs"].get(name, [])) == len(many)
        else many
        for name, many in old["inputs"].items()
    }
    return changes({**old, "inputs": inputs}, new, name_of)


def _rules(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    if "rules" not in before:  # a run that was recorded before rules were
        return []
    empty: Derivation = {"kind": "", "version": 0, "inputs": {}, "environment": {}, "made": {}}
    both = ({**empty, "params": _flat(run["rules"])} for run in (before, after))
    old, new = both
    return changes(old, new)


def _flat(value: Any) -> Any:
    """Lists as mappings by place, so that a change in one of several cases is told alone."""
    if isinstance(value, list):
        return {str(place): _flat(item) for place, item in enumerate(value)}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, dict):
        return {str(name): _flat(item) for name, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return value


def _turned(old: list[dict[str, str]], new: list[dict[str, str]], name: str, outcome: str) -> list[Turned]:
    before, after = ({one[name]: one[outcome] for one in many} for many in (old, new))
    return [
        Turned(one, before.get(one), after.get(one))
        for one in dict.fromkeys([*before, *after])
        if before.get(one) != after.get(one)
    ]


def _moved(cell: str, was: Manifest, now: Manifest, store: Store) -> list[Moved]:
    if "estimate.json" not in was.files or "estimate.json" not in now.files or was.digest == now.digest:
        return []
    old, new = (stats_of(json.loads(store.read(one, "estimate.json"))) for one in (was, now))
    return [
        Moved(cell, name, old[name], new[name], _beyond(old[name], new[name]))
        for name in new
        if name in old and old[name] != new[name]
    ]


def _beyond(old: Stat, new: Stat) -> bool | None:
    if new.value is None or old.low is None or old.high is None:
        return None
    return not old.low <= new.value <= old.high


def _rows(member: tuple[str, Manifest, Manifest], store: Store) -> RowsChanged | None:
    _, was, now = member
    if "rows.arrow" not in was.files or "rows.arrow" not in now.files:
        return None
    library = Library(store)
    old, new = (_by_key(library.open(one.key, one.digest)) for one in (was, now))
    changed = [
        RowChange(
            key, {c: (old[key].get(c), new[key].get(c)) for c in new[key] if old[key].get(c) != new[key][c]}
        )
        for key in new
        if key in old and old[key] != new[key]
    ]
    return RowsChanged(
        [key for key in new if key not in old], [key for key in old if key not in new], changed
    )


def _by_key(rows: Rows) -> dict[str, dict[str, Any]]:
    return {
        ", ".join(map(str, key)): {name: values[place] for name, values in rows.columns.items()}
        for place, key in enumerate(rows.ids())
    }
