"""A model with an adapter merged into its weights.

What it does
    Adds the exact change of an adapter to the weights, in float64, and rounds once to the precision of the
    model. Configuration and tokenizer stay byte for byte. The checkpoint is an artifact like any other: it is
    kept in the store and named by its content.

What it cannot show
    What the adapter would do at another coefficient, or beside another one: a merge is one point. In less
    than float32 the rounding of the weights is part of it, and can be as large as what a small adapter
    changes; `add_weights` and `add_adapter` have no such rounding.

Inputs and output
    `adapter`: an Adapter of the model; `model`. Gives a Model of the same world and precision.

Reference
    PEFT, `merge_and_unload`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ws_dsl.artifacts.adapter import Adapter
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.model import Model
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Named, Ref
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.data._checkpoint import record


class Merge(Kind[types.Model]):
    """A model with an adapter merged into its weights."""

    computes = True

    adapter: Ref[types.Adapter]
    model: Ref[types.Model] = Named("model")


version = 1


def run(cells: Sequence[Cell[Merge]], context: Context) -> Iterator[tuple[Cell[Merge], Artifact]]:
    from ws_dsl.models.adapters import delta_of
    from ws_dsl.models.merging import write_merged

    for cell in cells:
        adapter: Adapter = cell.open("adapter")
        base: Model = cell.open("model")
        if adapter.model != cell.one("model").digest:
            raise MeasurementError("the adapter was trained on another model")
        handle = context.model(cell.one("model"))
        folder = context.scratch()
        write_merged(handle, delta_of(adapter, handle), folder)
        title = f"{base.title} with {adapter.notes['family']}"
        files = record(folder, base.world, title, base.backend).files
        made = replace(base, files=files, title=title).to_artifact()
        weights: dict[str, bytes | Path] = {name: folder / name for name in files}
        yield cell, Artifact({**made.files, **weights}, made.facts)
