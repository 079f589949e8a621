"""Prompts and an arm as rows of a forward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ws_dsl.artifacts.arm import Arm
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.errors import MeasurementError
from ws_dsl.specs.site import Site

if TYPE_CHECKING:
    from ws_dsl.models.forward import Row
    from ws_dsl.models.positions import Position


def forward_rows(prompts: Prompts, at: Position, arm: Arm | None, model: str) -> list[Row]:
    """Rows read at a position, each with its own edits.

    Raises:
        MeasurementError: an arm made on another model, or one that lacks values for a row.
    """
    from ws_dsl.models.edits import Edit
    from ws_dsl.models.forward import Row
    from ws_dsl.models.positions import position

    if arm is not None and arm.model != model:
        raise MeasurementError("the arm was made on another model; its activations mean nothing in this one")
    place = {key: index for index, key in enumerate(arm.ids())} if arm is not None else {}
    rows: list[Row] = []
    told = zip(
        prompts.ids(), prompts.tokens, prompts.columns["strings"], prompts.columns["spans"], strict=True
    )
    for key, ids, strings, spans in told:
        edits: list[Edit] = []
        if arm is not None:
            if key not in place:
                raise MeasurementError(f"the arm has no values for row {'/'.join(map(str, key))}")
            where = position(arm.at, strings, spans)  # pyright: ignore[reportArgumentType]
            edits = [Edit(Site.parse(site), where, arm.values[site][place[key]]) for site in arm.sites]
        rows.append(Row(ids, position(at, strings, spans), edits))
    return rows
