"""Row sets that share nothing.

What it does
    Compares the keys of several Rows.

What it cannot show
    That rows of unlike keys are unlike in content.

Inputs and output
    `rows`: references to Rows, two or more cells.

Reference
    What is chosen on some rows is tested on others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.specs import types
from ws_dsl.specs.kind import Check, Ref
from ws_dsl.steps.cell import Cell, Context


class Disjoint(Check):
    """Rows without a common key."""

    rows: Ref[types.Rows]  # pyright: ignore[reportGeneralTypeIssues]


version = 1


def run(cells: Sequence[Cell[Disjoint]], context: Context) -> Iterator[tuple[Cell[Disjoint], Artifact]]:
    """Looks for a key that two row sets hold."""
    for cell in cells:
        seen: set[Any] = set()
        broken: list[tuple[str, int]] = []
        shared = 0
        for index, one in enumerate(cell.inputs["rows"]):
            ids = set(one.open().ids())
            shared += len(ids & seen)
            if ids & seen:
                broken.append(("rows", index))
            seen |= ids
        detail = f"{len(cell.inputs['rows'])} row sets, {len(seen)} rows, {shared} shared"
        yield cell, Finding(not broken, "the row sets share no row", detail, broken).to_artifact()
