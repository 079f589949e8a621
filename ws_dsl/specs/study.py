"""The outside of a study: everything but the fields of its steps."""

from __future__ import annotations

import difflib
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ws_dsl.errors import Place, Problem, SpecError
from ws_dsl.specs.condition import Condition, parse_condition
from ws_dsl.specs.document import Document, Path_, subject

Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Text = Annotated[str, Field(min_length=1)]


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

    when: dict[Name, dict[str, float | int | str | bool]]
    verdict: Text
    claim: Text

    @field_validator("when")
    @classmethod
    def _conditions(cls, when: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for conditions in when.values():
            for name in conditions:
                parse_condition(name)
        return when

    def conditions(self) -> list[tuple[str, Condition, Any]]:
        """Each condition as (what is read, condition, number)."""
        return [(name, parse_condition(text), value) for name, c in self.when.items() for text, value in c.items()]


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
    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    question: Text
    model: dict[str, Any] | Text
    steps: dict[Name, dict[str, Any] | Text]
    registered: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    checks: dict[Name, dict[str, Any]] = {}
    rules: dict[Name, Rule] = {}
    report: Report = Report()


def validate(document: Document) -> StudySpec:
    """Checks the outside of a study.

    Raises:
        SpecError: with every mistake and its place.
    """
    try:
        return StudySpec.model_validate(document.data)
    except ValidationError as error:
        raise SpecError(problems(error, document, (), StudySpec)) from None


def problems(error: ValidationError, document: Document, at: Path_, model: type[BaseModel] | None) -> list[Problem]:
    """A pydantic error as problems with places.

    Args:
        error: What pydantic found.
        document: Where the values were written.
        at: Path of the validated mapping.
        model: Its class, for the fields that exist.
    """
    found: dict[tuple[Path_, str], Problem] = {}
    for item in error.errors(include_url=False, include_input=True):
        path = (*at, *_written(item["loc"], document, at))
        code, message = _message(item, model, len(path) - len(at) <= 1)
        key = (path, code)
        if key not in found:
            found[key] = Problem(document.place(path), code, subject(path), message)
    return list(found.values())


def _written(loc: tuple[str | int, ...], document: Document, at: Path_) -> Path_:
    """Drops the union tags that pydantic puts between the parts of a path."""
    value: Any = document.data
    for part in at:
        value = value.get(part) if isinstance(value, dict) else value
    path: list[str | int] = []
    for index, part in enumerate(loc):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        elif index < len(loc) - 1 or re.search(r"[\[\]() -]", str(part)) or part in ("str", "int", "float", "bool"):
            continue
        path.append(part)
    return tuple(path)


_FRIENDLY = {
    "missing": "missing-field",
    "extra_forbidden": "unknown-field",
    "literal_error": "not-allowed",
    "string_pattern_mismatch": "bad-text",
}


def _message(item: Any, model: type[BaseModel] | None, top: bool) -> tuple[str, str]:
    kind = item["type"]
    code = _FRIENDLY.get(kind, "wrong-value")
    fields = sorted(f.alias or n for n, f in model.model_fields.items()) if model and top else []
    name = str(item["loc"][-1])
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(name, fields, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        listing = f"\nfields: {', '.join(fields)}" if fields else ""
        return code, f"there is no field {name!r} here.{hint}{listing}"
    if kind == "missing":
        listing = f"\nfields: {', '.join(fields)}" if fields else ""
        return code, f"{name!r} is required{listing}"
    message = item["msg"].removeprefix("Value error, ")
    got = item["input"]
    shown = repr(got) if isinstance(got, (str, int, float, bool, type(None))) else type(got).__name__
    return code, f"{message[0].lower()}{message[1:]} (got {shown})"


def place_of_id(document: Document) -> Place:
    """Where a study says its id."""
    return document.place(("id",))
