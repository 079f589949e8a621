"""How numbers, tables and figures of a page are written, each number a link to the artifact that holds it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ws_dsl.report import escape, numbers
from ws_dsl.report.account import ArtifactView
from ws_dsl.report.content import FigureView, TableView, Value, Verbatim
from ws_dsl.report.escape import Written
from ws_dsl.report.quantity import Labels, Quantity, Reading

KEY_LENGTH = 12
_DASH = "–"
_DIGEST_LENGTH = 64


def short(key: str) -> str:
    """The beginning of a key or digest, enough to name it."""
    return key[:KEY_LENGTH]


def stem(step: str) -> str:
    """File stem of a step's page; the names of the planner's own steps hold a slash."""
    return step.replace("/", "--")


def printer(artifacts: Iterable[ArtifactView], folder: str) -> Printer:
    """A printer for pages of one study.

    Args:
        artifacts: Everything that a number can come from.
        folder: Where pages of steps lie, seen from the page that is printed: `artifacts/`, or empty.
    """
    targets: dict[str, str] = {}
    for artifact in artifacts:
        targets.setdefault(artifact.key, f"{folder}{stem(artifact.step)}.md#{short(artifact.key)}")
    return Printer(targets, folder)


@dataclass(frozen=True)
class Printer:
    """Writes Markdown.

    Attributes:
        targets: Address of every artifact by its key.
        folder: Where pages of steps lie.
    """

    targets: Mapping[str, str]
    folder: str

    def quantity(self, quantity: Quantity, digits: int) -> Written:
        """An estimate with its interval; the estimate leads to its artifact."""
        point = escape.text(numbers.point(quantity, digits))
        interval = escape.text(numbers.interval(quantity, digits))
        shown = self._link(point, quantity.key)
        return Written(f"{shown} {interval}" if interval else shown)

    def estimate(self, quantity: Quantity) -> Written:
        """An estimate that stands alone."""
        return self.quantity(quantity, numbers.digits_of([quantity]))

    def reading(self, read: Reading) -> Written:
        """What a rule read, in one line."""
        return Written(numbers.reading(read, self.quantity))

    def code(self, text: str, key: str) -> Written:
        """A name in code that leads to an artifact."""
        return self._link(escape.code(text), key)

    def cell_code(self, text: str, key: str) -> Written:
        """The same in a cell of a table, where a bar would end the cell."""
        return self._link(escape.cell_code(text), key)

    def step(self, step: str) -> Written:
        """The name of a step, as a link to its page."""
        return Written(f"[{escape.cell_code(step)}]({self.folder}{stem(step)}.md)")

    def cell(self, labels: Labels) -> str:
        """Labels of a cell."""
        return numbers.cell(labels)

    def figure(self, figure: FigureView) -> Written:
        """A figure with what is under it."""
        alt, caption = escape.text(figure.alt), escape.text(figure.caption)
        return Written(
            f"![{alt}](figures/{figure.name}.svg)\\\n"
            f"{caption} {self._sources(figure.steps)}[Data (CSV)](data/{figure.name}.csv)"
        )

    def table(self, table: TableView) -> Written:
        """A table with what is under it; n in a column where it differs between rows."""
        columns = list(zip(*table.rows, strict=True)) or [() for _ in table.columns]
        digits = [_digits(values) for values in columns]
        heads = [f"{c.name} ({c.unit})" if c.unit else c.name for c in table.columns]
        aligned = ["---:" if _numeric(values) else "---" for values in columns]
        counts = [_count(row) for row in table.rows]
        common = counts[0] if len(set(counts)) == 1 else None
        by_row = common is None and None not in counts and "n" not in heads
        lines: list[list[str]] = []
        for row, count in zip(table.rows, counts, strict=True):
            own = count if by_row else common
            cells = [self._value(value, d, own) for value, d in zip(row, digits, strict=True)]
            lines.append([*cells, str(count)] if by_row else cells)
        heads, aligned = ([*heads, "n"], [*aligned, "---:"]) if by_row else (heads, aligned)
        body = [_line([escape.text(head) for head in heads]), _line(aligned), *map(_line, lines)]
        said = [escape.text(table.caption), f"n = {common}." if common is not None else ""]
        said += [escape.text(note) for note in table.notes]
        under = " ".join(text for text in said if text)
        sources = self._sources(table.steps)
        return Written("\n".join(body) + f"\n\n{under} {sources}[Data (CSV)](data/{table.name}.csv)")

    def facts(self, facts: Mapping[str, Any]) -> Written:
        """What a manifest says of an artifact, in one line; digests abbreviated."""
        return Written(
            "; ".join(f"{escape.text(name)} {escape.code(_plain(v))}" for name, v in facts.items())
        )

    def fields(self, fields: Mapping[str, Any]) -> Written:
        """Fields as a block of JSON, one a line."""
        lines = (f"  {json.dumps(name)}: {json.dumps(v, ensure_ascii=False)}" for name, v in fields.items())
        return escape.fence("{\n" + ",\n".join(lines) + "\n}", "json")

    def _sources(self, steps: tuple[str, ...]) -> str:
        """Links to the steps that numbers come from, with a space after them."""
        return f"Artifacts: {', '.join(self.step(step) for step in steps)}. " if steps else ""

    def _value(self, value: Value, digits: int, common: int | None) -> str:
        if value is None:
            return _DASH
        if isinstance(value, Quantity):
            shown = self.quantity(value, digits)
            return shown if value.n in (None, common) else f"{shown} n = {value.n}"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, float):
            return numbers.number(value, digits)
        return escape.cell_code(value) if isinstance(value, Verbatim) else escape.text(value)

    def _link(self, shown: Written, key: str) -> Written:
        return Written(f"[{shown}]({self.targets[key]})") if key in self.targets else shown


def _count(row: tuple[Value, ...]) -> int | None:
    """The n that all estimates of a row share, or None."""
    counts = {value.n for value in row if isinstance(value, Quantity)}
    return counts.pop() if len(counts) == 1 else None


def _line(cells: list[str] | list[Written]) -> str:
    return f"| {' | '.join(cells)} |"


def _digits(values: tuple[Value, ...]) -> int:
    plain = [Quantity("", value) for value in values if isinstance(value, float)]
    return numbers.digits_of([*plain, *(value for value in values if isinstance(value, Quantity))])


def _numeric(values: tuple[Value, ...]) -> bool:
    return all(value is None or isinstance(value, (Quantity, int, float)) for value in values)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_plain(one)}" for name, one in value.items())  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str):
        return short(value) if _is_digest(value) else value
    return json.dumps(value)


def _is_digest(value: str) -> bool:
    return len(value) == _DIGEST_LENGTH and not set(value) - set("0123456789abcdef")
