"""The part of a delta that is in some layers.

What it does
    Keeps the changes of all matrices in the named layers and drops the others, or the other way round.
    One layer kept alone says what it suffices for, one dropped alone what it is needed for.

What it cannot show
    That a layer holds the behaviour: layers below make what it reads. Blocks that are not adjacent, kept
    together, skip what is between them.

Inputs and output
    `delta`: Delta; `layers`: indices; `{first: 8, last: 21}`, both included; a share of the layers that
    the delta changes, `{share: [0, 0.5]}`; or `early`, `middle`, `late`, the thirds of them. A layer
    belongs to the share that its middle is in, so that adjacent shares divide the layers. `part`: `keep`
    or `drop` them. `model`. Gives a Delta; its facts have the layers, and the share of the energy (the
    squared Frobenius norm) and of the norm that is left.

Reference
    keep + drop = whole, exactly: every layer is in one of the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.specs.inspection import Complaint, Inspection
from ws_dsl.steps.ablate._parts import Ablating, ablated, wholes
from ws_dsl.steps.cell import Cell, Context

_THIRDS = {"early": (0.0, 1 / 3), "middle": (1 / 3, 2 / 3), "late": (2 / 3, 1.0)}

Bound = Annotated[float, Field(ge=0, le=1)]
Layer = Annotated[StrictInt, Field(ge=0)]


class LayerRange(BaseModel):
    """Layers from one to another."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: Layer
    last: Layer

    @model_validator(mode="after")
    def _rising(self) -> LayerRange:
        if self.first > self.last:
            raise ValueError("the first layer is not above the last one")
        return self


class LayerShare(BaseModel):
    """Some of the layers that a delta changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: tuple[Bound, Bound]

    @model_validator(mode="after")
    def _rising(self) -> LayerShare:
        if not self.share[0] < self.share[1]:
            raise ValueError("a share begins before it ends, such as [0, 0.5]")
        return self


class Layers(Ablating):
    """Changes in some layers."""

    layers: (
        Annotated[list[Layer], Field(min_length=1)]
        | LayerRange
        | LayerShare
        | Literal["early", "middle", "late"]
    )

    @classmethod
    def inspect(cls, spec: Any, inspection: Inspection) -> Iterator[Complaint]:
        shape = inspection.shape()
        if shape is None or not isinstance(spec.layers, (list, LayerRange)):
            return
        named = spec.layers if isinstance(spec.layers, list) else [spec.layers.last]
        beyond = [layer for layer in named if layer >= shape.layers]
        if beyond:
            message = f"there is no layer {beyond[0]}; the model has {shape.layers}, from 0"
            yield Complaint("layers", "unknown-site", message)


version = 1


def chosen(spec: Layers, changed: Sequence[int]) -> list[int]:
    """The layers that a spec names, of those that the delta changes (ascending)."""
    match spec.layers:
        case list() as named:
            return [layer for layer in changed if layer in named]
        case LayerRange(first=first, last=last):
            return [layer for layer in changed if first <= layer <= last]
        case LayerShare(share=share):
            start, stop = share
        case name:
            start, stop = _THIRDS[name]
    return [layer for place, layer in enumerate(changed) if start <= (place + 0.5) / len(changed) < stop]


def run(cells: Sequence[Cell[Layers]], context: Context) -> Iterator[tuple[Cell[Layers], Artifact]]:
    from ws_dsl.models.deltas import where

    for cell, whole in wholes(cells, context):
        layer_of = {address: where(address)[0] for address in whole.delta.parts}
        wanted = chosen(cell.spec, sorted(set(layer_of.values())))
        kept = {a: part for a, part in whole.delta.parts.items() if layer_of[a] in wanted}
        yield cell, ablated(cell, whole, kept, {"layers": [*wanted]})
