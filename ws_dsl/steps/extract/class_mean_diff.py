"""The direction from the mean of one class of single prompts to the mean of the other.

What it does
    Subtracts the mean state of the rows with the smaller of two labels from that of the rows with the larger
    one. The rows are not paired, and the classes may be of unequal size. Repeats along pooled axes are
    averaged per row first.

What it cannot show
    That the label is what the classes differ in: whatever goes along with it in these rows, such as topic or
    length, is in the difference too. Where the same row can be had both ways, `mean_diff` takes such things
    out.

Inputs and output
    `states`: States at one place, of single prompts; `label`: a Table with two values, or such a column of
    Rows (`claims.label`); rows of which it is not `ok` are left out. `rows` restricts both. Gives Vectors:
    one vector, not normalised, with the mean norm of the states there; the notes have the size of both
    classes.

Reference
    Difference in means, as of two groups: Marks and Tegmark, The Geometry of Truth, 2023.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.extract._labelled import classes, labelled
from ws_dsl.steps.extract._stacked import mean


class ClassMeanDiff(Kind[types.Vectors]):
    """Mean of one class minus mean of the other."""

    restricted = True

    states: Ref[types.States]
    label: Ref[types.Table]


version = 1


def run(
    cells: Sequence[Cell[ClassMeanDiff]], context: Context
) -> Iterator[tuple[Cell[ClassMeanDiff], Artifact]]:
    for cell in cells:
        found = labelled(cell, "label")
        two = classes(found)
        plus, minus = (mean(found.states.blocks(found.rows[side])) for side in (two.plus, ~two.plus))
        yield cell, found.vectors(plus - minus, "class_mean_diff", **two.counts).to_artifact()
