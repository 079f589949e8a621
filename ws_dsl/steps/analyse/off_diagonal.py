"""The mean of every row where the labels of several axes differ: a model that rates another.

What it does
    Of cells along two axes or more, takes those that have not the same label on all of them, and averages
    them per row.

What it cannot show
    Which pair makes a mean: cells weigh equally. A row that some cells have no value for is averaged over the
    others.

Inputs and output
    `of`: Tables over one row set; `axes`: the axes, which disappear. Gives a Table with the columns `repeats`
    and `sd`, as `average` does.

Reference
    See `diagonal`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ws_dsl.steps.analyse._diagonal import OfSquare, averaged, on_diagonal

if TYPE_CHECKING:
    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.steps.cell import Cell, Context


class OffDiagonal(OfSquare):
    """Cells whose labels differ."""


version = 1


def run(cells: Sequence[Cell[OffDiagonal]], context: Context) -> Iterator[tuple[Cell[OffDiagonal], Artifact]]:
    for cell in cells:
        chosen = [one for one in cell.inputs["of"] if not on_diagonal(one, cell.spec.axes)]
        yield cell, averaged(cell, chosen, "off").to_artifact()
