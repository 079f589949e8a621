"""Results in long form: the cells behind a reference as columns, for figures and tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard

from ws_dsl.artifacts.adapter import Adapter
from ws_dsl.artifacts.arm import Arm, Change
from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.rows import Rows
from ws_dsl.artifacts.sites import Sites
from ws_dsl.artifacts.table import Table
from ws_dsl.errors import MeasurementError
from ws_dsl.plan.node import Node
from ws_dsl.plan.plan import Plan
from ws_dsl.plan.state import State
from ws_dsl.report.frame import Cell, Frame, Roles
from ws_dsl.run.context import Library
from ws_dsl.specs.study import Figure

_COMPONENT = re.compile(r"L(\d+)([HN])(\d+)")
_FAMILY = {"H": "head", "N": "neuron"}


@dataclass
class Results:
    """A study's results, opened as they are needed."""

    plan: Plan
    state: State
    library: Library

    def open(self, node: Node, column: str | None = None) -> Any:
        """An artifact in memory."""
        return self.library.open(self.state.keys[node], self.state.digests[node], column)

    def facts(self, node: Node) -> Mapping[str, Any]:
        """What its manifest says of an artifact."""
        manifest = self.library.store.manifest(self.state.keys[node])
        return manifest.facts if manifest else {}


@dataclass
class Long:
    """Rows of a frame while it is built: what is known of each."""

    records: list[dict[str, Cell]] = field(default_factory=list[dict[str, Cell]])
    sources: list[tuple[Node, tuple[Any, ...] | None]] = field(
        default_factory=list[tuple[Node, tuple[Any, ...] | None]]
    )
    numbers: list[str] = field(default_factory=list[str])
    units: dict[str, str] = field(default_factory=dict[str, str])
    axes: list[str] = field(default_factory=list[str])


def long(results: Results, reference: str, name: str = "value") -> Long:
    """Cells behind a reference: Tables (a record per row), Estimates (per cell), Sites (per component).

    Of Adapters the losses of training, a record per step.

    Args:
        results: The study's results.
        reference: As written in the study.
        name: What the column of a Table is called.
    """
    relation, column = results.plan.view(reference)
    found = Long(axes=list(relation.axes))
    for labels, node in relation.entries:
        if node is None:
            continue
        artifact = results.open(node, column)
        own: dict[str, Cell] = dict(labels)
        if isinstance(artifact, Estimate):
            picked = {column: artifact.stats[column]} if column in artifact.stats else artifact.stats
            found.numbers = list(dict.fromkeys([*found.numbers, *picked]))
            for statistic, stat in picked.items():
                own |= {statistic: stat.value, f"{statistic}.low": stat.low, f"{statistic}.high": stat.high}
                own["n"] = stat.n
            found.records.append(own)
            found.sources.append((node, None))
            found.units |= units_of(artifact, found.numbers)
        elif isinstance(artifact, Table):
            picked = column if column in artifact.columns else "value"
            found.numbers = [name]
            for index, key in enumerate(artifact.ids()):
                ids: dict[str, Cell] = dict(zip(artifact.keys, key, strict=True))
                value = artifact.columns[picked][index] if artifact.columns["status"][index] == "ok" else None
                found.records.append({**own, **ids, name: value})
                found.sources.append((node, key))
            unit = artifact.notes.get("unit") if picked == "value" else None
            if isinstance(unit, str):
                found.units[name] = unit
        elif isinstance(artifact, Sites):
            found.numbers = ["score"]
            for place, site in enumerate(artifact.addresses):
                score = artifact.scores[place] if artifact.scores else None
                found.records.append({**own, "component": site, **_place(site), "score": score})
                found.sources.append((node, None))
            found.units["score"] = str(artifact.notes.get("score", ""))
        elif isinstance(artifact, Adapter):
            found.numbers, found.units["loss"] = ["loss"], "nats per token"
            for record in _losses(artifact):
                found.records.append({**own, **record})
                found.sources.append((node, None))
        else:
            raise MeasurementError(f"{reference} holds no numbers that could be drawn")
    return found


def listing(results: Results, reference: str) -> Frame:
    """Everything that the cells behind a reference hold, as columns.

    A record per row of Tables, Rows and Prompts, per cell of Estimates, per component of Sites, per change of
    Arms; of anything else, the facts in its manifest.
    """
    relation, column = results.plan.view(reference)
    records: list[dict[str, Cell]] = []
    for labels, node in relation.entries:
        if node is not None:
            found = _records(results.open(node, column), column, results.facts(node))
            own: dict[str, Cell] = {axis: labels.get(axis) for axis in relation.axes}
            records += [{**own, **record} for record in found]
    return Frame(columns_of(records))


def _records(artifact: Any, column: str | None, facts: Mapping[str, Any]) -> list[dict[str, Cell]]:
    match artifact:
        case Estimate(stats=stats):
            return [
                {
                    name: value
                    for statistic in stats
                    for name, value in _statistic(statistic, stats[statistic])
                }
            ]
        case Table(keys=keys, columns=columns):
            picked = (
                columns if column is None else [*keys, "status", column if column in columns else "value"]
            )
            return _rows({name: columns[name] for name in picked})
        case Rows(columns=columns):
            return _rows(columns)
        case Prompts(keys=keys, columns=columns):
            tokens = [len(ids) for ids in columns["ids"]]
            return _rows({**{key: columns[key] for key in keys}, "text": columns["text"], "tokens": tokens})
        case Sites(addresses=addresses, scores=scores):
            return [{"site": a, "score": s} for a, s in zip(addresses, scores, strict=True)]
        case Adapter():
            return _losses(artifact)
        case Arm(changes=changes):
            return [_change(change) for change in changes]
        case _:
            return [{name: value if _is_cell(value) else json.dumps(value) for name, value in facts.items()}]


def _losses(adapter: Adapter) -> list[dict[str, Cell]]:
    """The losses of training: of every step, and of looks at held-out rows after so many steps."""
    train: list[dict[str, Cell]] = [
        {"curve": "train", "step": step, "loss": loss} for step, loss in enumerate(adapter.curves["train"])
    ]
    return train + [
        {"curve": "validation", "step": step, "loss": loss} for step, loss in adapter.curves["validation"]
    ]


def _change(change: Change) -> dict[str, Cell]:
    at = change.at if isinstance(change.at, str) else json.dumps(change.at)
    where = at if change.during is None else f"{change.during} tokens"
    sites = ", ".join(change.sites)
    values = "per row" if change.given and change.given.keys else "mean" if change.given else change.number
    return {"operation": change.operation, "site": sites, "at": where, "values": values}


def _statistic(name: str, stat: Stat) -> Iterator[tuple[str, Cell]]:
    yield name, stat.value
    for part in ("low", "high", "sd"):
        yield f"{name}.{part}", getattr(stat, part)
    yield "n", stat.n
    if stat.reason:
        yield f"{name}.reason", stat.reason


def _place(site: str) -> dict[str, Cell]:
    """Layer and index of a component, by what it is; empty for what is no component of a block."""
    found = _COMPONENT.fullmatch(site)
    return {"layer": int(found[1]), _FAMILY[found[2]]: int(found[3])} if found else {}


def _rows(columns: Mapping[str, Sequence[Cell]]) -> list[dict[str, Cell]]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _is_cell(value: object) -> TypeGuard[Cell]:
    return value is None or isinstance(value, (str, float, int))


def figure_frame(figure: Figure, results: Results) -> tuple[Frame, Roles]:
    """The numbers of a figure, and the part each column plays.

    Raises:
        MeasurementError: a role that is no axis, statistic, row column or step.
    """
    x, y = _first(figure.x), _first(figure.y)
    if figure.of is not None:
        found = long(results, figure.of)
        of = next((role for role in (x, y) if role in found.numbers), found.numbers[0])
    else:
        assert x is not None and y is not None
        found, of = _paired(results, x, y), "value"
    combined = {
        role: _combine(found, parts)
        for role, parts in (("x", figure.x), ("y", figure.y))
        if isinstance(parts, list)
    }
    roles = {
        "x": combined.get("x", x),
        "y": combined.get("y", y),
        "colour": figure.colour,
        "marker": figure.marker,
    }
    facets = [figure.facet] if isinstance(figure.facet, str) else figure.facet or []
    for role in [*roles.values(), *facets]:
        if role is not None:
            _add(results, found, role)
    columns = columns_of(found.records)
    lines = tuple(figure.y) if isinstance(figure.y, list) else ()
    drawn = Roles(roles["x"], roles["y"], of, roles["colour"], roles["marker"], tuple(facets), lines)
    return Frame(columns, _names(figure, found.numbers), found.units), drawn


def steps_of(figure: Figure, plan: Plan) -> tuple[str, ...]:
    """Steps whose artifacts hold what a figure draws."""
    references = [figure.of] if figure.of else [x for x in (_first(figure.x), _first(figure.y)) if x]
    references = [text for text in references if _name(text) in plan.relations]
    nodes = [node for reference in references for _, node in plan.view(reference)[0].entries]
    return tuple(dict.fromkeys(node.step for node in nodes if node is not None))


def _name(reference: str) -> str:
    """The step that a reference names."""
    return re.split(r"[\[.]", reference, maxsplit=1)[0].strip()


def _names(figure: Figure, numbers: Sequence[str]) -> dict[str, str]:
    """What numbers are called: a reference in words, a statistic with what it is of."""
    names = {number: _said(number) for number in numbers}
    if figure.of is not None:
        names |= {n: f"{n} of {_said(figure.of.removesuffix(f'.{n}'))}" for n in numbers}
        names["value"] = _said(figure.of)
    return names


def _said(reference: str) -> str:
    """`delta, arm not none` for `delta[arm!=none]`."""
    found = re.fullmatch(r"([^\[]+)\[(.*)\](?:\.(\w+))?", reference)
    if found is None:
        return reference
    items = found[2].replace("!=", " not ").replace("|", " or ")
    items = re.sub(r"(?<! )=(?! )", " = ", items)
    return f"{found[1]}{f'.{found[3]}' if found[3] else ''}, {items}"


def _paired(results: Results, x: str, y: str) -> Long:
    """Rows, or cells, of two references joined by key and shared axes."""
    left, right = _named(long(results, x, x), x), _named(long(results, y, y), y)
    index: dict[Any, list[int]] = {}
    for i, (_, key) in enumerate(right.sources):
        index.setdefault(key, []).append(i)
    found = Long(
        numbers=[x, y],
        units={**left.units, **right.units},
        axes=list(dict.fromkeys([*left.axes, *right.axes])),
    )
    for record, (node, key) in zip(left.records, left.sources, strict=True):
        for i in index.get(key, []):
            other = right.records[i]
            if _agree(record, other, [axis for axis in left.axes if axis in right.axes]):
                found.records.append({**other, **record})
                found.sources.append((node, key))
    return found


def _named(found: Long, reference: str) -> Long:
    """One statistic of Estimates as a column that is called as the reference to it, as those of Tables are.

    Raises:
        MeasurementError: several statistics, none of them picked.
    """
    if reference in found.numbers:
        return found
    if len(found.numbers) != 1:
        raise MeasurementError(f"{reference} has several statistics; pick one: {', '.join(found.numbers)}")
    (statistic,) = found.numbers
    for record in found.records:
        record[reference] = record.pop(statistic)
        for interval in (f"{statistic}.low", f"{statistic}.high"):
            record[f"{reference}{interval.removeprefix(statistic)}"] = record.pop(interval)
    units = {reference: found.units[statistic]} if statistic in found.units else {}
    return replace(found, numbers=[reference], units=units)


def _add(results: Results, found: Long, role: str) -> None:
    """Adds a column for a role: a row column, or another step joined by row."""
    if any(role in record for record in found.records):
        return
    if role in results.plan.relations:
        other = long(results, role, role)
        by_key: dict[Any, list[dict[str, Cell]]] = {}
        for record, (_, key) in zip(other.records, other.sources, strict=True):
            by_key.setdefault(key, []).append(record)
        for record, (_, key) in zip(found.records, found.sources, strict=True):
            partners = [one for one in by_key.get(key, []) if _agree(record, one, other.axes)]
            if len(partners) > 1:
                raise MeasurementError(
                    f"a figure names {role!r}, which has several cells for one row; name one that selects"
                )
            record[role] = partners[0].get(role) if partners else None
        return
    values: dict[Node, Mapping[Any, Cell]] = {}
    for record, (node, key) in zip(found.records, found.sources, strict=True):
        source = node.rows_from
        if source is None or key is None:
            raise MeasurementError(
                f"a figure names {role!r}, which is no axis, statistic, row column or step"
            )
        if source not in values:
            rows = results.open(source)
            if role not in rows.columns:
                raise MeasurementError(
                    f"a figure names {role!r}, which is no axis, statistic, row column or step"
                )
            values[source] = dict(zip(rows.ids(), rows.columns[role], strict=True))
        record[role] = values[source].get(key)


def _agree(left: Mapping[str, Cell], right: Mapping[str, Cell], axes: Sequence[str]) -> bool:
    """Whether two records have the same label on every axis that both have."""
    return all(left[axis] == right[axis] for axis in axes if axis in left and axis in right)


def _combine(found: Long, parts: Sequence[str]) -> str:
    """One column out of several axes."""
    name = " · ".join(parts)
    for record in found.records:
        record[name] = " · ".join(str(record[part]) for part in parts if part in record)
    return name


def columns_of(records: list[dict[str, Cell]]) -> dict[str, list[Cell]]:
    """Records as columns; None where a record lacks one."""
    names = list(dict.fromkeys(name for record in records for name in record))
    return {name: [record.get(name) for record in records] for name in names}


def _first(role: str | list[str] | None) -> str | None:
    return role[0] if isinstance(role, list) else role


def units_of(estimate: Estimate, statistics: Sequence[str]) -> dict[str, str]:
    """Unit by statistic; shares and counts have none."""
    of = estimate.notes.get("of")
    unit = estimate.notes.get("unit") or (of.get("unit") if isinstance(of, dict) else None)
    if not isinstance(unit, str):
        return {}
    return {name: unit for name in statistics if not name.startswith("share") and name not in _BARE}


_BARE = ("n", "flips", "fixed", "broken", "informedness", "p", "p_adjusted")
"""Statistics of values that are not in the unit of the values."""
