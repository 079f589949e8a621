"""A weight difference made from the weights and a contrast of activations, without training.

What it does
    For every matrix W that writes to the residual stream where the states were taken, makes the change of
    rank one v (a' W) / |a|², v being the mean difference of the sides there. With `along: mean`, a is the
    mean of both sides: what writes as much along a as the states lie there writes v as well, and the
    opposite coefficient writes −v. With `along: contrast`, a is v: what W writes along v is made larger,
    or smaller, whichever way it points.

What it cannot show
    What training finds. It is a baseline for trained differences, and is made before any of them is read:
    a study in which something trained is behind its states is refused. In Gemma 3, a norm is between what
    these matrices write and the residual stream, and the change is only nearly what is said here.

Inputs and output
    `plus`, `minus`: States over the same rows at the same places, at the residual stream after a layer
    (L3: the matrices o and down), at what attention adds (L3attn: o) or at what the MLP adds (L3mlp:
    down); several places where their axis is pooled. `rows` restricts both. `along`: `mean` or
    `contrast`. `model`. Gives a Delta; its facts have the norm of the mean difference by place
    (`contrast`).

Reference
    The contrast is that of `mean_diff`. A change of rank one that writes a value where a key is met: Meng
    et al., Locating and Editing Factual Associations in GPT, 2022.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.delta import Delta, Part
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.kind import Kind, Named, Ref
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.extract._contrast import contrast
from ws_dsl.steps.extract._residual import by_site, writers
from ws_dsl.steps.extract._stacked import mean


class ConstructiveDelta(Kind[types.Delta]):
    """Changes of rank one that write the difference of two sides."""

    restricted = True
    made_before = (types.Adapter, types.Delta)

    plus: Ref[types.States]
    minus: Ref[types.States]
    along: Literal["mean", "contrast"] = "mean"
    model: Ref[types.Model] = Named("model")


version = 1


def run(
    cells: Sequence[Cell[ConstructiveDelta]], context: Context
) -> Iterator[tuple[Cell[ConstructiveDelta], Artifact]]:
    for cell in cells:
        yield cell, _made(cell, context).to_artifact()


def _made(cell: Cell[ConstructiveDelta], context: Context) -> Delta:
    import numpy as np

    from ws_dsl.models.deltas import weight
    from ws_dsl.models.spectra import factors

    model = cell.one("model")
    plus, minus = (by_site(cell.inputs[side]) for side in ("plus", "minus"))
    if set(plus) != set(minus):
        raise MeasurementError(f"plus is at {', '.join(plus)} and minus at {', '.join(minus)}")
    parts: dict[str, Part] = {}
    norms: dict[str, Json] = {}
    made_on: set[str] = set()
    for site in plus:
        sides = contrast(replace(cell, inputs={**cell.inputs, "plus": plus[site], "minus": minus[site]}))
        if any(side.source["model"] != model.digest for side in (sides.plus, sides.minus)):
            raise MeasurementError("the states are of another model than the one whose weights are changed")
        means = mean(sides.plus.blocks()), mean(sides.minus.blocks())
        difference = means[0] - means[1]
        along = difference if cell.spec.along == "contrast" else (means[0] + means[1]) / 2
        if not np.any(along):
            raise MeasurementError(f"at {site} the states give no direction; the sides do not differ there")
        for address in writers(site):
            read = along @ weight(context.model(model), address).astype(np.float64) / (along @ along)
            change = factors(difference[:, None], read[None])
            parts[address] = parts[address].plus(change) if address in parts else change
        norms[site] = float(np.linalg.norm(difference))
        made_on.add(sides.minus.row_set())
    notes = {"method": "constructive_delta", "along": cell.spec.along, "contrast": norms}
    return Delta(parts, model.digest, sorted(made_on), dict(notes))
