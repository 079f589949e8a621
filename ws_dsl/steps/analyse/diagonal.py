"""The mean of every row where the labels of several axes agree: a model that rates itself.

What it does
    Of cells along two axes or more, takes those that have the same label on all of them, and averages them
    per row.

What it cannot show
    Whether agreement is what matters: labels differ in more than that. `off_diagonal` holds the same labels
    in other pairs; their difference leaves out what belongs to a label on one axis alone only where every
    label is there as often.

Inputs and output
    `of`: Tables over one row set; `axes`: the axes, which disappear. Gives a Table with the columns `repeats`
    and `sd`, as `average` does.

Reference
    The diagonal of a round-robin design: Kenny, Interpersonal Perception (1994).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ws_dsl.steps.analyse._diagonal import OfSquare, averaged, on_diagonal

if TYPE_CHECKING:
    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.steps.cell import Cell, Context


class Diagonal(OfSquare):
    """Cells whose labels agree."""


version = 1


def run(cells: Sequence[Cell[Diagonal]], context: Context) -> Iterator[tuple[Cell[Diagonal], Artifact]]:
    for cell in cells:
        chosen = [one for one in cell.inputs["of"] if on_diagonal(one, cell.spec.axes)]
        yield cell, averaged(cell, chosen, "on").to_artifact()
