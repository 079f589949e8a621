"""The states that answers are read from.

What it does
    Runs every prompt through the model once, under an arm or none, and keeps the output of the final norm at
    the last real token. Logits of answer tokens, probability mass and other spellings are read from it
    without another pass. Where an arm edits a row only at the token that is read, that token alone is
    computed anew, from the lowest edited layer up, against the keys and values of the unedited row. Measuring
    kinds make this step themselves; it seldom needs to be written.

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
from typing import TYPE_CHECKING

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.states import States
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Named, Ref, none
from ws_dsl.specs.position import Position, write
from ws_dsl.specs.site import FINAL
from ws_dsl.steps.cell import Cell, Context, Input
from ws_dsl.steps.rows import forward_rows, under

if TYPE_CHECKING:
    from ws_dsl.models.handle import Handle


class FinalStates(Kind[types.States]):
    """Final-norm states of prompts under an arm."""

    computes = True

    prompts: Ref[types.Prompts]
    arm: Ref[types.Arm] = none
    at: Position = "last"
    model: Ref[types.Model] = Named("model")


version = 4


_HELD = 256 << 20
"""Bytes of states that are made at once; more cells over the same prompts run these again."""

_ROWS = 16_384
"""Rows that are made at once: what a run that is stopped has to make again."""


def run(cells: Sequence[Cell[FinalStates]], context: Context) -> Iterator[tuple[Cell[FinalStates], Artifact]]:
    """All arms of the same prompts together: their clean pass is shared (`ws_dsl.models.suffix`)."""
    groups: dict[tuple[str, str, Position], list[Cell[FinalStates]]] = {}
    for cell in cells:
        same = (cell.one("model").digest, cell.one("prompts").digest, cell.spec.at)
        groups.setdefault(same, []).append(cell)
    for group in groups.values():
        prompts, model = group[0].open("prompts"), group[0].one("model")
        handle = context.model(model)
        rows = max(1, len(prompts))
        lot = max(1, min(_ROWS // rows, _HELD // (4 * handle.shape.width * rows)))
        for start in range(0, len(group), lot):
            yield from _together(group[start : start + lot], prompts, model, handle, context)


def _together(
    cells: Sequence[Cell[FinalStates]], prompts: Prompts, model: Input, handle: Handle, context: Context
) -> Iterator[tuple[Cell[FinalStates], Artifact]]:
    from ws_dsl.models.suffix import states

    arms = [cell.get("arm") for cell in cells]
    opened = [arm.open() if arm else None for arm in arms]
    rows = [
        forward_rows(under(prompts, arm, handle.tokenizer), cell.spec.at, arm, model.digest)
        for cell, arm in zip(cells, opened, strict=True)
    ]
    found = states(handle, [row for own in rows for row in own], context.advance)
    columns = {name: prompts.columns[name] for name in prompts.keys}
    size = len(prompts)
    for place, (cell, arm) in enumerate(zip(cells, arms, strict=True)):
        tensors = {FINAL: found[place * size : (place + 1) * size]}
        notes = {
            "at": write(cell.spec.at),
            "model": model.digest,
            "arm": arm.digest if arm else None,
        }
        yield cell, States(prompts.keys, columns, tensors, notes).to_artifact()
