"""The directions along which activations vary most, beside the matrices that write or read them.

What it does
    Takes the first `k` principal directions of the states, their mean taken out, at every place that they
    are of: a subspace for each matrix that writes there (`output`), or that reads there (`input`). With
    the axis `layer` pooled, every layer has a subspace of its own.

What it cannot show
    That the directions matter to what the model says: the largest often carry position and frequency.
    What matrices read has passed a norm, which scales every channel by its gain: a subspace of the stream
    is only nearly one of what is read. In Gemma 3, another norm is between a write and the stream.

Inputs and output
    `states`: States of the residual stream, several places pooled or one; `rows` restricts them. `k`:
    directions, fewer where the states have no more. `side`: `output`, of states at L3 (matrices o and
    down of the layer), L3mid or L3attn (o), L3mlp (down); or `input`, of states at L3pre (q, k, v) or
    L3mid (gate, up). Gives a Basis; its facts have the share of the variance that it explains, by place
    (`explained`).

Reference
    Principal components: Hotelling, 1933. Singular value decomposition in float64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import Field

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.basis import Basis
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.kind import Kind, Ref
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.extract._residual import by_site, readers, writers
from ws_dsl.steps.extract._stacked import Stacked, stacked

if TYPE_CHECKING:
    import numpy as np


class ActivationBasis(Kind[types.Basis]):
    """Principal directions of activations."""

    restricted = True

    states: Ref[types.States]
    k: Annotated[int, Field(ge=1)]
    side: Literal["output", "input"] = "output"


version = 1


class _Principal(NamedTuple):
    """Principal directions as columns, and the share of the variance along them."""

    columns: np.ndarray
    explained: float


def run(
    cells: Sequence[Cell[ActivationBasis]], context: Context
) -> Iterator[tuple[Cell[ActivationBasis], Artifact]]:
    for cell in cells:
        beside = writers if cell.spec.side == "output" else readers
        columns: dict[str, np.ndarray] = {}
        explained: dict[str, Json] = {}
        made_on: set[str] = set()
        models: set[Json] = set()
        for site, inputs in by_site(cell.inputs["states"]).items():
            states = stacked(inputs, cell.get("rows"))
            found = _principal(states, cell.spec.k)
            columns |= dict.fromkeys(beside(site), found.columns)
            explained[site] = found.explained
            made_on.add(states.row_set())
            models.add(states.source["model"])
        if len(models) > 1 or None in models:
            raise MeasurementError("the states are of several models; a basis is of one")
        notes = {"method": "activation_basis", "k": cell.spec.k, "explained": explained}
        basis = Basis(columns, cell.spec.side, str(models.pop()), sorted(made_on), [], dict(notes))
        yield cell, basis.to_artifact()


def _principal(states: Stacked, k: int) -> _Principal:
    import numpy as np

    values = np.concatenate(list(states.blocks()))
    _, sizes, directions = np.linalg.svd(values - values.mean(0), full_matrices=False)
    squares = sizes**2
    rank = int(np.sum(sizes > sizes[0] * max(values.shape) * np.finfo(np.float32).eps)) if sizes[0] else 0
    if not rank:
        raise MeasurementError(f"the states at {states.site} do not vary; they have no principal directions")
    kept = min(k, rank)
    return _Principal(directions[:kept].T.astype(np.float32), float(squares[:kept].sum() / squares.sum()))
