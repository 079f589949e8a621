"""The mean of every row over pooled cells.

What it does
    Averages repeats: over the seeds, paraphrases, authors or other axes named in `pool`, per row.

What it cannot show
    How much the repeats disagree beyond the column `sd`; a row with fewer `ok` repeats than others is
    averaged over those it has, and weighs as much.

Inputs and output
    `of`: Tables over one row set. A Table with the columns `repeats` (how many were `ok`) and `sd` (between
    them, divisor n − 1; null for fewer than two). A row without an `ok` repeat has the status of the first.

Reference
    GRAMMAR §4: repeats under pooled axes are averaged first; rows then weigh equally.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref

if TYPE_CHECKING:
    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.artifacts.table import Table
    from ws_dsl.steps.cell import Cell, Context


class Average(Kind[types.Table]):
    """The mean of every row over pooled cells."""

    restricted: ClassVar[bool] = True

    of: Ref[types.Table]


version = 1


def run(cells: Sequence[Cell[Average]], context: Context) -> Iterator[tuple[Cell[Average], Artifact]]:
    for cell in cells:
        yield cell, average(cell).to_artifact()


def average(cell: Cell[Average]) -> Table:
    """Mean, number and standard deviation of the repeats of every row."""
    from ws_dsl.steps.analyse import _statistics as statistics
    from ws_dsl.steps.analyse._contrast import table
    from ws_dsl.steps.analyse._observations import observe, restriction

    observed = observe(cell.inputs["of"], restriction(cell.inputs.get("rows", [])))
    flat = observed.flat()
    columns = {"repeats": statistics.count(flat), "sd": statistics.sd(flat)}
    return table(
        observed.keys, observed.ids, observed.per_row(), observed.row_status(), observed.notes, **columns
    )
