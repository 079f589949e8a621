"""Directions that the weight changes of others have in common.

What it does
    For every matrix that writes to the residual stream, lays the changes of all deltas along an axis side
    by side, except the cell's own, and takes their first left singular directions. The cell's own delta
    is held out: what it keeps of itself within this basis, it has in common with others.

What it cannot show
    That the deltas do the same with the directions they share. Larger changes weigh more, unless
    `normalise` divides every change by its Frobenius norm first. Adapters that began at the same place,
    as PiSSA's two sides do, may share directions that training did not choose.

Inputs and output
    `of`: Delta, with the axis; `hold_out`: the axis, such as `family`, along which each cell reads all
    others; the axis stays. `k`: directions per matrix, fewer where the others have no more. `modules`:
    `o` and `down` by default. `normalise`: whether every delta weighs alike in every matrix. `model`.
    Gives a Basis; its facts have the share of the others' energy (squared Frobenius norm) that it holds
    (`energy_share`).

Reference
    Singular value decomposition in float64. With the cell's own delta left in, an ablation is in part a
    tautology.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.basis import Basis
from ws_dsl.specs import types
from ws_dsl.specs.kind import HeldOut, Kind, Named, Ref
from ws_dsl.specs.matrix import Matrix
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.extract._bases import columns, made_on, spectra


class SharedSvd(Kind[types.Basis]):
    """First left singular directions of the others' changes."""

    of: Ref[types.Delta]
    hold_out: HeldOut
    k: Annotated[int, Field(ge=1)]
    modules: Annotated[list[Matrix], Field(min_length=1)] = ["o", "down"]
    normalise: bool = False
    model: Ref[types.Model] = Named("model")


version = 1


def run(cells: Sequence[Cell[SharedSvd]], context: Context) -> Iterator[tuple[Cell[SharedSvd], Artifact]]:
    """Cells that differ in `k` alone share one decomposition."""
    groups: dict[tuple[object, ...], list[Cell[SharedSvd]]] = {}
    for cell in cells:
        read = tuple(one.digest for one in cell.inputs["of"])
        groups.setdefault((read, tuple(cell.spec.modules), cell.spec.normalise), []).append(cell)
    for group in groups.values():
        yield from _together(group, context)


def _together(
    cells: Sequence[Cell[SharedSvd]], context: Context
) -> Iterator[tuple[Cell[SharedSvd], Artifact]]:
    from ws_dsl.models.spectra import joint_columns

    first = cells[0]
    found = spectra(first, context, first.spec.modules)
    joint = {address: [joint_columns(own, first.spec.normalise)] for address, own in found.items()}
    squares = {address: own[0].sizes ** 2 for address, own in joint.items()}
    total = sum(float(sizes.sum()) for sizes in squares.values())
    deltas = [one.open() for one in first.inputs["of"]]
    made_from = sorted({one.digest for one in first.inputs["of"]})
    for cell in cells:
        k = cell.spec.k
        held = sum(float(sizes[:k].sum()) for sizes in squares.values())
        notes = {
            "method": "shared_svd",
            "k": k,
            "normalise": cell.spec.normalise,
            "deltas": len(deltas),
            "energy_share": held / total if total else None,
        }
        basis = Basis(
            columns(joint, lambda own, k=k: own[0].left[:, :k]),
            "output",
            deltas[0].model,
            made_on(deltas),
            made_from,
            dict(notes),
        )
        yield cell, basis.to_artifact()
