"""A system message in the place of the prompts' own.

What it does
    Has every prompt that is measured under this arm rendered anew with this system message: prompting as an
    intervention, beside others on identical rows.

What it cannot show
    That a message works through the concept that it names: one that asks to mention a concept moves answers
    too. Compare with the message of the opposite sign, and with one of the same length about something else.

Inputs and output
    `system`: the message, or `{file: PATH}`, whose bytes are kept. Prompts that are raw text have no system
    message and are refused. Gives an Arm of any model.

Reference
    Wu et al., AxBench, 2025, for prompting as a baseline of steering.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ws_dsl.artifacts.arm import Arm
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind
from ws_dsl.steps.cell import Cell, Context


class SystemPrompt(Kind[types.Arm]):
    """A system message as an intervention."""

    system: str


version = 1


def run(
    cells: Sequence[Cell[SystemPrompt]], context: Context
) -> Iterator[tuple[Cell[SystemPrompt], Artifact]]:
    """Writes down the message."""
    for cell in cells:
        yield cell, Arm([], None, [], (), cell.spec.system).to_artifact()
