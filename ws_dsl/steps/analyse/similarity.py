"""How far two directions point the same way.

What it does
    Takes the cosine of two vectors, and says how often a random direction of that width would be as close:
    the square of its cosine with any fixed one has a Beta(1/2, (width − 1)/2) distribution.

What it cannot show
    That two close directions mean the same. Directions in a model are far from uniform: activations share a
    few large ones, and vectors made from the same rows share these rows' noise. Compare with vectors made
    from other halves of the rows.

Inputs and output
    `of`, `to`: Vectors of one width, one vector each. Gives an Estimate of `value`, the cosine, without an
    interval, and `p`, the probability that a random direction is at least as close, whatever its sign; `n` is
    the width.

Reference
    Distribution of the cosine of uniform directions: Muirhead, Aspects of Multivariate Statistical Theory
    (1982), theorem 1.5.7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.canonical import digest
from ws_dsl.specs.kind import Kind, Ref

if TYPE_CHECKING:
    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.artifacts.vectors import Vectors
    from ws_dsl.steps.cell import Cell, Context


class Similarity(Kind[types.Estimate]):
    """Cosine of two vectors."""

    of: Ref[types.Vectors]
    to: Ref[types.Vectors]

    @classmethod
    def statistics(cls, spec: Similarity, inputs: Mapping[str, Sequence[str] | None]) -> Sequence[str]:
        return ["value", "p"]


version = 1


def run(cells: Sequence[Cell[Similarity]], context: Context) -> Iterator[tuple[Cell[Similarity], Artifact]]:
    for cell in cells:
        yield cell, similarity(cell.open("of"), cell.open("to")).to_artifact()


def similarity(of: Vectors, to: Vectors) -> Estimate:
    """The cosine and its null.

    Raises:
        MeasurementError: vectors of unlike width, or several on a side.
    """
    from ws_dsl.models.directions import chance_of_cosine

    if of.width != to.width:
        raise MeasurementError(f"vectors of width {of.width} and {to.width} have no angle between them")
    if len(of.values) != 1 or len(to.values) != 1:
        raise MeasurementError(f"{len(of.values)} and {len(to.values)} vectors, where one each is compared")
    notes = {"same_model": of.model == to.model, "of": of.site, "to": to.site, "unit": "cosine"}
    rows = digest(sorted({*of.made_on, *to.made_on}))
    if not of.norms()[0] or not to.norms()[0]:
        nowhere = Stat(None, None, None, None, of.width, "a vector of zeros has no direction")
        return Estimate({"value": nowhere, "p": nowhere}, {}, "", rows, dict(notes))
    cosine = float((of.units() @ to.units().T).clip(-1, 1)[0, 0])
    p = chance_of_cosine(cosine, of.width) if of.width > 1 else 1.0
    stats = {name: Stat(value, None, None, None, of.width) for name, value in (("value", cosine), ("p", p))}
    return Estimate(stats, {}, "", rows, dict(notes))
