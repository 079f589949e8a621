"""Rows are of the same kinds as others.

What it does
    Compares the shares of the values of a row column in some rows with those in others: half of the sum of
    their absolute differences, the total variation distance, which is 0 for equal shares and 1 where no value
    is in both. What was made on rows of some topics and is scored on rows of others is not scored *in
    distribution*.

What it cannot show
    That rows are alike in anything but the column.

Inputs and output
    `of`, `to`: Rows; every cell of the one is compared with every cell of the other that agrees with it on
    the axes that both have. `by`: the row column; `most`: the largest distance, 0.1 by default.

Reference
    Vectors were made on a survey of philosophers and tested on a quiz of politics, which was reported as in
    distribution.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Check, Column, Ref
from ws_dsl.steps.cell import Cell, Context, Input
from ws_dsl.steps.check._cells import partners, shown, told


class InDistribution(Check):
    """Rows of the same mix as others."""

    labelled: ClassVar[bool] = True

    of: Ref[types.Rows]
    to: Ref[types.Rows]
    by: Column
    most: Annotated[float, Field(ge=0, lt=1)] = 0.1


version = 1


def run(
    cells: Sequence[Cell[InDistribution]], context: Context
) -> Iterator[tuple[Cell[InDistribution], Artifact]]:
    """Compares the shares of every pair of row sets."""
    for cell in cells:
        by, others = cell.spec.by, cell.inputs["to"]
        broken: dict[tuple[str, int], None] = {}
        wrong: list[str] = []
        distances: list[float] = []
        for place, one in enumerate(cell.inputs["of"]):
            here = _shares(one, by)
            for other in partners(one, others):
                there = _shares(others[other], by)
                distance = (
                    sum(abs(here.get(value, 0.0) - there.get(value, 0.0)) for value in here | there) / 2
                )
                distances.append(distance)
                if distance > cell.spec.most:
                    alone = ", ".join(sorted(value for value in here if value not in there))
                    wrong.append(
                        f"{shown(tuple(one.labels.items()))}: {distance:.2f}"
                        + (f", with {alone} on one side alone" if alone else "")
                    )
                    broken["of", place] = None
        largest = f"largest distance {max(distances):.2f}" if distances else "no pair agrees on its axes"
        detail = f"{len(distances)} pairs, {largest}" + (f"; {told(wrong)}" if wrong else "")
        statement = f"the rows are of the same mix of {by}, within {cell.spec.most:g}"
        yield cell, Finding(bool(distances) and not wrong, statement, detail, list(broken)).to_artifact()


def _shares(one: Input, by: str) -> dict[str, float]:
    """Share of the rows by value."""
    columns = one.open().columns
    if by not in columns:
        raise MeasurementError(f"no row column {by!r}; the rows have {', '.join(columns)}")
    counts = Counter(map(str, columns[by]))
    total = counts.total()
    return {value: count / total for value, count in counts.items()}
