"""How long a vector is beside the activations that it is added to.

What it does
    Takes the Euclidean norm of a vector, the mean norm of the activations at its place, and their ratio: the
    share of an activation that the vector is when it is added once, as it is.

What it cannot show
    What adding it does. Activations of other tokens than those it was made from may be much longer or
    shorter, the first token's above all: `perturbation` measures the change where an arm makes it.

Inputs and output
    `of`: Vectors, one of them. Gives an Estimate, without intervals, of `norm`, `mean_norm`, which is
    undefined where nobody knows it, as of vectors from elsewhere, and `ratio`; `n` is the width.

Reference
    Vectors of one model came normalised to 1 and those of another as they were, 60 % as long as its
    activations: one coefficient did nothing to the first and broke the second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.specs import types
from ws_dsl.specs.canonical import digest
from ws_dsl.specs.kind import Kind, Ref

if TYPE_CHECKING:
    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.artifacts.vectors import Vectors
    from ws_dsl.steps.cell import Cell, Context

_STATISTICS = ("norm", "mean_norm", "ratio")


class VectorNorm(Kind[types.Estimate]):
    """Norm of a vector, of activations, and their ratio."""

    of: Ref[types.Vectors]

    @classmethod
    def statistics(cls, spec: VectorNorm, inputs: Mapping[str, Sequence[str] | None]) -> Sequence[str]:
        return _STATISTICS


version = 1


def run(cells: Sequence[Cell[VectorNorm]], context: Context) -> Iterator[tuple[Cell[VectorNorm], Artifact]]:
    from ws_dsl.steps.intervene._vectors import opened

    for cell in cells:
        yield cell, vector_norm(opened(cell.one("of"))).to_artifact()


def vector_norm(vector: Vectors) -> Estimate:
    """The norms of the one vector that there is."""
    norm, mean = float(vector.norms()[0]), float(vector.mean_norm)
    values = {"norm": norm, "mean_norm": mean or None, "ratio": norm / mean if mean else None}
    stats = {
        name: Stat(value, None, None, None, vector.width, "" if value is not None else "not known")
        for name, value in values.items()
    }
    return Estimate(stats, {}, "", digest(sorted(vector.made_on)), {"site": vector.site, "at": vector.at})
