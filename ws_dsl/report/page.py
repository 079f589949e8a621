"""A study's page as Markdown, with its figures and data beside it.

    FOLDER/index.md            verdicts, figures, tables, checks, methods, provenance
    FOLDER/figures/NAME.svg
    FOLDER/data/NAME.csv

The same page always gives the same bytes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from ws_dsl.report import escape, numbers
from ws_dsl.report.content import FigureView, Quantity, StepView, StudyPage, TableView, Value, Verbatim
from ws_dsl.report.escape import Written
from ws_dsl.report.site import templates_folder

_KEY_LENGTH = 12
_DASH = "–"


def render(page: StudyPage) -> str:
    """The Markdown of a study's page."""
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(templates_folder()),
        undefined=StrictUndefined,
        finalize=escape.text,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Callable[..., object]] = {
        "code": escape.code,
        "cell_code": escape.cell_code,
        "fence": escape.fence,
        "prose": escape.prose,
        "front_matter": _front_matter,
        "figure": _figure,
        "table": _table,
        "common_n": _common_n,
        "reading": numbers.reading,
        "estimate": _estimate,
        "labels": numbers.cell,
        "short": _short,
    }
    environment.filters.update(filters)  # pyright: ignore[reportUnknownMemberType]
    template = environment.get_template("study.md.j2")
    return template.render(page=page, counts=_outcomes(page), verbs=_kinds(page))


def write(page: StudyPage, folder: Path) -> Path:
    """Writes the page, its figures and its data; figures and data of an earlier page go.

    Args:
        page: What to write.
        folder: The study's folder under `site/studies`.

    Returns:
        The path of `index.md`.
    """
    text = render(page)
    for name in ("figures", "data"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(parents=True)
    for figure in (*page.headline, *page.figures):
        (folder / "figures" / f"{figure.name}.svg").write_bytes(figure.svg)
        (folder / "data" / f"{figure.name}.csv").write_bytes(figure.data)
    for table in page.tables:
        (folder / "data" / f"{table.name}.csv").write_bytes(table.data)
    index = folder / "index.md"
    index.write_text(text, encoding="utf-8", newline="\n")
    return index


def _front_matter(page: StudyPage) -> Written:
    """What the index of studies shows, one JSON value a line, which is YAML too."""
    facts = {
        "id": page.id,
        "title": page.question,
        "models": [model.title for model in page.methods.models],
        "verdicts": [{"rule": v.rule, "verdict": v.verdict, "claim": v.claim} for v in page.verdicts],
        "checks": _outcomes(page),
        "failed_checks": [check.name for check in page.checks if check.outcome == "failed"],
    }
    return Written("\n".join(f"{name}: {json.dumps(value)}" for name, value in facts.items()))


def _outcomes(page: StudyPage) -> dict[str, int]:
    outcomes = [check.outcome for check in page.checks]
    return {name: outcomes.count(name) for name in ("passed", "failed", "warned")}


def _kinds(page: StudyPage) -> dict[str, dict[str, StepView]]:
    """One step of every kind, by verb and kind, in the order of the plan."""
    verbs: dict[str, dict[str, StepView]] = {}
    for step in page.methods.steps:
        verbs.setdefault(step.verb, {}).setdefault(step.kind, step)
    return verbs


def _estimate(quantity: Quantity) -> str:
    return numbers.estimate(quantity, numbers.digits_of([quantity]))


def _short(key: str) -> str:
    return key[:_KEY_LENGTH]


def _figure(figure: FigureView) -> Written:
    alt, caption = escape.text(figure.alt), escape.text(figure.caption)
    return Written(f"![{alt}](figures/{figure.name}.svg)\\\n{caption} [Data (CSV)](data/{figure.name}.csv)")


def _common_n(table: TableView) -> int | None:
    """The n that all estimates of a table share, or None."""
    counts = {value.n for row in table.rows for value in row if isinstance(value, Quantity)}
    return counts.pop() if len(counts) == 1 else None


def _table(table: TableView) -> Written:
    columns = list(zip(*table.rows, strict=True)) or [() for _ in table.columns]
    digits = [_digits(values) for values in columns]
    aligned = ["---:" if _numeric(values) else "---" for values in columns]
    heads = [f"{c.name} ({c.unit})" if c.unit else c.name for c in table.columns]
    common = _common_n(table)
    lines = [_line([escape.text(head) for head in heads]), _line(aligned)]
    lines += [_line([_shown(v, d, common) for v, d in zip(row, digits, strict=True)]) for row in table.rows]
    return Written("\n".join(lines))


def _line(cells: list[str] | list[Written]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(value: Value, digits: int, common: int | None) -> str:
    if value is None:
        return _DASH
    if isinstance(value, Quantity):
        shown = escape.text(numbers.estimate(value, digits))
        return shown if value.n in (None, common) else f"{shown} n = {value.n}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return numbers.number(value, digits)
    return escape.cell_code(value) if isinstance(value, Verbatim) else escape.text(value)


def _digits(values: tuple[Value, ...]) -> int:
    plain = [Quantity("", value) for value in values if isinstance(value, float)]
    return numbers.digits_of([*plain, *(value for value in values if isinstance(value, Quantity))])


def _numeric(values: tuple[Value, ...]) -> bool:
    return all(value is None or isinstance(value, (Quantity, int, float)) for value in values)
