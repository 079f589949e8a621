"""A direction taken out of the activations.

What it does
    Takes away, at the tokens that are named, the part of the activation that lies along a vector: at the
    vector's own site, or in the residual stream after every layer.

What it cannot show
    That what is left has nothing of the concept: other directions may carry it too, and at one layer alone
    later layers may write it again.

Inputs and output
    `vector`: Vectors, one of them; `layers`: `own`, the site where it was made, or `all`, the residual stream
    after every layer. `at`: `last`, `prompt_last`, `reply_first`, `reply_last`, `reply`, `all`, an index
    (negative from the end), `{token: " Paris"}`, or a list of these; or, instead, `during`: all tokens of the
    `prompt`, all `generated` ones, or `both`. `model`: the one that is changed. Gives an Arm.

Reference
    Directional ablation: Arditi et al., Refusal in Language Models Is Mediated by a Single Direction, 2024.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from ws_dsl.artifacts.arm import Arm
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.errors import MeasurementError
from ws_dsl.specs.site import Site
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.intervene._vectors import AlongVector, change, fits, opened


class ProjectOut(AlongVector):
    """The part along a vector taken away."""

    layers: Literal["own", "all"] = "own"


version = 1


def run(cells: Sequence[Cell[ProjectOut]], context: Context) -> Iterator[tuple[Cell[ProjectOut], Artifact]]:
    """Writes down what is to be taken away; no pass through the model."""
    for cell in cells:
        spec, vector, model = cell.spec, opened(cell.one("vector")), cell.one("model")
        layers = range(context.model(model).shape.layers)
        stream = [str(Site(layer, "hook_resid_post", None)) for layer in layers]
        sites = [vector.site] if spec.layers == "own" else stream
        fits(vector, sites, model, context)
        if not vector.norms()[0]:
            raise MeasurementError("a vector of zeros has no direction, so that nothing can be taken out")
        values = vector.units().astype("float32")
        arm = Arm([change("project_out", spec, sites, values)], model.digest, vector.made_on)
        yield cell, arm.to_artifact()
