"""The states that answers are read from.

What it does
    Runs every prompt through the model once, under an arm or none, and keeps the output of the final norm at the
    last real token. Logits of answer tokens, probability mass and other spellings are read from it without another
    pass. Measuring kinds make this step themselves; it seldom needs to be written.

What it cannot show
    Anything at other positions or layers.

Inputs and output
    `prompts`: Prompts; `arm`: Arm or none; `at`: position; `model`. Gives States of the site
    `ln_final.hook_out`, float32 of shape (rows, width).

Reference
    Names of sites as in TransformerLens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.states import States
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Named, Ref, none
from ws_dsl.specs.site import FINAL
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.extract._rows import forward_rows


class FinalStates(Kind[types.States]):
    """Final-norm states of prompts under an arm."""

    computes = True

    prompts: Ref[types.Prompts]
    arm: Ref[types.Arm] = none
    at: Literal["last", "prompt_last"] = "last"
    model: Ref[types.Model] = Named("model")


version = 2


def run(cells: Sequence[Cell[FinalStates]], context: Context) -> Iterator[tuple[Cell[FinalStates], Artifact]]:
    """One pass over the rows of every cell."""
    from ws_dsl.models.forward import final_states

    for cell in cells:
        prompts = cell.open("prompts")
        arm = cell.get("arm")
        model = cell.one("model")
        handle = context.model(model)
        rows = forward_rows(prompts, cell.spec.at, arm.open() if arm else None, model.digest)
        tensors = {FINAL: final_states(handle, rows, context.advance)}
        notes = {"at": cell.spec.at, "model": model.digest, "arm": arm.digest if arm else None}
        columns = {name: prompts.columns[name] for name in prompts.keys}
        yield cell, States(prompts.keys, columns, tensors, notes).to_artifact()
