"""Parts of weight differences that add up to the whole.

What it does
    Adds the parts that have the same labels, one of each reference, and compares the sum with the whole that
    agrees with them on every axis that both have: factor by factor, in the form that the change of a matrix
    has, relative to the larger of the two.

What it cannot show
    That the parts act independently: what the model does under the sum is not the sum of what it does under
    each.

Inputs and output
    `parts`: references to Deltas, such as `["native[part=keep]", "native[part=drop]"]`; `whole`: Deltas;
    `rtol`: largest difference of norms, relative.

Reference
    A split that loses something would lend its loss to one of the parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.delta import Delta, Part
from ws_dsl.artifacts.finding import Finding
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Check, Ref
from ws_dsl.steps.cell import Cell, Context, Input

if TYPE_CHECKING:
    import numpy as np


class AddsUp(Check):
    """Parts whose sum is the whole."""

    labelled = True

    parts: Ref[types.Delta]
    whole: Ref[types.Delta]
    rtol: Annotated[float, Field(gt=0)] = 1e-4


version = 1


def run(cells: Sequence[Cell[AddsUp]], context: Context) -> Iterator[tuple[Cell[AddsUp], Artifact]]:
    """Compares each sum with its whole."""
    for cell in cells:
        groups: dict[tuple[tuple[str, str], ...], list[int]] = {}
        for index, part in enumerate(cell.inputs["parts"]):
            groups.setdefault(tuple(sorted(part.labels.items())), []).append(index)
        references = len({part.pooled[0] for part in cell.inputs["parts"]})
        broken: list[tuple[str, int]] = []
        worst = 0.0
        for labels, members in groups.items():
            if len(members) != references:
                raise MeasurementError(f"{dict(labels)} is not in each of the {references} references once")
            parts = [cell.inputs["parts"][index].open() for index in members]
            left = unlike(parts, _whole(cell, dict(labels)).open())
            worst = max(worst, left)
            if left > cell.spec.rtol:
                broken += [("parts", index) for index in members]
        detail = f"{len(groups)} sums, at most {worst:.1e} from the whole; allowed {cell.spec.rtol:g}"
        yield cell, Finding(not broken, "the parts add up to the whole", detail, broken).to_artifact()


def _whole(cell: Cell[AddsUp], labels: dict[str, str]) -> Input:
    """The whole that agrees with labels.

    Raises:
        MeasurementError: there is none, or there are several.
    """
    agreeing = [
        one
        for one in cell.inputs["whole"]
        if all(labels.get(axis, label) == label for axis, label in one.labels.items())
    ]
    if len(agreeing) != 1:
        raise MeasurementError(f"{len(agreeing)} wholes agree with {labels}, where one is wanted")
    return agreeing[0]


def unlike(parts: Sequence[Delta], whole: Delta) -> float:
    """Largest relative norm, of any term of any matrix, of what the parts' sum is not like the whole."""
    total = parts[0]
    for part in parts[1:]:
        total = total.plus(part)
    left = total.plus(whole.times(-1.0)).parts
    found = 0.0
    for address, rest in left.items():
        own = [delta.parts[address] for delta in (*parts, whole) if address in delta.parts]
        for term in ("factors", *(one.name for one in fields(Part) if one.name not in ("left", "right"))):
            size = max(_norm(part, term) for part in own)
            found = max(found, _norm(rest, term) / size if size else 0.0)
    return found


def _norm(part: Part, term: str) -> float:
    """Frobenius norm of a term, of both factors together; 0 where it is not there."""
    import numpy as np

    if term == "factors":
        from ws_dsl.models.spectra import energy

        return 0.0 if part.left is None else energy(Part(left=part.left, right=part.right)) ** 0.5
    values: np.ndarray | None = getattr(part, term)
    return 0.0 if values is None else float(np.linalg.norm(values.astype(np.float64)))
