"""The singular directions of a delta itself.

What it does
    Takes the left singular directions of the change of every matrix that writes to the residual stream:
    the first `k`, or the last `k` that are there.

What it cannot show
    Anything about other deltas; and of this one, its first directions keep most of it by construction.
    What is learned is what the effect needs: how few of them, and whether the tail does without the top.

Inputs and output
    `of`: Delta; `k`: directions per matrix, fewer where its change has no more; `take`: `top` or `tail`;
    `modules`: `o` and `down` by default. `model`. Gives a Basis; its facts have the share of the energy
    (squared Frobenius norm) of those matrices that it holds (`energy_share`).

Reference
    Singular value decomposition in float64, of the factors where there are factors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.basis import Basis
from ws_dsl.artifacts.delta import Delta
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Named, Ref
from ws_dsl.specs.matrix import Matrix
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.extract._bases import changed

if TYPE_CHECKING:
    from ws_dsl.models.spectra import Spectrum


class OwnSvd(Kind[types.Basis]):
    """Left singular directions of a delta."""

    of: Ref[types.Delta]
    k: Annotated[int, Field(ge=1)]
    take: Literal["top", "tail"] = "top"
    modules: Annotated[list[Matrix], Field(min_length=1)] = ["o", "down"]
    model: Ref[types.Model] = Named("model")


version = 1


def run(cells: Sequence[Cell[OwnSvd]], context: Context) -> Iterator[tuple[Cell[OwnSvd], Artifact]]:
    """Cells of one delta share its decomposition."""
    groups: dict[tuple[object, ...], list[Cell[OwnSvd]]] = {}
    for cell in cells:
        groups.setdefault((cell.one("of").digest, tuple(cell.spec.modules)), []).append(cell)
    for group in groups.values():
        matrices = changed(group[0], context, group[0].spec.modules)
        found = {address: decompose() for address, own in matrices.items() for decompose in own.values()}
        total = sum(float((own.sizes**2).sum()) for own in found.values())
        for cell in group:
            yield cell, _basis(cell, found, total)


def _basis(cell: Cell[OwnSvd], found: dict[str, Spectrum], total: float) -> Artifact:
    import numpy as np

    spec, delta = cell.spec, cell.open("of")
    assert isinstance(delta, Delta)

    def taken(own: Spectrum) -> slice:
        return slice(0, spec.k) if spec.take == "top" else slice(max(own.rank - spec.k, 0), own.rank)

    held = sum(float((own.sizes[taken(own)] ** 2).sum()) for own in found.values())
    notes = {
        "method": "own_svd",
        "k": spec.k,
        "take": spec.take,
        "energy_share": held / total if total else None,
    }
    vectors = {address: own.left[:, taken(own)].astype(np.float32) for address, own in sorted(found.items())}
    made_from = [cell.one("of").digest]
    return Basis(vectors, "output", delta.model, delta.made_on, made_from, dict(notes)).to_artifact()
