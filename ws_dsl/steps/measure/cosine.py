"""How far activations point along a vector.

What it does
    Takes the cosine of every row's state with a vector. Its sign says on which side of the origin the state
    lies along the vector, its size how much of the state lies along it.

What it cannot show
    More than the vector: most of a state is shared by all rows, so that cosines differ little and their
    order, not their size, is what can be read. A vector scored on the rows that made it is flagged.

Inputs and output
    `states`: States at one place; `vector`: Vectors, one of them, as wide. Gives a Table: `value`, the
    cosine; `projection`, the length of the state along the vector; `norm`, its own length.

Reference
    None: cos(h, v) = h·v / (|h| |v|), in float64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.states import States, blocks
from ws_dsl.artifacts.table import Table
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref
from ws_dsl.steps.cell import Cell, Context


class Cosine(Kind[types.Table]):
    """Cosine of states with a vector."""

    states: Ref[types.States]
    vector: Ref[types.Vectors]


version = 2

_UNITS = {"projection": "activation", "norm": "activation"}


def run(cells: Sequence[Cell[Cosine]], context: Context) -> Iterator[tuple[Cell[Cosine], Artifact]]:
    for cell in cells:
        yield cell, _cosine(cell.open("states"), cell.open("vector")).to_artifact()


def _cosine(states: States, vector: Vectors) -> Table:
    import numpy as np

    ((site, values),) = states.tensors.items()
    if len(vector.values) != 1:
        raise MeasurementError(
            f"{len(vector.values)} vectors, where one is needed: {', '.join(vector.labels)}"
        )
    if values.shape[1] != vector.width:
        raise MeasurementError(f"states at {site} are {values.shape[1]} wide, and the vector {vector.width}")
    unit = vector.units()[0]
    # Row by row: the last bits of a matrix product follow the place of a row, and equal rows must tie.
    read = [
        (np.add.reduce(wide * unit, axis=1), np.linalg.norm(wide, axis=1))
        for wide in blocks(values, range(len(values)))
    ]
    along, norms = (np.concatenate([one[side] for one in read] or [np.empty(0)]) for side in (0, 1))
    cosines = along / np.where(norms == 0, 1.0, norms)
    columns: dict[str, list[Any]] = {name: states.columns[name] for name in states.keys}
    columns |= {"value": cosines.tolist(), "projection": along.tolist(), "norm": norms.tolist()}
    columns["status"] = ["ok"] * len(norms)
    notes = {"unit": "cosine", "units": dict(_UNITS), "same_model": states.notes["model"] == vector.model}
    notes |= {"site": site, "vector_site": vector.site}
    return Table(states.keys, columns, dict(notes))
