"""Tables of a page: cells of a reference in rows and columns, each number with the artifact that holds it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ws_dsl.artifacts.estimate import Estimate
from ws_dsl.artifacts.sites import Sites
from ws_dsl.artifacts.table import Table
from ws_dsl.plan.node import Node
from ws_dsl.report import numbers
from ws_dsl.report.content import Column, TableView, Value, Verbatim
from ws_dsl.report.frame import Cell, Frame, csv
from ws_dsl.report.frames import Results, long
from ws_dsl.report.provenance import quantities
from ws_dsl.report.quantity import Quantity
from ws_dsl.specs.study import TableSpec

_MOST_TOKENS = 5
_FEW = 3


def table(name: str, stem: str, spec: TableSpec, results: Results) -> TableView:
    """A table of the report.

    Args:
        name: Its name in the study.
        stem: File stem of its CSV.
        spec: What is shown of it.
        results: The study's results.
    """
    title = spec.title or name.replace("_", " ").capitalize()
    relation, _ = results.plan.view(spec.of)
    nodes = [node for _, node in relation.entries if node is not None]
    first = results.open(nodes[0]) if nodes else None
    notes: list[str] = []
    if isinstance(first, Table):
        columns, rows = _of_rows(spec, results)
    elif isinstance(first, Sites):
        columns, rows = _of_sites(spec, results, str(first.notes.get("score", "")))
    else:
        columns, rows = _of_estimates(spec, results)
        notes = _denominators(nodes, results)
    steps = tuple(dict.fromkeys(node.step for node in nodes))
    return TableView(
        stem.replace("_", "-"),
        title,
        f"Cells: {spec.of}." if "[" in spec.of else "",
        tuple(columns),
        tuple(rows),
        csv(_frame(columns, rows)),
        steps,
        tuple(notes),
    )


def _frame(columns: Sequence[Column], rows: Sequence[Sequence[Value]]) -> Frame:
    """A table in full precision: the ends of intervals and n in columns of their own."""
    plain: dict[str, list[Cell]] = {}
    for place, column in enumerate(columns):
        name = column.name + (f" [{column.unit}]" if column.unit else "")
        values = [row[place] for row in rows]
        plain[name] = [value.value if isinstance(value, Quantity) else value for value in values]
        for part in ("low", "high", "n"):
            parts = [getattr(value, part) if isinstance(value, Quantity) else None for value in values]
            if any(value is not None for value in parts):
                plain[f"{name} {part}"] = parts
    return Frame(plain)


def _of_estimates(spec: TableSpec, results: Results) -> tuple[list[Column], list[tuple[Value, ...]]]:
    relation, _ = results.plan.view(spec.of)
    across = [axis for axis in _list(spec.columns) if axis in relation.axes]
    # Axes that the study names nowhere stay rows: no two cells may share a place.
    down = list(dict.fromkeys([*_list(spec.rows), *(a for a in relation.axes if a not in across)]))
    found = long(results, spec.of)
    shown = [name for name in found.numbers if name != "n"]
    heads: dict[tuple[str, ...], None] = {}
    body: dict[tuple[str, ...], dict[tuple[tuple[str, ...], str], Quantity]] = {}
    for record, (node, _) in zip(found.records, found.sources, strict=True):
        head = tuple(str(record[axis]) for axis in across if axis in record)
        row = tuple(str(record.get(axis, "–")) for axis in down)
        heads[head] = None
        for quantity in quantities(results.open(node), results.state.keys[node]):
            if quantity.statistic in shown:
                body.setdefault(row, {})[head, quantity.statistic] = quantity
    columns = [Column(axis) for axis in down]
    for head in heads:
        for statistic in shown:
            label = " · ".join([*head, *([statistic] if len(shown) > 1 or not head else [])])
            columns.append(Column(label, found.units.get(statistic, "")))
    rows: list[tuple[Value, ...]] = [
        (*row, *(cells.get((head, s)) for head in heads for s in shown)) for row, cells in body.items()
    ]
    return columns, rows


def _of_rows(spec: TableSpec, results: Results) -> tuple[list[Column], list[tuple[Value, ...]]]:
    """Tables have too many rows to print: the tokens met most often, or the spread of their values."""
    relation, column = results.plan.view(spec.of)
    axes = list(relation.axes)
    rows: list[tuple[Value, ...]] = []
    tokens, unit = False, ""
    for labels, node in relation.entries:
        if node is None:
            continue
        found: Table = results.open(node)
        key = results.state.keys[node]
        own = [labels.get(axis, "–") for axis in axes]
        if "token" in found.columns:
            tokens = True
            rows += [(*own, *row) for row in _tokens(found, key)]
        else:
            values = list(found.series(column or "value").values())
            if column is None and isinstance(found.notes.get("unit"), str):
                unit = str(found.notes["unit"])
            mean = sum(values) / len(values) if values else None
            spread = {"mean": mean, "least": min(values, default=None), "greatest": max(values, default=None)}
            shown = (Quantity(name, value, key=key) for name, value in spread.items())
            rows.append((*own, *shown, len(values)))
    if tokens:
        heads = [Column("next token"), Column("share of rows"), Column("mean probability"), Column("n")]
    else:
        heads = [Column("mean", unit), Column("least", unit), Column("greatest", unit), Column("n")]
    return [*(Column(axis) for axis in axes), *heads], rows


def _tokens(found: Table, key: str) -> list[tuple[Value, ...]]:
    """The tokens met most often: share of rows, mean probability where they are first, n."""
    words: list[str] = found.columns["token"]
    rows: list[tuple[Value, ...]] = []
    for word in sorted(set(words), key=lambda w: (-words.count(w), w))[:_MOST_TOKENS]:
        mine = [v for w, v in zip(words, found.columns["value"], strict=True) if w == word and v is not None]
        share = Quantity("share", len(mine) / len(words), key=key)
        mean = Quantity("mean", sum(mine) / len(mine) if mine else None, key=key)
        rows.append((Verbatim(word), share, mean, len(words)))
    return rows


def _of_sites(spec: TableSpec, results: Results, unit: str) -> tuple[list[Column], list[tuple[Value, ...]]]:
    relation, _ = results.plan.view(spec.of)
    axes = list(relation.axes)
    rows: list[tuple[Value, ...]] = []
    found = long(results, spec.of)
    for record, (node, _) in zip(found.records, found.sources, strict=True):
        score: Any = record["score"]
        own = (str(record.get(axis, "–")) for axis in axes)
        quantity = Quantity("score", score, key=results.state.keys[node])
        rows.append((*own, Verbatim(record["component"]), None if score is None else quantity))
    return [*(Column(axis) for axis in axes), Column("component"), Column("score", unit)], rows


class _Denominator(NamedTuple):
    """What a ratio was divided by: the cells, and the absolute values, sorted."""

    bases: tuple[str, ...]
    sizes: tuple[float, ...]
    unit: str


def _denominators(nodes: Sequence[Node], results: Results) -> list[str]:
    """Of every ratio among some Estimates, what it was divided by; many are told by their range."""
    told: dict[_Denominator, list[str]] = {}
    for node in nodes:
        found = _denominator(node, results)
        if found:
            told.setdefault(found, []).append(numbers.cell(node.labels))
    if len(told) > _FEW:
        least = min(found.sizes[0] for found in told)
        middles = [statistics.median(found.sizes) for found in told]
        unit = _unit(next(iter(told)))
        return [
            f"{len(told)} denominators: absolute value at least {_plain(least)}{unit}, medians from "
            f"{_plain(min(middles))} to {_plain(max(middles))}{unit}."
        ]
    if len(told) == 1:
        return [f"Denominator: {_said(found)}" for found in told]
    return [f"Denominator ({'; '.join(cells)}): {_said(found)}" for found, cells in told.items()]


def _said(found: _Denominator) -> str:
    bases = ", ".join(found.bases[:_FEW]) + (" …" if len(found.bases) > _FEW else "")
    least, middle, most = map(_plain, (found.sizes[0], statistics.median(found.sizes), found.sizes[-1]))
    if len(found.sizes) == 1:
        return f"{bases}; {least}{_unit(found)}."
    size = f"absolute value {least} to {most}{_unit(found)}, median {middle}"
    return f"{bases}; {size}, n = {len(found.sizes)}."


def _unit(found: _Denominator) -> str:
    return f" {found.unit}" if found.unit else ""


def _plain(value: float) -> str:
    return numbers.number(value, numbers.decimals([value]))


def _denominator(node: Node, results: Results) -> _Denominator | None:
    """What a ratio, or a statistic of fractions, was divided by; None for anything else."""
    estimate: Estimate = results.open(node)
    below = estimate.notes.get("denominator")
    if isinstance(below, (int, float)):
        return _Denominator(tuple(str(edge.node) for edge in node.inputs["base"]), (float(below),), "")
    sizes: list[float] = []
    bases: dict[str, None] = {}
    unit = ""
    for edge in node.inputs.get("of", []):
        found = results.open(edge.node, edge.column)
        if not isinstance(found, Table) or "denominator" not in found.columns:
            return None
        sizes += [abs(value) for value in _restricted(node, found.series("denominator"), results).values()]
        for base in edge.node.inputs.get("base", []):
            bases[str(base.node)] = None
            unit = str(results.facts(base.node).get("unit", ""))
    return _Denominator(tuple(bases), tuple(sorted(sizes)), unit) if sizes else None


def _restricted(node: Node, values: Mapping[Any, float], results: Results) -> dict[Any, float]:
    kept = dict(values)
    for edge in node.inputs.get("rows", []):
        inside = set(results.open(edge.node).ids())
        kept = {key: value for key, value in kept.items() if key in inside}
    return kept


def _list(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])
