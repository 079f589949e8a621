"""The direction from the mean of one side to the mean of the other.

What it does
    Subtracts the mean state of the minus side from that of the plus side, over the same rows. Repeats along
    pooled axes are averaged per row first. The sides may be two models of one tokenizer and width, or two
    arms, over one set of prompts: what was trained into the one is then read off the other.

What it cannot show
    That the difference is one of a concept: everything that differs between the sides is in it, such as their
    wording, their length, or an answer's letter.

Inputs and output
    `plus`, `minus`: States over the same rows, at one place; `rows` restricts both. Gives Vectors: one
    vector, not normalised, with the mean norm of the states there. It is of the model of `minus`, the base;
    the notes name model and arm of both sides where they differ.

Reference
    Difference in means: Marks and Tegmark, The Geometry of Truth, 2023; Rimsky et al., Steering Llama 2 via
    Contrastive Activation Addition, 2023.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.extract._contrast import Contrasting, contrast
from ws_dsl.steps.extract._stacked import mean


class MeanDiff(Contrasting):
    """Mean of the plus side minus mean of the minus side."""


version = 1


def run(cells: Sequence[Cell[MeanDiff]], context: Context) -> Iterator[tuple[Cell[MeanDiff], Artifact]]:
    for cell in cells:
        sides = contrast(cell)
        direction = mean(sides.plus.blocks()) - mean(sides.minus.blocks())
        yield cell, sides.vectors(direction, "mean_diff").to_artifact()
