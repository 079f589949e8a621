"""What a study's page says, as plain values: no results are computed and nothing is formatted here.

Text is as the user wrote it (prompts, claims, labels) or as a model completed it; `page` escapes all of it.
Nothing here may hold times, costs or facts about a machine, so that a rerun writes the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ws_dsl.report.account import ArtifactView, MethodView
from ws_dsl.report.quantity import Quantity, Reading

Verdict: TypeAlias = Literal["supported", "refuted", "undecided"]
Outcome: TypeAlias = Literal["passed", "failed", "warned"]


@dataclass(frozen=True)
class Case:
    """One branch of a decision rule.

    Attributes:
        when: Conditions as written, such as `n: all_median_ge 0.5`; empty for `otherwise`.
        verdict: What it decides.
        claim: What it then says.
    """

    when: tuple[str, ...]
    verdict: Verdict
    claim: str


@dataclass(frozen=True)
class VerdictView:
    """The outcome of one rule.

    Attributes:
        rule: Name of the rule.
        cases: All branches in order, `otherwise` last.
        taken: Index in `cases` of the branch that decided.
        readings: Everything the rule reads.
        registered: ISO date on which the rule was locked before its first result; None prints *post hoc*.
    """

    rule: str
    cases: tuple[Case, ...]
    taken: int
    readings: tuple[Reading, ...]
    registered: str | None

    @property
    def verdict(self) -> Verdict:
        return self.cases[self.taken].verdict

    @property
    def claim(self) -> str:
        return self.cases[self.taken].claim


@dataclass(frozen=True)
class CheckView:
    """The outcome of one check.

    Attributes:
        name: Its name in the study, or the built-in check's own, such as `same_rows`.
        statement: What must hold, in words.
        outcome: Whether it did; `warned` where it did not and its severity is `warn`.
        detail: The numbers or labels it saw.
        key: Key of its finding.
    """

    name: str
    statement: str
    outcome: Outcome
    detail: str
    key: str = ""


@dataclass(frozen=True)
class FigureView:
    """A drawn figure.

    Attributes:
        name: File stem, unique in the study: `[a-z0-9_-]+`.
        title: Heading above it.
        alt: Text for those who cannot see it.
        caption: What is shown, over which rows, with units and n.
        svg: Bytes from `figures.draw`.
        data: The CSV behind it, from `frame.csv`.
        steps: Steps whose artifacts hold what is drawn.
    """

    name: str
    title: str
    alt: str
    caption: str
    svg: bytes
    data: bytes
    steps: tuple[str, ...] = ()


class Verbatim(str):
    """Text whose spaces and marks count, such as a token; prints as code."""

    __slots__ = ()


Value: TypeAlias = "Quantity | Verbatim | str | float | int | bool | None"


@dataclass(frozen=True)
class Column:
    """Head of a table's column.

    Attributes:
        name: What it holds: an axis, a label of one, or a statistic.
        unit: Unit of its numbers; empty where there is none.
    """

    name: str
    unit: str = ""


@dataclass(frozen=True)
class TableView:
    """A table of results.

    Attributes:
        name: File stem of its CSV, unique in the study.
        title: Heading above it.
        caption: What the numbers are; may be empty.
        columns: Heads, as many as every row has values.
        rows: Values; a `Quantity` prints with its interval, None as a dash.
        data: The CSV behind it, in full precision.
        steps: Steps whose artifacts hold the numbers.
        notes: What must be known of its numbers, such as the denominators of ratios.
    """

    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    data: bytes
    steps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class StudyPage:
    """A study's page.

    Attributes:
        id: The study's id, also the name of its folder.
        question: The question, which is the title.
        verdicts: Outcomes of the rules, in the study's order.
        checks: Outcomes of all checks, those of the study first.
        headline: Figures of the first screen.
        figures: The other figures.
        tables: Tables.
        methods: How the results were made.
        provenance: Artifacts behind the page, in the order of the plan.
        command: The exact command that makes the page.
        source: Path of the study's file from the project root.
        notes: What a reader must know before the numbers: unavailable cells, excluded rows, flags.
    """

    id: str
    question: str
    verdicts: tuple[VerdictView, ...]
    checks: tuple[CheckView, ...]
    headline: tuple[FigureView, ...]
    figures: tuple[FigureView, ...]
    tables: tuple[TableView, ...]
    methods: MethodView
    provenance: tuple[ArtifactView, ...]
    command: str
    source: str
    notes: tuple[str, ...] = ()
