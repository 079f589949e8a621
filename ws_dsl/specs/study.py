"""The outside of a study: everything but the fields of its steps."""

from __future__ import annotations

import copy
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ws_dsl.errors import Place, Problem, SpecError
from ws_dsl.specs.condition import Condition, parse_condition
from ws_dsl.specs.document import Document, subject
from ws_dsl.specs.mistakes import DATE, KEBAB, NAME, loose, problems

LONGEST_NAME = 64
"""Characters of a name; files and folders of a page are called by it."""

Name = Annotated[str, Field(pattern=NAME, max_length=LONGEST_NAME)]
Text = Annotated[str, Field(min_length=1)]


def _condition(text: str) -> str:
    parse_condition(text)
    return text


ConditionText = Annotated[str, AfterValidator(_condition)]


class Part(BaseModel):
    """Base of all parts of a study: unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Case(Part):
    """One branch of a rule.

    Attributes:
        when: Conditions by the name of what is read; all must hold.
        verdict: `supported`, `refuted`, `undecided`, or a word of one's own.
        claim: The sentence that the report prints.
    """

    when: dict[Name, dict[ConditionText, float]]
    verdict: Text
    claim: Text

    def conditions(self) -> list[tuple[str, Condition, Any]]:
        """Each condition as (what is read, condition, number)."""
        return [
            (name, parse_condition(text), value) for name, c in self.when.items() for text, value in c.items()
        ]


class Otherwise(Part):
    """The branch that is taken when no other holds."""

    verdict: Text
    claim: Text


class Rule(Part):
    """A total decision rule.

    Attributes:
        read: References to Estimates by the name used in the conditions.
        first: Cases in order; the first whose conditions all hold decides.
        otherwise: What is said when none holds.
    """

    read: dict[Name, Text]
    first: list[Case]
    otherwise: Otherwise


class Figure(Part):
    """A figure of the report.

    Attributes:
        kind: How it is drawn.
        of: What is drawn, where one value per item is enough.
        x: An axis, a statistic, a row column, or a reference joined by row.
        y: Likewise.
        colour: What tells the series apart.
        marker: What tells marker shapes apart.
        facet: One or more axes, a panel per label.
        alt: What the figure shows, for those who cannot see it.
        title: A heading; made from `alt` where absent.
    """

    kind: Literal["ecdf", "histogram", "violin", "scatter", "line", "interval", "heatmap"]
    of: Text | None = None
    x: Text | list[Text] | None = None
    y: Text | list[Text] | None = None
    colour: Text | None = None
    marker: Text | None = None
    facet: Text | list[Text] | None = None
    alt: Text
    title: Text | None = None


class TableSpec(Part):
    """A table of the report: cells of `of`, arranged by axes in rows and columns."""

    of: Text
    rows: Text | list[Text] | None = None
    columns: Text | list[Text] | None = None
    title: Text | None = None


class Report(Part):
    """What the page shows beside verdicts and checks."""

    figures: dict[Name, Figure] = {}
    tables: dict[Name, TableSpec] = {}


class StudySpec(Part):
    """A study without the fields of its steps, which the planner reads.

    Attributes:
        ws: Version of the grammar.
        id: Its name, in kebab case: unique among studies, and in the address of its page.
        question: What it asks; the title of its page.
        model: The step of that reserved name.
        steps: Steps by name: a mapping with a kind, or a reference.
        registered: When its rules were fixed.
        checks: Checks by name.
        rules: Decision rules by name.
        report: Figures and tables.
    """

    ws: Literal[1]
    id: Annotated[str, Field(pattern=KEBAB, max_length=LONGEST_NAME)]
    question: Text
    model: dict[str, Any] | Text
    steps: dict[Name, dict[str, Any] | Text]
    registered: Annotated[str, Field(pattern=DATE)] | None = None
    checks: dict[Name, dict[str, Any]] = {}
    rules: dict[Name, Rule] = {}
    report: Report = Report()


class Validated(NamedTuple):
    """The outside of a study as far as it can be read.

    Attributes:
        spec: The study, without the parts that are wrong.
        problems: What is wrong.
        broken: Steps that were left out.
    """

    spec: StudySpec
    problems: list[Problem]
    broken: set[str]


def validate(document: Document) -> Validated:
    """Checks the outside of a study; leaves out what is wrong, so that mistakes in the rest are found too.

    Raises:
        SpecError: so much is wrong that nothing can be planned.
    """
    data, found, broken = document.data, list[Problem](), set[str]()
    try:
        spec = StudySpec.model_validate(data)
    except ValidationError as error:
        found = problems(error, document, StudySpec)
        data, broken = _without(data, error)
        try:
            spec = StudySpec.model_validate(data)
        except ValidationError:
            raise SpecError(found) from None
    for path, message in loose(data, spec):
        found.append(Problem(document.place(path), "wrong-value", subject(path), message))
    return Validated(spec, found, broken)


def _without(data: dict[str, Any], error: ValidationError) -> tuple[dict[str, Any], set[str]]:
    """A study without its wrong parts, and the names of the steps among them."""
    kept = copy.deepcopy(data)
    broken: set[str] = set()
    for item in error.errors(include_url=False):
        loc = item["loc"]
        last = min(len(loc), {"steps": 2, "checks": 2, "rules": 2, "report": 3}.get(str(loc[0]), 1)) - 1
        parent: dict[str, Any] = kept
        for part in map(str, loc[:last]):
            parent = parent[part]
        parent.pop(str(loc[last]), None)
        if loc[0] == "steps" and last == 1:
            broken.add(str(loc[1]))
    return {"ws": 1, "id": "unknown", "question": "unknown", **kept}, broken


def place_of_id(document: Document) -> Place:
    """Where a study says its id."""
    return document.place(("id",))
