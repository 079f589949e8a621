"""A weight difference added to the model's weights.

What it does
    Runs every row under W + `coeff` ΔW at every matrix that the difference has. The model's own weights are
    not edited: the change is computed beside them from the factors of ΔW, in float32, so that any number of
    coefficients and differences can be measured on one loaded model. A coefficient of 0 is `none`.

What it cannot show
    That coefficients of two differences are equally strong: a difference twice as long moves twice as much
    at 1. Compare at strengths that `calibrate` found, and beside `random_delta`.

Inputs and output
    `delta`: Delta; `coeff`: how often it is added, negative to go the other way; `scale`: a calibrated Arm of
    the same difference, whose coefficient is then the unit of `coeff`. Gives an Arm of the model that the
    difference was made for.

Reference
    Task arithmetic: Ilharco et al., Editing Models with Task Arithmetic, 2023.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ws_dsl.artifacts.arm import Added, Arm
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.delta import Delta
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref
from ws_dsl.steps.cell import Cell, Context


class AddWeights(Kind[types.Arm]):
    """A weight difference at a coefficient."""

    delta: Ref[types.Delta]
    coeff: float = 1.0
    scale: Ref[types.Arm] | None = None

    @classmethod
    def changes_nothing(cls, spec: Any) -> bool:
        return spec.coeff == 0


version = 1


def run(cells: Sequence[Cell[AddWeights]], context: Context) -> Iterator[tuple[Cell[AddWeights], Artifact]]:
    """Writes down what is to be added; no pass through the model."""
    for cell in cells:
        delta: Delta = cell.open("delta")
        scale = cell.get("scale")
        coeff = cell.spec.coeff * (_unit(scale.open()) if scale else 1.0)
        yield (
            cell,
            Arm([], delta.model, delta.made_on, [Added(delta.parts, coeff, delta.digest)]).to_artifact(),
        )


def _unit(arm: Arm) -> float:
    """The coefficient of a calibrated arm.

    Raises:
        MeasurementError: it is no arm of one weight difference.
    """
    if len(arm.weights) != 1 or arm.changes or arm.system is not None:
        raise MeasurementError("the scale is no arm of one weight difference")
    return arm.weights[0].coeff
