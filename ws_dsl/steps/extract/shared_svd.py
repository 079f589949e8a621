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
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.basis import Basis
from ws_dsl.artifacts.delta import Delta
from ws_dsl.specs import types
from ws_dsl.specs.kind import HeldOut, Kind, Named, Ref
from ws_dsl.specs.matrix import Matrix
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.extract._bases import changed

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.models.spectra import Spectrum


class SharedSvd(Kind[types.Basis]):
    """First left singular directions of the others' changes."""

    of: Ref[types.Delta]
    hold_out: HeldOut
    k: Annotated[int, Field(ge=1)]
    modules: Annotated[list[Matrix], Field(min_length=1)] = ["o", "down"]
    normalise: bool = False
    model: Ref[types.Model] = Named("model")


version = 1


class _Group:
    """Cells that differ in `k` alone, with what they share.

    Attributes:
        cells: The cells.
        columns: By address, as many left singular directions of the others as any cell takes.
        squares: By address, all squared singular values.
    """

    def __init__(self, cells: list[Cell[SharedSvd]]):
        self.cells = cells
        self.columns: dict[str, np.ndarray] = {}
        self.squares: dict[str, np.ndarray] = {}

    def add(self, address: str, own: list[Spectrum]) -> None:
        """Puts the changes of one matrix side by side."""
        from ws_dsl.models.spectra import joint_columns

        joint = joint_columns(own, self.cells[0].spec.normalise)
        self.columns[address] = joint.left[:, : max(cell.spec.k for cell in self.cells)]
        self.squares[address] = joint.sizes**2

    def bases(self) -> Iterator[tuple[Cell[SharedSvd], Artifact]]:
        """The basis of every cell."""
        import numpy as np

        first = self.cells[0]
        deltas: list[Delta] = [one.open() for one in first.inputs["of"]]
        made_from = sorted({one.digest for one in first.inputs["of"]})
        made_on = sorted({rows for delta in deltas for rows in delta.made_on})
        total = sum(float(squares.sum()) for squares in self.squares.values())
        for cell in self.cells:
            k = cell.spec.k
            held = sum(float(squares[:k].sum()) for squares in self.squares.values())
            notes = {
                "method": "shared_svd",
                "k": k,
                "normalise": cell.spec.normalise,
                "deltas": len(deltas),
                "energy_share": held / total if total else None,
            }
            columns = {address: own[:, :k].astype(np.float32) for address, own in self.columns.items()}
            basis = Basis(columns, "output", deltas[0].model, made_on, made_from, dict(notes))
            yield cell, basis.to_artifact()


def run(cells: Sequence[Cell[SharedSvd]], context: Context) -> Iterator[tuple[Cell[SharedSvd], Artifact]]:
    """Every change is decomposed once for all cells from which it is not held out."""
    alike: dict[tuple[object, ...], list[Cell[SharedSvd]]] = {}
    for cell in cells:
        read = tuple(one.digest for one in cell.inputs["of"])
        alike.setdefault((read, tuple(cell.spec.modules), cell.spec.normalise), []).append(cell)
    groups = [_Group(own) for own in alike.values()]
    found = {id(group): changed(group.cells[0], context, group.cells[0].spec.modules) for group in groups}
    for address in sorted({address for own in found.values() for address in own}):
        made: dict[str, Spectrum] = {}
        for group in groups:
            own: list[Spectrum] = []
            for digest, decompose in found[id(group)].get(address, {}).items():
                if digest not in made:
                    made[digest] = decompose()
                own.append(made[digest])
            if own:
                group.add(address, own)
    for group in groups:
        yield from group.bases()
