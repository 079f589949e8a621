"""The part of a delta that is in a subspace of what matrices write, or of what they read.

What it does
    Projects the change of every matrix that the basis has directions for onto these directions: B B' dW
    of what is written, dW B B' of what is read. `keep` keeps the projections alone: changes of other
    matrices go too. `drop` is the delta without them.

What it cannot show
    That the subspace is used by the model. A basis that was computed from the delta itself keeps most of
    it by construction, and one with as many directions as the delta has ranks keeps all: compare with
    `random_basis`, and with a basis from which the delta was held out.

Inputs and output
    `delta`: Delta; `basis`: Basis of the same model; `part`: `keep` or `drop`. A bias is written without
    being read: of a basis of what is read, it stays with `drop`. `model`. Gives a Delta; its facts have
    the share of the energy (the squared Frobenius norm) and of the norm that is left, over all matrices,
    and the share of the energy of those matrices alone that is in the basis (`in_basis`); `own_basis`
    says that the basis was made from this very delta.

Reference
    keep + drop = whole within rounding. Of random k directions of d, `in_basis` is k/d on average.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.basis import Basis
from ws_dsl.artifacts.delta import Part
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Ref
from ws_dsl.steps.ablate._parts import Ablating, Whole, ablated, wholes
from ws_dsl.steps.cell import Cell, Context

if TYPE_CHECKING:
    import numpy as np


class Subspace(Ablating):
    """Changes within a subspace."""

    basis: Ref[types.Basis]


version = 1


def run(cells: Sequence[Cell[Subspace]], context: Context) -> Iterator[tuple[Cell[Subspace], Artifact]]:
    for cell, whole in wholes(cells, context):
        basis: Basis = cell.open("basis")
        kept, share = project(whole, basis)
        about = {
            "matrices_of_basis": len(kept),
            "in_basis": share,
            "own_basis": cell.one("delta").digest in basis.made_from,
        }
        yield cell, ablated(cell, whole, kept, about, made_on=basis.made_on)


def project(whole: Whole, basis: Basis) -> tuple[dict[str, Part], float | None]:
    """The projections by address, and their share of the energy of the matrices that the basis is of.

    Raises:
        MeasurementError: a basis of another model, or one that does not fit a matrix.
    """
    if basis.model != whole.delta.model:
        raise MeasurementError("the basis is of another model than the delta")
    shared = {a: part for a, part in whole.delta.parts.items() if a in basis.columns}
    kept = {
        address: projected(part, basis.columns[address], basis.side, whole.weight(address))
        for address, part in sorted(shared.items())
    }
    total = whole.energy(shared)
    return kept, whole.energy(kept) / total if total else None


def projected(
    part: Part, columns: np.ndarray, side: Literal["output", "input"], weight: np.ndarray | None
) -> Part:
    """The part of one change that is in the span of orthonormal columns.

    Args:
        part: The change.
        columns: (out, k) of what is written, (in, k) of what is read.
        side: Which of the two.
        weight: W, (out, in); not needed where the change is factored.
    """
    import numpy as np

    from ws_dsl.models.spectra import factors, from_left, from_right, has_matrix

    wide = columns.astype(np.float64)
    if not has_matrix(part):
        found = Part()
    elif side == "output":
        found = factors(wide, from_left(wide, part, weight))
    else:
        found = factors(from_right(part, wide, weight), wide.T)
    if part.bias is None or side == "input":
        return found
    return replace(found, bias=(wide @ (wide.T @ part.bias.astype(np.float64))).astype(np.float32))
