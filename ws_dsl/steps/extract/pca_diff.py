"""The direction along which the differences between two sides vary, or point, most.

What it does
    Takes the difference of the two states of every row and gives their first principal direction. Not
    centred, it maximises the mean square along it, and mostly follows the mean difference. Centred, the mean
    difference is taken out first: what is left is how the differences differ, which need not point from one
    side to the other.

What it cannot show
    What the direction means. The sign of a principal direction is free: it is set so that the mean difference
    points along it.

Inputs and output
    `plus`, `minus`: States over the same rows, at one place, also of two models or arms as for `mean_diff`;
    `rows` restricts both. `centred`: whether the mean difference is taken out. Gives Vectors: one vector of
    norm 1, of the model of `minus`, with the mean norm of the states there; the notes have the share of the
    sum of squares that it explains.

Reference
    Zou et al., Representation Engineering, 2023; Hotelling, 1933. The computation is a singular value
    decomposition in float64, of more rows than the states are wide after a QR decomposition in blocks (Golub
    and Van Loan, Matrix Computations, §5.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.extract._contrast import Contrast, Contrasting, contrast
from ws_dsl.steps.extract._stacked import mean

if TYPE_CHECKING:
    import numpy as np


class PcaDiff(Contrasting):
    """First principal direction of the differences."""

    centred: bool = False


version = 1


def run(cells: Sequence[Cell[PcaDiff]], context: Context) -> Iterator[tuple[Cell[PcaDiff], Artifact]]:
    for cell in cells:
        yield cell, _principal(contrast(cell), cell.spec.centred).to_artifact()


def _principal(sides: Contrast, centred: bool) -> Vectors:
    import numpy as np

    centre = mean(sides.differences())
    taken = centre if centred else np.zeros_like(centre)
    _, lengths, directions = np.linalg.svd(
        _triangle(block - taken for block in sides.differences()), full_matrices=False
    )
    squares = lengths**2
    if len(sides.minus.ids) < 2 or squares.sum() == 0:
        raise MeasurementError("a principal direction needs two rows that differ")
    first = directions[0] * (-1.0 if directions[0] @ centre < 0 else 1.0)
    method = "pca_diff_centred" if centred else "pca_diff"
    return sides.vectors(first, method, explained=float(squares[0] / squares.sum()))


def _triangle(read: Iterable[np.ndarray]) -> np.ndarray:
    """A matrix with the singular values and right singular vectors of all rows, and few rows."""
    import numpy as np

    held: list[np.ndarray] = []
    for block in read:
        held.append(block)
        if sum(map(len, held)) > 2 * block.shape[1]:
            held = [np.asarray(np.linalg.qr(np.concatenate(held), mode="r"))]
    return np.concatenate(held)
