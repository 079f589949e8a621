"""A delta that means nothing, as large as another in every matrix.

What it does
    Draws a random change for every matrix that `like` changes. `norm`: Gaussian entries, scaled to the
    Frobenius norm of that matrix's change. `rank`: the product of Gaussian factors with as many columns
    as that change has rank, scaled to its norm: low-rank changes reach further along fewer directions.

What it cannot show
    What a random change does that moves the model as much: equal norms are not equal effects. Draw
    several, and compare at calibrated strength.

Inputs and output
    `like`: Delta; `match`: `norm` or `rank`; `seed`: of the draw, scope `data`. The random numbers are
    named by the seed and the address of each matrix. A bias is drawn with its norm. `model`. Gives a
    Delta; with `norm`, every matrix is stored in full, which of a large model takes as much room as the
    model. Its facts have the numerical rank of what it is like, over all matrices (`rank`).

Reference
    Raw output of Philox, made normal by the method of Box and Muller.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.delta import Delta, Part
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Named, Ref, Seed
from ws_dsl.steps.ablate._parts import opened
from ws_dsl.steps.cell import Cell, Context

if TYPE_CHECKING:
    import numpy as np


class RandomDelta(Kind[types.Delta]):
    """Random changes of the norm of others."""

    like: Ref[types.Delta]
    match: Literal["norm", "rank"]
    seed: Annotated[int, Seed("data")]
    model: Ref[types.Model] = Named("model")


version = 1


def run(cells: Sequence[Cell[RandomDelta]], context: Context) -> Iterator[tuple[Cell[RandomDelta], Artifact]]:
    for cell in cells:
        whole = opened(cell, context, "like")
        delta, spec = whole.delta, cell.spec
        drawn = {
            address: _drawn(part, whole.weight(address), [spec.seed, address], spec.match)
            for address, part in sorted(delta.parts.items())
        }
        parts = {address: part for address, (part, _) in drawn.items()}
        notes = {"match": spec.match, "seed": spec.seed, "rank": sum(rank for _, rank in drawn.values())}
        yield cell, Delta(parts, delta.model, delta.made_on, dict(notes)).to_artifact()


def _drawn(
    part: Part, weight: np.ndarray | None, name: list[int | str], match: Literal["norm", "rank"]
) -> tuple[Part, int]:
    """A random change of the size of another, and the other's rank."""
    import numpy as np

    from ws_dsl.models.draws import gaussian
    from ws_dsl.models.spectra import factors, has_matrix, spectrum

    found, rank = Part(), 0
    if has_matrix(part):
        like = spectrum(part, weight)
        rank, norm = like.rank, float(np.linalg.norm(like.sizes))
        out, size = len(like.left), like.right.shape[1]
        if match == "rank":
            found = factors(gaussian([*name, "left"], out, rank), gaussian([*name, "right"], rank, size))
        elif out < size:
            found = factors(np.eye(out), gaussian(name, out, size))
        else:
            found = factors(gaussian(name, out, size), np.eye(size))
        found = _of_norm(found, norm)
    if part.bias is not None:
        drawn = gaussian([*name, "bias"], 1, len(part.bias))[0]
        bias = drawn * (np.linalg.norm(part.bias) / np.linalg.norm(drawn))
        found = replace(found, bias=bias.astype(np.float32))
    return found, rank


def _of_norm(part: Part, norm: float) -> Part:
    from ws_dsl.models.spectra import energy

    drawn = energy(part) ** 0.5
    return part.times(norm / drawn) if drawn else part
