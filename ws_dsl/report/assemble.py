"""From a run to the content of its page."""

from __future__ import annotations

from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.plan.node import Node
from ws_dsl.plan.plan import Plan
from ws_dsl.report import figures
from ws_dsl.report.content import Case, CheckView, FigureView, StudyPage, VerdictView
from ws_dsl.report.flags import flags
from ws_dsl.report.frame import csv
from ws_dsl.report.frames import Results, figure_frame, steps_of, units_of
from ws_dsl.report.methods import methods
from ws_dsl.report.provenance import provenance
from ws_dsl.report.quantity import Quantity, Reading
from ws_dsl.report.tables import table
from ws_dsl.run.outcome import CheckOutcome, Decision
from ws_dsl.specs.study import Figure


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
    told = methods(results)
    return StudyPage(
        id=plan.spec.id,
        question=plan.spec.question,
        verdicts=tuple(_verdict(decision, results, registered) for decision in decisions),
        checks=tuple(_check(check, plan, results) for check in checks),
        headline=tuple(drawn[:1]),
        figures=tuple(drawn[1:]),
        tables=tuple(table(name, stems[name], spec, results) for name, spec in report.tables.items()),
        methods=told,
        provenance=provenance(results),
        command=f"ws-dsl run {source}",
        source=source,
        notes=flags(results),
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
        units = {_unit(reading.node, wanted, results) for reading in decision.readings[name]}
        readings.append(Reading(name, reference, units.pop() if len(units) == 1 else "", cells))
    return VerdictView(decision.name, tuple(cases), decision.taken, tuple(readings), registered)


def _unit(node: Node, statistics: set[str], results: Results) -> str:
    """The unit that all these statistics of a cell have; empty where they differ."""
    estimate: Estimate = results.open(node)
    units = units_of(estimate, sorted(statistics))
    found = {units.get(name, "") for name in statistics}
    return found.pop() if len(found) == 1 else ""


def _statistics_read(decision: Decision, name: str) -> set[str]:
    found = {
        c.statistic or "value"
        for case in decision.rule.first
        for read, c, _ in case.conditions()
        if read == name
    }
    parts = (".low", ".high", ".sd", ".n")
    return {s.rpartition(".")[0] if s.endswith(parts) else s for s in found} | found


def _quantity(statistic: str, stat: Stat, key: str) -> Quantity:
    return Quantity(statistic, stat.value, stat.low, stat.high, stat.n, stat.reason, key)


def _check(check: CheckOutcome, plan: Plan, results: Results) -> CheckView:
    detail = check.finding.detail
    if check.broken:
        shown = list(dict.fromkeys(check.broken))
        more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
        detail += f" — broken by {', '.join(shown[:3])}{more}"
    (node,) = (step.node for step in plan.checks if step.name == check.name)
    key = results.state.keys[node]
    return CheckView(check.name, check.finding.statement, check.outcome, detail, key)  # pyright: ignore[reportArgumentType]


def _figure(name: str, figure: Figure, results: Results) -> FigureView:
    frame, roles = figure_frame(figure, results)
    title = figure.title or name.replace("_", " ").capitalize()
    drawn = figures.draw(figure.kind, frame, roles, alt=figure.alt, title=title)
    caption = figures.caption(figure.kind, frame, roles)
    return FigureView(
        name.replace("_", "-"), title, figure.alt, caption, drawn, csv(frame), steps_of(figure, results.plan)
    )
