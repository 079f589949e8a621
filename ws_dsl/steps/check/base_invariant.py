"""The unintervened model gives one answer to one prompt, wherever it is asked.

What it does
    Gathers all states that were computed without an intervention, matches rows by model, token ids and
    position across every cell of the study, and compares them. Equal prompts must have equal states, within
    1e-5 of their norm; the largest difference is reported, which is 0 on the CPU in float32. Always on. A
    baseline that differs between two places of a study has been the sign of padding read as text.

What it cannot show
    That the baseline is right where only one cell has the prompt.

Inputs and output
    `states`: States without an arm; `prompts`: the Prompts of each. Both are made by the planner.

Reference
    Identical model, rows, prompt and no intervention are one artifact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.plan.node import Edge, Node
from ws_dsl.specs import types
from ws_dsl.specs.kind import Check, Gathered, Ref
from ws_dsl.specs.position import read
from ws_dsl.specs.site import FINAL
from ws_dsl.steps.cell import Cell, Context

_TOLERANCE = 1e-5


class BaseInvariant(Check):
    """One baseline for one prompt."""

    states: Ref[types.States]
    prompts: Ref[types.Prompts]

    @classmethod
    def gather(cls, nodes: Sequence[Node]) -> Gathered | None:
        base = [node for node in nodes if node.kind.name == "final_states" and "arm" not in node.inputs]
        if not base:
            return None
        return Gathered(
            {"states": [Edge(n) for n in base], "prompts": [n.inputs["prompts"][0] for n in base]}, {}
        )


version = 1


def run(
    cells: Sequence[Cell[BaseInvariant]], context: Context
) -> Iterator[tuple[Cell[BaseInvariant], Artifact]]:
    """Compares rows of equal model, token ids and position."""
    import numpy as np

    from ws_dsl.models.positions import places

    for cell in cells:
        first: dict[tuple[object, ...], np.ndarray] = {}
        broken: dict[tuple[str, int], None] = {}
        compared, largest = 0, 0.0
        for index, (states, prompts) in enumerate(
            zip(cell.inputs["states"], cell.inputs["prompts"], strict=True)
        ):
            found = states.open()
            asked, at = prompts.open(), read(found.notes["at"])
            columns = (asked.columns[name] for name in ("ids", "strings", "spans"))
            for ids, strings, spans, state in zip(*columns, found.tensors[FINAL], strict=True):
                (where,) = places(at, strings, spans)
                known = first.setdefault((found.notes["model"], where, tuple(ids)), state)
                if known is state:
                    continue
                compared += 1
                gap = float(np.linalg.norm(known - state) / max(np.linalg.norm(known), 1e-12))
                largest = max(largest, gap)
                if not gap <= _TOLERANCE:
                    broken["states", index] = None
        detail = (
            f"{len(first)} prompts, {compared} of them met again, largest relative difference {largest:.1e}"
        )
        statement = "equal prompts without an intervention have equal states everywhere"
        yield cell, Finding(not broken, statement, detail, list(broken)).to_artifact()
