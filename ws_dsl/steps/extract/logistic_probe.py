"""The direction along which a logistic regression tells two classes apart.

What it does
    Fits log-odds that are linear in the state of a row to a label with two values, with a penalty on the
    square of the weights, and gives the weights as a direction that points to the larger label. States are
    centred and divided by one number, the root mean square of all their entries' deviations, so that the
    penalty means the same at every layer. Repeats along pooled axes are averaged per row first.

What it cannot show
    How well it tells others apart: the accuracy in the notes is that on the rows it was fitted to, and with
    more entries than rows it is high for any label. Score the vector on other rows with `cosine` and
    `predictivity`. Nor does a model need to use what a probe can read.

Inputs and output
    `states`: States at one place, of single prompts; `label`: a Table with two values, or such a column of
    Rows (`claims.label`); rows of which it is not `ok` are left out. `rows` restricts both. `penalty`: weight
    λ of half the squared norm of the weights beside the summed loss in nats; larger gives a direction nearer
    to the difference of the class means. Gives Vectors: one vector of norm 1, with the mean norm of the
    states there; the notes have the size of both classes, the accuracy in training, the change of the
    log-odds in nats per unit of activation along the vector, and the intercept.

Reference
    Alain and Bengio, Understanding intermediate layers using linear classifier probes, 2016; fitted in
    float64 by scikit-learn's `LogisticRegression(C=1/λ)`.
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
from ws_dsl.steps.extract._labelled import Labelled, classes, labelled

_STEPS = 10_000


class LogisticProbe(Kind[types.Vectors]):
    """Weights of a penalised logistic regression."""

    restricted = True

    states: Ref[types.States]
    label: Ref[types.Table]
    penalty: Annotated[float, Field(gt=0)] = 1.0


version = 1


def run(
    cells: Sequence[Cell[LogisticProbe]], context: Context
) -> Iterator[tuple[Cell[LogisticProbe], Artifact]]:
    for cell in cells:
        yield cell, _probe(labelled(cell, "label"), cell.spec.penalty).to_artifact()


def _probe(found: Labelled, penalty: float) -> Vectors:
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    two = classes(found)
    values, centre, scale = found.scaled()
    fitted: Any = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=_STEPS).fit(values, two.plus)
    if fitted.n_iter_[0] >= _STEPS:
        raise MeasurementError(
            f"the probe did not settle in {_STEPS:,} steps: raise its penalty of {penalty:g}"
        )
    weights = fitted.coef_[0] / scale
    length = float(np.linalg.norm(weights))
    if length == 0:
        raise MeasurementError(
            "the label does not go along with the states at all: the probe has no direction"
        )
    return found.vectors(
        weights / length,
        "logistic_probe",
        **two.counts,
        penalty=penalty,
        accuracy=float(fitted.score(values, two.plus)),
        slope=length,
        intercept=float(fitted.intercept_[0] - weights @ centre),
    )
