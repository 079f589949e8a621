"""A trained adapter put on the model.

What it does
    Runs every row with the adapter's change of the weights, at full strength: what the model is after it was
    trained. The change is computed beside the untouched weights, in the exact form of the adapter's family,
    as `add_weights` does it.

What it cannot show
    Whether what the adapter does is what its training data say: an adapter that was trained on something
    else is the control.

Inputs and output
    `adapter`: Adapter of this model; `model`. Gives an Arm.

Reference
    PEFT: https://huggingface.co/docs/peft.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ws_dsl.artifacts.adapter import Adapter
from ws_dsl.artifacts.arm import Added, Arm
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.delta import Delta
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Named, Ref
from ws_dsl.steps.cell import Cell, Context


class AddAdapter(Kind[types.Arm]):
    """The model with an adapter."""

    computes = True

    adapter: Ref[types.Adapter]
    model: Ref[types.Model] = Named("model")


version = 1


def run(cells: Sequence[Cell[AddAdapter]], context: Context) -> Iterator[tuple[Cell[AddAdapter], Artifact]]:
    from ws_dsl.models.adapters import delta_of

    for cell in cells:
        adapter: Adapter = cell.open("adapter")
        if adapter.model != cell.one("model").digest:
            raise MeasurementError("the adapter was trained on another model; it means nothing on this one")
        parts = delta_of(adapter, context.model(cell.one("model")))
        digest = Delta(parts, adapter.model, []).digest
        yield cell, Arm([], adapter.model, adapter.made_on, [Added(parts, 1.0, digest)]).to_artifact()
