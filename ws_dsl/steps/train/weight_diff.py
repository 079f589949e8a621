"""The difference between what two adapters change.

What it does
    Subtracts the weight change of the minus adapter from that of the plus adapter, matrix by matrix:
    dW = ΔW⁺ − ΔW⁻. Each change is the exact form of its family, from its trained parameters in float64,
    kept as float32 factors; merged weights are never subtracted. DoRA's is W scaled by row plus factors,
    OFT's W turned in blocks, IA3's W scaled by row or column.

What it cannot show
    That dW is the concept that names the sides: all that differs between what was trained on is in it. A
    multiple of OFT's dW is no difference of rotations, nor a multiple of DoRA's one of directions.

Inputs and output
    `plus`, `minus`: Adapters of one family, trained on the same rows of the model; `model`. Gives a Delta.
    Its facts have the Frobenius norms over all matrices (`norms` of plus, minus, dW and W), dW's share of
    W's norm (`relative`), the cosine of ΔW⁺ with −ΔW⁻ (`opposed`: 1 where the sides are opposites), the norm
    of the common part ΔW⁺ + ΔW⁻ over that of dW (`common`: what both sides learned alike, 0 for opposites),
    the cosine of dW with the common part (`leaning`: 0 where the sides are equally long) and the norm of
    (ΔW⁺ + ΔW⁻)/2 over that of W (`drift`: how far both moved together).

Reference
    Contrastive weight steering: arXiv 2511.05408.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ws_dsl.artifacts.adapter import Adapter
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.delta import Delta, Part
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.kind import Kind, Named, Ref
from ws_dsl.steps.cell import Cell, Context

if TYPE_CHECKING:
    from ws_dsl.models.handle import Handle


class WeightDiff(Kind[types.Delta]):
    """What one adapter changes less what another does."""

    computes = True

    plus: Ref[types.Adapter]
    minus: Ref[types.Adapter]
    model: Ref[types.Model] = Named("model")


version = 1


def run(cells: Sequence[Cell[WeightDiff]], context: Context) -> Iterator[tuple[Cell[WeightDiff], Artifact]]:
    from ws_dsl.models.adapters import delta_of

    for cell in cells:
        sides: list[Adapter] = [cell.open("plus"), cell.open("minus")]
        plus, minus = sides
        _comparable(plus, minus, cell.one("model").digest)
        handle = context.model(cell.one("model"))
        changes = [
            Delta(delta_of(side, handle), side.model, side.made_on, {"family": side.notes["family"]})
            for side in sides
        ]
        made = changes[0].plus(changes[1].times(-1.0))
        made.notes.update(_geometry(changes[0].parts, changes[1].parts, made.parts, handle))
        yield cell, made.to_artifact()


def _comparable(plus: Adapter, minus: Adapter, model: str) -> None:
    """Refuses sides whose difference would be one of something else too."""
    if {plus.model, minus.model} != {model}:
        raise MeasurementError(
            "an adapter was trained on another model; what it changes means nothing in this one"
        )
    if plus.notes["family"] != minus.notes["family"]:
        raise MeasurementError(
            f"plus is an adapter of {plus.notes['family']} and minus one of {minus.notes['family']}: their "
            f"difference is also one of families"
        )
    if plus.made_on != minus.made_on:
        raise MeasurementError(
            "plus and minus were trained on different rows; a contrast needs the same ones"
        )


def _geometry(
    plus: dict[str, Part], minus: dict[str, Part], difference: dict[str, Part], handle: Handle
) -> dict[str, Json]:
    """How the two sides lie to each other, over all matrices; biases do not count."""
    from ws_dsl.models.deltas import weight
    from ws_dsl.models.spectra import energy

    sums: dict[str, float] = dict.fromkeys(("plus", "minus", "dW", "W"), 0.0)
    for address in sorted(difference):
        own = weight(handle, address)
        for name, parts in (("plus", plus), ("minus", minus), ("dW", difference)):
            if address in parts:
                sums[name] += energy(parts[address], own)
        sums["W"] += float((own.astype("float64") ** 2).sum())
    common = max(2 * sums["plus"] + 2 * sums["minus"] - sums["dW"], 0.0)  # the law of the parallelogram
    product = (sums["plus"] + sums["minus"] - sums["dW"]) / 2
    return {
        "norms": {name: value**0.5 for name, value in sums.items()},
        "relative": (sums["dW"] / sums["W"]) ** 0.5,
        "opposed": _ratio(-product, sums["plus"] * sums["minus"]),
        "common": _ratio(common**0.5, sums["dW"]),
        "leaning": _ratio(sums["plus"] - sums["minus"], sums["dW"] * common),
        "drift": (common / sums["W"]) ** 0.5 / 2,
    }


def _ratio(number: float, squared: float) -> float | None:
    """A number over the root of another; None where that is nothing."""
    return number / squared**0.5 if squared else None
