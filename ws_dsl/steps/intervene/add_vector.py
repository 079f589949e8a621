"""A vector added to the activations at its place.

What it does
    Adds `coeff` times a vector at the site that it was made at, at the tokens that are named. In units of
    `mean_norm`, a coefficient of 1 adds as much as an activation there is long on average, whatever the
    vector's own norm; `raw` adds the vector as it is, times the coefficient.

What it cannot show
    That the model uses the direction: a large enough push in any direction changes what it says. Compare with
    `random_vectors`, with the opposite sign, and with what the push does to text that has nothing to do with
    it.

Inputs and output
    `vector`: Vectors, one of them; `coeff`: how much, and which way; `unit`: `mean_norm` or `raw`. `at`:
    `last`, `prompt_last`, `reply_first`, `reply_last`, `reply`, `all`, an index (negative from the end),
    `{token: " Paris"}`, or a list of these; or, instead, `during`: all tokens of the `prompt`, all
    `generated` ones, or `both`. `model`: the one that is steered; a vector of another model of the same width
    may be tried on it. Gives an Arm.

Reference
    Turner et al., Activation Addition, 2023; Rimsky et al., Steering Llama 2 via Contrastive Activation
    Addition, 2023.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from ws_dsl.artifacts.arm import Arm
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.errors import MeasurementError
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.intervene._vectors import AlongVector, change, fits, opened


class AddVector(AlongVector):
    """A vector added at a coefficient."""

    coeff: float = 1.0
    unit: Literal["mean_norm", "raw"] = "mean_norm"

    @classmethod
    def changes_nothing(cls, spec: Any) -> bool:
        return spec.coeff == 0


version = 1


def run(cells: Sequence[Cell[AddVector]], context: Context) -> Iterator[tuple[Cell[AddVector], Artifact]]:
    """Writes down what is to be added; no pass through the model."""
    import numpy as np

    for cell in cells:
        spec, vector, model = cell.spec, opened(cell.one("vector")), cell.one("model")
        fits(vector, [vector.site], model, context)
        if spec.unit == "mean_norm" and not vector.norms()[0]:
            raise MeasurementError("a vector of zeros has no direction; `unit: raw` adds it as it is")
        if spec.unit == "mean_norm" and not vector.mean_norm:
            raise MeasurementError(
                f"how long activations are at {vector.site} is not known, so that there is no unit: give "
                f"`{vector.method}` States there, or say `unit: raw`"
            )
        along = vector.units() * vector.mean_norm if spec.unit == "mean_norm" else vector.values
        with np.errstate(over="ignore"):
            values = (spec.coeff * along.astype(np.float64)).astype(np.float32)
        if not np.isfinite(values).all():
            raise MeasurementError(
                f"a coefficient of {spec.coeff:g} makes numbers that float32 does not hold"
            )
        arm = Arm([change("add", spec, [vector.site], values)], model.digest, vector.made_on)
        yield cell, arm.to_artifact()
