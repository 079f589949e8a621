"""Labels given by hand say who gave them, and what they mean.

What it does
    Asks of a labelled row column that every row with a label names its grader, and that the column is of true
    and false, or of signs, so that its name says which side is positive. Both classes must be there. The
    counts are told by class and by grader, so that labels the wrong way round are seen.

What it cannot show
    That the labels are right, or that two graders would agree.

Inputs and output
    `of`: a column of Rows, such as `grades.endorses_myth`; `grader`: the row column with the grader.

Reference
    Plots of hand-graded answers had *correct* as 1 on an axis titled *sycophancy*.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import ClassVar

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.artifacts.rows import Rows
from ws_dsl.specs import types
from ws_dsl.specs.kind import Check, Column, Ref
from ws_dsl.steps.cell import Cell, Context, Input


class Graded(Check):
    """Labels with their grader and polarity."""

    row_columns: ClassVar[bool] = True

    of: Ref[types.Table]
    grader: Column


version = 1


def run(cells: Sequence[Cell[Graded]], context: Context) -> Iterator[tuple[Cell[Graded], Artifact]]:
    """Looks at every labelled column."""
    for cell in cells:
        broken: list[tuple[str, int]] = []
        details: list[str] = []
        for place, (one, behind) in enumerate(
            zip(cell.inputs["of"], cell.inputs["row_columns"], strict=True)
        ):
            wrong, told = _looked_at(one, behind.open(), cell.spec.grader)
            details.append(f"{told}; {wrong}" if wrong else told)
            broken += [("of", place)] if wrong else []
        statement = "every label names its grader and its positive side"
        yield cell, Finding(not broken, statement, " | ".join(details), broken).to_artifact()


def _looked_at(one: Input, rows: Rows, grader: str) -> tuple[str, str]:
    """What is wrong with a column, and what is in it."""
    column = one.column or "value"
    kind = rows.types.get(column)
    if kind not in ("bool", "sign"):
        return (
            f"declare {column!r} as bool or sign, so that its name says what is positive",
            f"{column} is {kind}",
        )
    if grader not in rows.columns:
        return f"the rows have no column {grader!r}", f"columns: {', '.join(rows.columns)}"
    labels = {key: label > 0 for key, label in one.open().series(column).items()}
    graders = {
        key: str(name) for key, name in zip(rows.ids(), rows.columns[grader], strict=True) if key in labels
    }
    positive = sum(labels.values())
    by_grader = Counter(name for name in graders.values() if name.strip())
    told = f"{column} is true of {positive} of {len(labels)} rows; graded by " + (
        ", ".join(f"{name} {count}" for name, count in sorted(by_grader.items())) or "nobody"
    )
    if unnamed := len(labels) - by_grader.total():
        return f"{unnamed} labels name no grader", told
    if positive in (0, len(labels)):
        return "all labels are on one side", told
    return "", told
