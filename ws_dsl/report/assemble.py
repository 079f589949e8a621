"""From a run to the content of its page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.artifacts.sites import Sites
from ws_dsl.artifacts.table import Table
from ws_dsl.plan.node import Node
from ws_dsl.report import figures
from ws_dsl.report.content import (
    Case,
    CheckView,
    Column,
    FigureView,
    MethodView,
    ModelView,
    PromptView,
    ProvenanceRow,
    Quantity,
    Reading,
    StepView,
    StudyPage,
    TableView,
    TokenSetView,
    Value,
    Verbatim,
    VerdictView,
)
from ws_dsl.report.frame import Cell, Frame, csv
from ws_dsl.report.frames import Results, figure_frame, long
from ws_dsl.run.outcome import CheckOutcome, Decision
from ws_dsl.specs import types
from ws_dsl.specs.documentation import sections
from ws_dsl.specs.study import Figure, TableSpec

_ROLES = ("system", "user", "assistant", "reply", "text")


def assemble(
    results: Results,
    checks: list[CheckOutcome],
    decisions: list[Decision],
    source: str,
    registered: str | None,
) -> StudyPage:
    """The page of a study whose cells all exist.

    Args:
        results: Its results.
        checks: Outcomes of its checks.
        decisions: Outcomes of its rules.
        source: Path of its file from the project's root.
        registered: Date at which its rules were locked before results, or None.
    """
    plan = results.plan
    report = plan.spec.report
    drawn = [_figure(name, figure, results) for name, figure in report.figures.items()]
    # A table beside a figure of its name must not take the place of the figure's data.
    stems = {name: f"{name}_table" if name in report.figures else name for name in report.tables}
    return StudyPage(
        id=plan.spec.id,
        question=plan.spec.question,
        verdicts=tuple(_verdict(decision, results, registered) for decision in decisions),
        checks=tuple(_check(check) for check in checks),
        headline=tuple(drawn[:1]),
        figures=tuple(drawn[1:]),
        tables=tuple(_table(name, stems[name], table, results) for name, table in report.tables.items()),
        methods=_methods(results),
        provenance=tuple(
            _provenance(node, results) for node in plan.nodes if not node.step.startswith("check/")
        ),
        command=f"ws-dsl run {source}",
        source=source,
    )


def _verdict(decision: Decision, results: Results, registered: str | None) -> VerdictView:
    cases = [
        Case(
            tuple(
                f"{read}: {text} {bound}"
                for read, found in case.when.items()
                for text, bound in found.items()
            ),
            case.verdict,  # pyright: ignore[reportArgumentType]
            case.claim,
        )
        for case in decision.rule.first
    ]
    otherwise = decision.rule.otherwise
    cases.append(Case((), otherwise.verdict, otherwise.claim))  # pyright: ignore[reportArgumentType]
    readings: list[Reading] = []
    for name, reference in decision.rule.read.items():
        wanted = _statistics_read(decision, name)
        cells = tuple(
            (reading.labels, _quantity(statistic, reading.stats[statistic], results.state.keys[reading.node]))
            for reading in decision.readings[name]
            for statistic in reading.stats
            if statistic in wanted
        )
        readings.append(Reading(name, reference, "", cells))
    return VerdictView(decision.name, tuple(cases), decision.taken, tuple(readings), registered)


def _statistics_read(decision: Decision, name: str) -> set[str]:
    found = {
        c.statistic or "value"
        for case in decision.rule.first
        for read, c, _ in case.conditions()
        if read == name
    }
    return found | {
        statistic.rpartition(".")[0] for statistic in found if statistic.endswith((".low", ".high", ".sd"))
    }


def _quantity(statistic: str, stat: Stat, key: str) -> Quantity:
    return Quantity(statistic, stat.value, stat.low, stat.high, stat.n, stat.reason, key)


def _check(check: CheckOutcome) -> CheckView:
    detail = check.finding.detail
    if check.broken:
        shown = list(dict.fromkeys(check.broken))
        more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
        detail += f" — broken by {', '.join(shown[:3])}{more}"
    return CheckView(check.name, check.finding.statement, check.outcome, detail)  # pyright: ignore[reportArgumentType]


def _figure(name: str, figure: Figure, results: Results) -> FigureView:
    frame, roles = figure_frame(figure, results)
    title = figure.title or name.replace("_", " ").capitalize()
    drawn = figures.draw(figure.kind, frame, roles, alt=figure.alt, title=title)
    of = figure.of or f"{figure.y} against {figure.x}"
    return FigureView(name.replace("_", "-"), title, figure.alt, f"Numbers of {of}.", drawn, csv(frame))


def _table(name: str, stem: str, spec: TableSpec, results: Results) -> TableView:
    title = spec.title or name.replace("_", " ").capitalize()
    relation, _ = results.plan.view(spec.of)
    nodes = [node for _, node in relation.entries if node is not None]
    first = results.open(nodes[0]) if nodes else None
    if isinstance(first, Table):
        columns, rows = _table_of_rows(spec, results)
    elif isinstance(first, Sites):
        columns, rows = _table_of_sites(spec, results, str(first.notes.get("score", "")))
    else:
        columns, rows = _table_of_estimates(spec, results)
    plain = {
        c.name + (f" [{c.unit}]" if c.unit else ""): [_number(row[i]) for row in rows]
        for i, c in enumerate(columns)
    }
    caption = f"Cells of {spec.of}."
    return TableView(stem.replace("_", "-"), title, caption, tuple(columns), tuple(rows), csv(Frame(plain)))


def _number(value: Value) -> Cell:
    return value.value if isinstance(value, Quantity) else value


def _table_of_estimates(spec: TableSpec, results: Results) -> tuple[list[Column], list[tuple[Value, ...]]]:
    relation, _ = results.plan.view(spec.of)
    across = [axis for axis in _list(spec.columns) if axis in relation.axes]
    # Axes that the study names nowhere stay rows: no two cells may share a place.
    down = list(dict.fromkeys([*_list(spec.rows), *(a for a in relation.axes if a not in across)]))
    found = long(results, spec.of)
    statistics = [name for name in found.numbers if name != "n"]
    heads: dict[tuple[str, ...], None] = {}
    body: dict[tuple[str, ...], dict[tuple[tuple[str, ...], str], Quantity]] = {}
    for record, (node, _) in zip(found.records, found.sources, strict=True):
        head = tuple(str(record[axis]) for axis in across if axis in record)
        row = tuple(str(record.get(axis, "–")) for axis in down)
        heads[head] = None
        estimate: Estimate = results.open(node)
        for statistic in (name for name in statistics if name in estimate.stats):
            quantity = _quantity(statistic, estimate.stats[statistic], results.state.keys[node])
            body.setdefault(row, {})[head, statistic] = quantity
    columns = [Column(axis) for axis in down]
    for head in heads:
        for statistic in statistics:
            label = " · ".join([*head, *([statistic] if len(statistics) > 1 or not head else [])])
            columns.append(Column(label, found.units.get(statistic, "")))
    rows: list[tuple[Value, ...]] = [
        (*row, *(cells.get((head, s)) for head in heads for s in statistics)) for row, cells in body.items()
    ]
    return columns, rows


def _table_of_rows(spec: TableSpec, results: Results) -> tuple[list[Column], list[tuple[Value, ...]]]:
    """Tables have too many rows to print: the tokens met most often, or the spread of their values."""
    relation, column = results.plan.view(spec.of)
    axes = list(relation.axes)
    rows: list[tuple[Value, ...]] = []
    tokens = False
    for labels, node in relation.entries:
        table: Table = results.open(node) if node is not None else None  # pyright: ignore[reportAssignmentType]
        own = [labels.get(axis, "–") for axis in axes]
        if "token" in table.columns:
            tokens = True
            words: list[str] = table.columns["token"]
            for word in sorted(set(words), key=lambda w: (-words.count(w), w))[:5]:
                mine = [v for w, v in zip(words, table.columns["value"], strict=True) if w == word]
                rows.append((*own, Verbatim(word), len(mine) / len(words), sum(mine) / len(mine), len(words)))
        else:
            values = list(table.series(column or "value").values())
            mean = sum(values) / len(values) if values else None
            rows.append((*own, mean, min(values, default=None), max(values, default=None), len(values)))
    if tokens:
        heads = [Column("next token"), Column("share of rows"), Column("mean probability"), Column("n")]
    else:
        heads = [Column("mean"), Column("least"), Column("greatest"), Column("n")]
    return [*(Column(axis) for axis in axes), *heads], rows


def _table_of_sites(
    spec: TableSpec, results: Results, unit: str
) -> tuple[list[Column], list[tuple[Value, ...]]]:
    relation, _ = results.plan.view(spec.of)
    axes = list(relation.axes)
    rows: list[tuple[Value, ...]] = []
    for record in long(results, spec.of).records:
        component = Verbatim(record["component"])
        rows.append((*(str(record.get(axis, "–")) for axis in axes), component, record["score"]))
    return [*(Column(axis) for axis in axes), Column("component"), Column("score", unit)], rows


def _list(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def _methods(results: Results) -> MethodView:
    nodes = results.plan.nodes
    by_step: dict[str, list[Node]] = {}
    for node in nodes:
        if not node.step.startswith("check/"):
            by_step.setdefault(node.step, []).append(node)
    models = [_model(node, results) for node in nodes if types.Model in node.types]
    prompts = [_prompt(node, results) for node in nodes if node.kind.name == "prompts"]
    estimated = any(types.Estimate in node.types for node in nodes)
    return MethodView(
        models=tuple(models),
        prompts=tuple(prompts),
        tokens=tuple(_token_sets(nodes)),
        steps=tuple(_step(name, members, results) for name, members in by_step.items()),
        bootstrap=_BOOTSTRAP if estimated else "",
    )


_BOOTSTRAP = (
    "Intervals are 95 % percentile intervals of 2,000 bootstrap draws of the unit of resampling (the row key "
    "unless the data set names another). The draws follow from the identity of the rows, so that statistics "
    "of one row set stay paired when they are subtracted or divided."
)


def _model(node: Node, results: Results) -> ModelView:
    model = results.open(node)
    return ModelView(node.step, model.title, model.world, model.dtype, results.state.digests[node])


def _prompt(node: Node, results: Results) -> PromptView:
    prompts = results.open(node)
    template = {role: text for role in _ROLES if (text := getattr(node.spec, role)) is not None}
    return PromptView(node.step, node.labels, template, prompts.columns["text"][0], len(prompts))


def _token_sets(nodes: Sequence[Node]) -> list[TokenSetView]:
    """Every token set of every step, under the labels that tell it from others of its step."""
    found: dict[str, dict[tuple[tuple[str, ...], tuple[str, ...]], list[dict[str, str]]]] = {}
    for node in nodes:
        tokens = getattr(node.spec, "tokens", None)
        if tokens is not None and not node.step.startswith("check/"):
            sides = (tuple(tokens.plus), tuple(tokens.minus))
            found.setdefault(node.step, {}).setdefault(sides, []).append(node.labels)
    views: list[TokenSetView] = []
    for step, sets in found.items():
        for (plus, minus), cells in sets.items():
            own = {
                axis: label for axis, label in cells[0].items() if all(c.get(axis) == label for c in cells)
            }
            others = [c for sides, several in sets.items() if sides != (plus, minus) for c in several]
            telling = [label for axis, label in own.items() if any(c.get(axis) != label for c in others)]
            views.append(TokenSetView(step, " · ".join(telling), plus, minus))
    return views


def _step(name: str, nodes: Sequence[Node], results: Results) -> StepView:
    kind = nodes[0].kind
    said = sections(kind.documentation)
    spec = results.plan.spec
    written = spec.model if name == "model" else spec.steps.get(name, {})
    fields = {} if isinstance(written, str) else {f: _line(v) for f, v in written.items() if f != "kind"}
    return StepView(
        name,
        kind.name,
        kind.verb,
        said.get("What it does", ""),
        said.get("What it cannot show", ""),
        fields,
        len(nodes),
    )


def _line(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _provenance(node: Node, results: Results) -> ProvenanceRow:
    return ProvenanceRow(
        node.step, node.labels, node.kind.name, results.state.keys[node], results.state.digests[node]
    )
