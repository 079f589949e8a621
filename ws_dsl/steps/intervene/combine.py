"""Several interventions as one.

What it does
    Makes the changes of all arms along the pooled axes together, in one pass.

What it cannot show
    Which of them did what: measure them apart beside it.

Inputs and output
    `of`: Arms of one model, with `pool`: the axes along which they are put together; arms of different steps
    are brought onto an axis by `stack`. Two changes of one site at one token are an error, unless both add,
    and so are two system messages. Gives an Arm.

Reference
    None: the changes of one arm do not see one another but through the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ws_dsl.artifacts.arm import Arm
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref
from ws_dsl.steps.cell import Cell, Context


class Combine(Kind[types.Arm]):
    """Arms along pooled axes as one."""

    of: Ref[types.Arm]


version = 1


def run(cells: Sequence[Cell[Combine]], context: Context) -> Iterator[tuple[Cell[Combine], Artifact]]:
    """Puts the changes one after another."""
    for cell in cells:
        arms: list[Arm] = [one.open() for one in cell.inputs["of"]]
        models = {arm.model for arm in arms if arm.model is not None}
        if len(models) > 1:
            raise MeasurementError("the arms were made on different models")
        systems = [arm.system for arm in arms if arm.system is not None]
        if len(systems) > 1:
            raise MeasurementError("several arms put a system message in place: which one holds?")
        changes = [change for arm in arms for change in arm.changes]
        weights = [added for arm in arms for added in arm.weights]
        chosen_on = sorted({digest for arm in arms for digest in arm.chosen_on})
        model, system = next(iter(models), None), next(iter(systems), None)
        yield cell, Arm(changes, model, chosen_on, weights, system).to_artifact()
