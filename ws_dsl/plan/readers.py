"""What reads results: the conditions of rules, and the roles of figures and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from ws_dsl.plan.evaluator import Evaluator
from ws_dsl.plan.levels import data_behind
from ws_dsl.plan.mistakes import Broken, axes_of, names, near
from ws_dsl.plan.node import Edge, Node
from ws_dsl.plan.relation import Relation
from ws_dsl.specs import types
from ws_dsl.specs.condition import parse_condition
from ws_dsl.specs.document import Path_
from ws_dsl.specs.study import Figure, Rule, TableSpec

_ENDS = ("low", "high", "sd", "n")
_SHOWN = (types.Table, types.Estimate, types.Sites)


def read_rules(evaluator: Evaluator) -> None:
    """Tells what is wrong with what rules read, and notes on the cells what they compare."""
    for name, rule in evaluator.spec.rules.items():
        path: Path_ = ("rules", name)
        for index, case in enumerate(rule.first):
            for which in case.when:
                if which not in rule.read:
                    at: Path_ = (*path, "first", index, "when", which)
                    message = (
                        f"the rule reads no {which!r}.{near(which, rule.read)}\nreads: {', '.join(rule.read)}"
                    )
                    evaluator.mistakes.add(at, "missing-reference", message)
        for read in rule.read:
            try:
                _read(evaluator, rule, read, path)
            except Broken:
                continue


def read_report(evaluator: Evaluator) -> None:
    """Tells what is wrong with what figures and tables show, and notes on the cells where they are shown."""
    for name, figure in evaluator.spec.report.figures.items():
        try:
            _figure(evaluator, figure, ("report", "figures", name))
        except Broken:
            continue
    for name, table in evaluator.spec.report.tables.items():
        try:
            _table(evaluator, table, ("report", "tables", name))
        except Broken:
            continue


Known: TypeAlias = dict[Node, Sequence[str] | None]


def statistics(node: Node, known: Known | None = None) -> Sequence[str] | None:
    """Statistics of an Estimate; None where they are not known before it exists.

    Args:
        node: The Estimate.
        known: Those of other nodes, which is added to.
    """
    known = {} if known is None else known
    if node not in known:
        inputs = {field: _of(edges[0], known) for field, edges in node.inputs.items() if edges}
        known[node] = node.kind.spec.statistics(node.spec, inputs)
    return known[node]


def row_columns(node: Node) -> dict[str, str] | None:
    """Columns with their types of the rows behind a cell; None where they are not known yet."""
    source = data_behind(node)
    if source is None:
        return None
    spec: Any = source.spec
    keys = [spec.key] if isinstance(spec.key, str) else spec.key
    return {**dict.fromkeys(keys, "key"), **spec.columns}


def _of(edge: Edge, known: Known) -> Sequence[str] | None:
    return ("value",) if edge.column else statistics(edge.node, known)


def _read(evaluator: Evaluator, rule: Rule, read: str, path: Path_) -> None:
    text, here = rule.read[read], (*path, "read", read)
    relation = evaluator.resolve(text, here)
    if types.Estimate not in relation.types:
        raise evaluator.mistakes.add(
            here, "wrong-type", f"rules read Estimates, and {text!r} is {names(relation.types)}"
        )
    known = _statistics(relation)
    for index, case in enumerate(rule.first):
        for written in case.when.get(read, {}):
            at: Path_ = (*path, "first", index, "when", read, written)
            condition = parse_condition(written)
            if len(relation.entries) > 1 and condition.quantifier is None:
                message = f"{text} has {len(relation.entries)} cells; write all_{written} or any_{written}"
                evaluator.mistakes.add(at, "needs-quantifier", message)
            statistic = condition.statistic or "value"
            for entry in relation.entries:
                if entry.node is not None:
                    entry.node.judged.add(statistic)
            if known is not None and not _is_statistic(statistic, known):
                hint = near(statistic, known)
                message = f"{text} has no statistic {statistic!r}.{hint}\nstatistics: {', '.join(known)}"
                evaluator.mistakes.add(at, "unknown-statistic", message)


def _statistics(relation: Relation) -> list[str] | None:
    """Statistics that all cells of a relation have."""
    found: list[str] | None = None
    known: Known = {}
    for entry in relation.entries:
        mine = statistics(entry.node, known) if entry.node is not None else None
        if mine is None:
            return None
        found = [name for name in found if name in mine] if found is not None else list(mine)
    return found


def _is_statistic(name: str, known: Iterable[str]) -> bool:
    stem, _, end = name.rpartition(".")
    return name in known or (stem in known and end in _ENDS)


def _figure(evaluator: Evaluator, figure: Figure, path: Path_) -> None:
    roles: list[tuple[str, Path_]] = []
    if figure.of is not None:
        shown = [_numbers(evaluator, figure.of, (*path, "of"), (*_SHOWN, types.Adapter))]
        roles += [*_roles(figure.x, (*path, "x")), *_roles(figure.y, (*path, "y"))]
    elif isinstance(figure.x, str) and isinstance(figure.y, str):
        shown = [
            _numbers(evaluator, text, (*path, role)) for role, text in (("x", figure.x), ("y", figure.y))
        ]
    else:
        raise evaluator.mistakes.add(path, "missing-field", "a figure needs of, or x and y as references")
    for role in ("colour", "marker", "facet"):
        roles += _roles(getattr(figure, role), (*path, role))
    axes = {axis: None for relation in shown for axis in relation.axes}
    columns = _columns(shown)
    numbers = _shown_numbers(shown)
    for role, at in roles:
        several = len(at) > len(path) + 1 and at[len(path)] in ("x", "y")
        if role in axes or (not several and (role in evaluator.relations or role in (columns or ()))):
            continue
        if not several and (columns is None or numbers is None or _is_statistic(role, numbers)):
            continue
        known = [*axes] if several else [*axes, *(numbers or ()), *(columns or ())]
        what = "no axis" if several else "no axis, statistic, row column or step"
        evaluator.mistakes.add(
            at, "unknown-role", f"{role!r} is {what}.{near(role, known)}\nthere are: {', '.join(known)}"
        )


def _table(evaluator: Evaluator, table: TableSpec, path: Path_) -> None:
    relation = _numbers(evaluator, table.of, (*path, "of"))
    for role in ("rows", "columns"):
        for axis, at in _roles(getattr(table, role), (*path, role)):
            if axis not in relation.axes:
                evaluator.mistakes.add(
                    at, "unknown-axis", f"{table.of} has no axis {axis!r} ({axes_of(relation.axes)})"
                )


def _numbers(
    evaluator: Evaluator, text: str, path: Path_, shown: tuple[type[types.Type], ...] = _SHOWN
) -> Relation:
    """The relation behind a reference to numbers; its cells are shown in the figure or table of the path."""
    relation = evaluator.resolve(text, path)
    for entry in relation.entries:
        if entry.node is not None:
            entry.node.shown.add(f"{str(path[1]).removesuffix('s')} {path[2]}")
    if not set(relation.types) & set(shown):
        message = f"what is shown here is {names(shown)}, and {text!r} is {names(relation.types)}"
        raise evaluator.mistakes.add(path, "wrong-type", message)
    return relation


def _roles(value: str | list[str] | None, path: Path_) -> list[tuple[str, Path_]]:
    if value is None:
        return []
    return [(value, path)] if isinstance(value, str) else [(one, (*path, i)) for i, one in enumerate(value)]


def _columns(shown: Sequence[Relation]) -> list[str] | None:
    """Row columns behind the Tables of a figure; none behind Estimates; None where not known."""
    found: dict[str, None] = {}
    for relation in shown:
        if types.Table not in relation.types:
            continue
        for entry in relation.entries:
            columns = row_columns(entry.node) if entry.node is not None else {}
            if columns is None:
                return None
            found.update(dict.fromkeys(columns))
    return list(found)


def _shown_numbers(shown: Sequence[Relation]) -> list[str] | None:
    """Names of the numbers that a figure can show; None where not known."""
    found: dict[str, None] = {}
    for relation in shown:
        known = ["value"] if types.Table in relation.types else _statistics(relation)
        if known is None:
            return None
        found.update(dict.fromkeys([*known, "n"] if types.Estimate in relation.types else known))
    return list(found)
