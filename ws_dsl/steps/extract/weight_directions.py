"""The directions of the residual stream that a weight matrix reads or writes most.

What it does
    Decomposes a matrix of one block into singular values and vectors, and gives those singular vectors that
    lie in the residual stream: what `q`, `k`, `v`, `gate` and `up` read (right singular vectors), and what
    `o` and `down` write (left ones). No pass through the model is made.

What it cannot show
    How often the model moves along a direction: a large singular value says how much would be done with an
    activation along it, not that there is one. The matrix is taken as it is: the gain of the norm before it,
    or after it in models that have one there, is not folded in, and the norm itself rescales what is read.
    Singular vectors of nearly equal singular values may be turned among each other.

Inputs and output
    `matrix`: `q`, `k`, `v`, `o`, `gate`, `up` or `down`, all heads together; `layer`: of its block, by index
    or as a fraction of depth; `top`: how many directions; `model`: whose weights. `states`: States of that
    model at the place of the vectors, for the mean norm there, which `unit: mean_norm` needs; optional, and
    no direction depends on it. The place is where the matrix reads or what it has written to: `L3pre` for
    `q`, `k` and `v`, `L3mid` for `o`, `gate` and `up`, `L3` for `down`. Makes the axis `rank` from 1 to
    `top`; gives Vectors: one vector of norm 1, its largest entry positive. The notes have the singular value
    and its share of the sum of squares.

Reference
    Millidge and Black, The Singular Value Decompositions of Transformer Weight Matrices are Highly
    Interpretable, 2022. The decomposition is made in float64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import Field

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.states import States
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError, ModelError
from ws_dsl.specs import types
from ws_dsl.specs.inspection import Complaint, Inspection
from ws_dsl.specs.kind import Kind, Named, Ref
from ws_dsl.specs.matrix import Matrix
from ws_dsl.steps.cell import Cell, Context, Input
from ws_dsl.steps.extract.states import Layer, index_of

if TYPE_CHECKING:
    import numpy as np


_PLACES: dict[Matrix, str] = {
    "q": "pre",
    "k": "pre",
    "v": "pre",
    "o": "mid",
    "gate": "mid",
    "up": "mid",
    "down": "",
}
_WRITES = ("o", "down")


class WeightDirections(Kind[types.Vectors]):
    """Singular vectors of a weight matrix in the residual stream."""

    matrix: Matrix
    layer: Layer
    top: Annotated[int, Field(ge=1, le=1000)] = 1
    states: Ref[types.States] | None = None
    model: Ref[types.Model] = Named("model")

    @classmethod
    def made(cls, spec: Any) -> dict[str, list[str]]:
        return {"rank": [str(rank) for rank in range(1, spec.top + 1)]}

    @classmethod
    def inspect(cls, spec: Any, inspection: Inspection) -> Iterator[Complaint]:
        shape = inspection.shape()
        if shape is None:
            return
        try:
            index_of(spec.layer, shape)
        except ModelError as error:
            yield Complaint("layer", "unknown-site", str(error))


version = 1


class _Directions(NamedTuple):
    """Singular vectors in the residual stream.

    Attributes:
        vectors: float64 of shape (directions, width), largest singular value first.
        values: Singular values.
    """

    vectors: np.ndarray
    values: np.ndarray


def run(
    cells: Sequence[Cell[WeightDirections]], context: Context
) -> Iterator[tuple[Cell[WeightDirections], Artifact]]:
    """Decomposes every matrix once for all ranks."""
    made: dict[tuple[str, str], _Directions] = {}
    for cell in sorted(cells, key=_address):
        spec, model = cell.spec, cell.one("model")
        layer = index_of(spec.layer, context.model(model).shape)
        address = f"L{layer}{spec.matrix}"
        if (model.digest, address) not in made:
            made = {(model.digest, address): _decomposed(address, spec.matrix, model, context)}
        found = made[model.digest, address]
        yield cell, _vectors(cell, f"L{layer}{_PLACES[spec.matrix]}", found, model).to_artifact()


def _address(cell: Cell[WeightDirections]) -> tuple[str, str, str]:
    return cell.one("model").digest, str(cell.spec.layer), cell.spec.matrix


def _decomposed(address: str, matrix: Matrix, model: Input, context: Context) -> _Directions:
    import numpy as np

    from ws_dsl.models.deltas import weight

    values = weight(context.model(model), address).astype(np.float64)
    _, sizes, directions = np.linalg.svd(values.T if matrix in _WRITES else values, full_matrices=False)
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    return _Directions(directions * np.sign(largest), sizes)


def _vectors(cell: Cell[WeightDirections], site: str, found: _Directions, model: Input) -> Vectors:
    import numpy as np

    rank = int(cell.made["rank"])
    if rank > len(found.values):
        raise MeasurementError(
            f"the matrix has {len(found.values)} singular vectors; there is no rank {rank}"
        )
    at, mean_norm = _norm(cell.get("states"), site, model)
    squares = found.values**2
    return Vectors(
        values=found.vectors[rank - 1][None].astype(np.float32),
        site=site,
        at=at,
        method="weight_directions",
        mean_norm=mean_norm,
        model=model.digest,
        labels=[""],
        made_on=[],
        notes={
            "matrix": cell.spec.matrix,
            "rank": rank,
            "singular_value": float(found.values[rank - 1]),
            "explained": float(squares[rank - 1] / squares.sum()),
        },
    )


def _norm(source: Input | None, site: str, model: Input) -> tuple[Any, float]:
    """Position and mean norm of the states; all positions, and 0, where there are none.

    Raises:
        MeasurementError: the states are of another place or model, or of no rows.
    """
    import numpy as np

    from ws_dsl.artifacts.states import blocks

    if source is None:
        return "all", 0.0
    states: States = source.open()
    ((place, values),) = states.tensors.items()
    if place != site or states.notes["model"] != model.digest:
        raise MeasurementError(
            f"the states are not of this model at {site}, where the directions are: take them there "
            f"(`site: {site}`)"
        )
    norms = [np.linalg.norm(block, axis=1) for block in blocks(values, range(len(values)))]
    if not norms:
        raise MeasurementError("the states have no rows, so that there is no mean norm")
    return states.notes["at"], float(np.concatenate(norms).mean())
