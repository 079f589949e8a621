"""Directions that mean nothing, as long as those that are to mean something.

What it does
    Draws a direction uniformly from the sphere for every vector of `like`, and gives it that vector's norm
    and place: what a vector does is compared with what any vector of its size does.

What it cannot show
    Whether a vector of another size would do more.

Inputs and output
    `like`: Vectors; `seed`: of the draw. The random numbers are named by the seed and the label of each
    vector. Gives Vectors.

Reference
    Muller, A note on a method for generating points uniformly on n-dimensional spheres, 1959.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.specs import types
from ws_dsl.specs.canonical import digest
from ws_dsl.specs.kind import Kind, Ref, Seed
from ws_dsl.steps.cell import Cell, Context

if TYPE_CHECKING:
    import numpy as np


class RandomVectors(Kind[types.Vectors]):
    """Random directions of the norm of others."""

    like: Ref[types.Vectors]
    seed: Annotated[int, Seed("data")]


version = 1


def run(
    cells: Sequence[Cell[RandomVectors]], context: Context
) -> Iterator[tuple[Cell[RandomVectors], Artifact]]:
    import numpy as np

    for cell in cells:
        like: Vectors = cell.open("like")
        drawn = np.stack([direction(cell.spec.seed, label, like.width) for label in like.labels])
        values = (drawn * like.norms()[:, None]).astype(np.float32)
        notes = {**like.notes, "seed": cell.spec.seed}
        yield cell, replace(like, values=values, method="random_vectors", notes=notes).to_artifact()


def direction(seed: int, label: str, width: int) -> np.ndarray:
    """A point of the unit sphere, float64 of shape (width,)."""
    import numpy as np

    # Raw Philox output is the same for good; numpy's own normal numbers may change with its version.
    stream = np.random.Philox(key=int(digest([seed, label])[:32], 16)).random_raw(2 * width)
    first, second = ((stream >> np.uint64(11)) + 0.5).reshape(2, width) * 2.0**-53
    drawn = np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * second)
    return drawn / np.linalg.norm(drawn)
