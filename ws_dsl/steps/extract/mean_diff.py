"""The direction from the mean of one side to the mean of the other.

What it does
    Subtracts the mean state of the minus side from that of the plus side, over the same rows. Repeats along
    pooled axes are averaged per row first.

What it cannot show
    That the difference is one of a concept: everything that differs between the sides is in it, such as
    their wording, their length, or an answer's letter.

Inputs and output
    `plus`, `minus`: States over the same rows, at one place; `rows` restricts both. Gives Vectors: one
    vector, not normalised, with the mean norm of the states there.

Reference
    Difference in means: Marks and Tegmark, The Geometry of Truth, 2023; Rimsky et al., Steering Llama 2 via
    Contrastive Activation Addition, 2023.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.extract._contrast import Contrasting, contrast


class MeanDiff(Contrasting):
    """Mean of the plus side minus mean of the minus side."""


version = 1


def run(cells: Sequence[Cell[MeanDiff]], context: Context) -> Iterator[tuple[Cell[MeanDiff], Artifact]]:
    for cell in cells:
        sides = contrast(cell)
        values = (sides.plus.mean(0) - sides.minus.mean(0))[None].astype("float32")
        notes = {"rows": len(sides.plus)}
        yield (
            cell,
            Vectors(
                values,
                sides.site,
                sides.at,
                "mean_diff",
                sides.mean_norm,
                sides.model,
                [""],
                [sides.made_on],
                dict(notes),
            ).to_artifact(),
        )
