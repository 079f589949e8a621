"""Subspaces that mean nothing, of the dimensions of others.

What it does
    Draws a subspace uniformly for every matrix of `like`, with as many directions there: what an ablation
    with a basis does is compared with what it does with any basis of that size.

What it cannot show
    What a basis of directions that the model uses would do by chance. Activations and weights lie along
    few directions, which random ones hardly meet.

Inputs and output
    `like`: Basis; `seed`: of the draw, scope `data`. The random numbers are named by the seed and the
    address of each matrix. Gives a Basis, of the same side.

Reference
    A uniform subspace of k of d directions holds k/d of the energy of any fixed change, on average. The
    orthogonal factor of Gaussian numbers: Mezzadri, 2007.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.basis import Basis
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref, Seed
from ws_dsl.steps.cell import Cell, Context


class RandomBasis(Kind[types.Basis]):
    """Random directions, as many as another basis has."""

    like: Ref[types.Basis]
    seed: Annotated[int, Seed("data")]


version = 1


def run(cells: Sequence[Cell[RandomBasis]], context: Context) -> Iterator[tuple[Cell[RandomBasis], Artifact]]:
    import numpy as np

    from ws_dsl.models.draws import orthonormal

    for cell in cells:
        like: Basis = cell.open("like")
        drawn = {
            address: orthonormal(["random_basis", cell.spec.seed, address], *values.shape).astype(np.float32)
            for address, values in like.columns.items()
        }
        notes = {"method": "random_basis", "seed": cell.spec.seed}
        yield cell, replace(like, columns=drawn, made_from=[], notes=dict(notes)).to_artifact()
