"""A delta with the same norm in every matrix: its directions, without how much of each there is.

What it does
    `keep` scales the change of every matrix to one Frobenius norm, so that the norm of all together
    stays: of what training decided, the directions are left and the sizes are gone. `drop` is what that
    takes away from the delta. The sizes without the directions are `random_delta`.

What it cannot show
    That the sizes do not matter where the directions suffice: a coefficient scales all of them together.

Inputs and output
    `delta`: Delta; `part`: `keep` or `drop`. A bias is scaled with its matrix. `model`. Gives a Delta;
    its facts have the share of the energy (the squared Frobenius norm) and of the norm that is left, and
    the norm of every matrix (`norm_of_matrix`).

Reference
    keep + drop = whole, exactly: both are multiples of the change of every matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.steps.ablate._parts import Ablating, ablated, wholes
from ws_dsl.steps.cell import Cell, Context


class EqualNorms(Ablating):
    """Directions of a delta without their sizes."""


version = 1


def run(cells: Sequence[Cell[EqualNorms]], context: Context) -> Iterator[tuple[Cell[EqualNorms], Artifact]]:
    from ws_dsl.models.spectra import energy, has_matrix

    for cell, whole in wholes(cells, context):
        parts = {address: part for address, part in whole.delta.parts.items() if has_matrix(part)}
        norms = {address: energy(part, whole.weight(address)) ** 0.5 for address, part in parts.items()}
        present = [norm for norm in norms.values() if norm]
        common = (sum(norm**2 for norm in present) / len(present)) ** 0.5 if present else 0.0
        factor = {address: common / norm for address, norm in norms.items() if norm}
        kept = {address: parts[address].times(by) for address, by in factor.items()}
        rest = {
            address: part.times(1 - factor.get(address, 0.0)) for address, part in whole.delta.parts.items()
        }
        yield cell, ablated(cell, whole, kept, {"norm_of_matrix": common}, rest)
