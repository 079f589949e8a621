"""The cell that a choice chose.

What it does
    Gives the chosen one of several cells, byte for byte. The planner makes this step wherever a choice is
    written in brackets, as in `score[best]`.

What it cannot show
    Anything that the chosen cell does not show; see `choose`.

Inputs and output
    `of`: the candidates; `choice`: a Choice among them. Gives what the candidates are.

Reference
    None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref

if TYPE_CHECKING:
    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.artifacts.choice import Choice
    from ws_dsl.steps.cell import Cell, Context


class Chosen(Kind[types.Type]):
    """The chosen one of several cells."""

    labelled: ClassVar[bool] = True

    of: Ref[types.Type]
    choice: Ref[types.Choice]

    @classmethod
    def statistics(cls, spec: Chosen, inputs: Mapping[str, Sequence[str] | None]) -> Sequence[str] | None:
        return inputs["of"]


version = 1


def run(cells: Sequence[Cell[Chosen]], context: Context) -> Iterator[tuple[Cell[Chosen], Artifact]]:
    for cell in cells:
        choice: Choice = cell.open("choice")
        found = [one for one in cell.inputs["of"] if dict(one.labels) == choice.labels]
        if len(found) != 1:
            told = ", ".join(f"{axis}={label}" for axis, label in choice.labels.items())
            raise MeasurementError(f"[{told}] was chosen, and is not among the candidates here")
        yield cell, found[0].open().to_artifact()
