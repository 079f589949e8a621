"""The direction along which a linear regression reads a score.

What it does
    Fits a score that is linear in the state of a row, with a penalty on the square of the weights, and gives
    the weights as a direction that points to higher scores. States are centred and divided by one number, the
    root mean square of all their entries' deviations, so that the penalty means the same at every layer.
    Repeats along pooled axes are averaged per row first.

What it cannot show
    How well it reads the score of others: R² in the notes is that on the rows it was fitted to, and with more
    entries than rows it is high for any score. Score the vector on other rows with `cosine` and
    `correlation`.

Inputs and output
    `states`: States at one place, of single prompts; `score`: a Table, or a column of Rows with numbers
    (`tasks.utility`); rows of which it is not `ok` are left out. `rows` restricts both. `alpha`: weight of
    the squared norm of the weights beside the summed squared error; larger gives a direction nearer to the
    covariance of states and score. Gives Vectors: one vector of norm 1, with the mean norm of the states
    there; the notes have R² in training, the change of the score per unit of activation along the vector, and
    the intercept.

Reference
    Hoerl and Kennard, Ridge regression, 1970; fitted in float64 by scikit-learn's `Ridge`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.extract._labelled import Labelled, labelled


class RidgeDirection(Kind[types.Vectors]):
    """Weights of a ridge regression on a score."""

    restricted = True

    states: Ref[types.States]
    score: Ref[types.Table]
    alpha: Annotated[float, Field(gt=0)] = 1.0


version = 1


def run(
    cells: Sequence[Cell[RidgeDirection]], context: Context
) -> Iterator[tuple[Cell[RidgeDirection], Artifact]]:
    for cell in cells:
        yield cell, _direction(labelled(cell, "score"), cell.spec.alpha).to_artifact()


def _direction(found: Labelled, alpha: float) -> Vectors:
    import numpy as np
    from sklearn.linear_model import Ridge

    if len(found.rows) < 2 or not np.ptp(found.numbers):
        raise MeasurementError("a score that does not vary over rows has no direction")
    values, centre, scale = found.scaled()
    fitted: Any = Ridge(alpha=alpha, solver="cholesky").fit(values, found.numbers)
    weights = fitted.coef_ / scale
    length = float(np.linalg.norm(weights))
    if length == 0:
        raise MeasurementError("the score does not go along with the states at all: it has no direction")
    return found.vectors(
        weights / length,
        "ridge_direction",
        alpha=alpha,
        r_squared=float(fitted.score(values, found.numbers)),
        slope=length,
        intercept=float(fitted.intercept_ - weights @ centre),
    )
