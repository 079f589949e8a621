"""What a study's page says, as plain values: no results are computed and nothing is formatted here.

Text is as the user wrote it (prompts, claims, labels) or as a model completed it; `page` escapes all of it.
Nothing here may hold times, costs or facts about a machine, so that a rerun writes the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["supported", "refuted", "undecided"]
Outcome: TypeAlias = Literal["passed", "failed", "warned"]
Labels: TypeAlias = Mapping[str, str]
"""Label by axis, in the order of the axes; empty for a step without axes."""


@dataclass(frozen=True)
class Quantity:
    """One statistic with its interval.

    Attributes:
        statistic: Its name, such as `median`.
        value: The point estimate, or None where it is undefined.
        low: Lower end of the 95 % interval, or None.
        high: Upper end, or None.
        n: Rows it rests on, or None where it rests on none.
        reason: Why it is undefined; empty otherwise.
        key: Key of the artifact that holds it; empty for derived numbers.
    """

    statistic: str
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    reason: str = ""
    key: str = ""


@dataclass(frozen=True)
class Reading:
    """What a rule reads under one name: the same statistic in one or more cells.

    Attributes:
        name: The name in the rule's `read`, such as `n`.
        reference: The reference as written, such as `share[site=neuron]`.
        unit: Unit of the values, such as `share` or `logits`; empty where there is none.
        cells: Labels and statistics of every cell read, in the order of the plan.
    """

    name: str
    reference: str
    unit: str
    cells: tuple[tuple[Labels, Quantity], ...]


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
    """

    name: str
    statement: str
    outcome: Outcome
    detail: str


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
    """

    name: str
    title: str
    alt: str
    caption: str
    svg: bytes
    data: bytes


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
    """

    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    data: bytes


@dataclass(frozen=True)
class ModelView:
    """A checkpoint that the study ran.

    Attributes:
        step: Name of its step, such as `model`.
        title: A human's name for it.
        world: Whose facts it knows, `organism` or `real`.
        dtype: Precision, such as `float32`.
        digest: Digest of its artifact.
    """

    step: str
    title: str
    world: str
    dtype: str
    digest: str


@dataclass(frozen=True)
class PromptView:
    """One template, and its first row as the model saw it.

    Attributes:
        step: Name of the `prompts` step.
        labels: The cell.
        template: Text by role as written, in order: `system`, `user`, `assistant`, …
        example: First row after rendering, chat template included.
        rows: Rows rendered.
    """

    step: str
    labels: Labels
    template: Mapping[str, str]
    example: str
    rows: int


@dataclass(frozen=True)
class TokenSetView:
    """Tokens whose probability is read as an answer.

    Attributes:
        step: Name of the measuring step.
        label: Name of the set; empty where there is one only.
        plus: Token strings that count for, spaces included.
        minus: Token strings that count against.
    """

    step: str
    label: str
    plus: tuple[str, ...]
    minus: tuple[str, ...]


@dataclass(frozen=True)
class StepView:
    """One step, told from its spec and from the documentation of its kind.

    Attributes:
        name: Its name in the study.
        kind: Its kind.
        verb: Folder of the kind: `data`, `extract`, `intervene`, `measure`, `analyse`, …
        does: First paragraph of the kind's *What it does*.
        cannot_show: First paragraph of the kind's *What it cannot show*.
        fields: Fields as written in the study, values as one line of YAML.
        cells: Number of cells.
    """

    name: str
    kind: str
    verb: str
    does: str
    cannot_show: str
    fields: Mapping[str, str]
    cells: int


@dataclass(frozen=True)
class MethodView:
    """How the results were made.

    Attributes:
        models: Checkpoints.
        prompts: Templates.
        tokens: Readout tokens.
        steps: Every step, in the order of the plan.
        bootstrap: How intervals were made: draws, unit, seed; empty where there are none.
    """

    models: tuple[ModelView, ...]
    prompts: tuple[PromptView, ...]
    tokens: tuple[TokenSetView, ...]
    steps: tuple[StepView, ...]
    bootstrap: str


@dataclass(frozen=True)
class ProvenanceRow:
    """One artifact.

    Attributes:
        step: Name of its step.
        labels: The cell.
        kind: Kind that made it.
        key: SHA-256 in hex of what it is made from.
        digest: SHA-256 in hex of its bytes.
    """

    step: str
    labels: Labels
    kind: str
    key: str
    digest: str


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
    provenance: tuple[ProvenanceRow, ...]
    command: str
    source: str
    notes: tuple[str, ...] = field(default_factory=tuple)
