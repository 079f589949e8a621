"""How far two directions, sets of directions or weight changes point the same way.

What it does
    Of two vectors, and of two weight differences, takes the cosine, and says how often a random direction of
    that width would be as close: the square of its cosine with any fixed one has a Beta(1/2, (width − 1)/2)
    distribution. Where a side has several vectors, compares the spaces that they span: their principal
    angles, and their overlap ‖Q₁ᵀQ₂‖²_F / k, k the smaller of both dimensions, against random spaces.

What it cannot show
    That two close directions mean the same. Directions in a model are far from uniform: activations share a
    few large ones, and vectors made from the same rows share these rows' noise. Compare with vectors made
    from other halves of the rows. Changes of weights by few factors are farther from uniform still.

Inputs and output
    `of`, `to`: Vectors of one width, or Deltas of one model; `model`: whose weights are read where a Delta is
    not written in factors. Gives an Estimate without intervals: `value`, the cosine, undefined where a side
    has several vectors; `p`, the probability that what is random is at least as close, whatever its sign;
    `null_sd`, the standard deviation 1/√width of a random direction's cosine; `overlap`; `expected_overlap`,
    its mean over random spaces; `smallest_angle` and `largest_angle`, principal angles in degrees. `n` is the
    width; of Deltas, the number of entries of the matrices that either changes.

Reference
    Distribution of the cosine of uniform directions: Muirhead, Aspects of Multivariate Statistical Theory
    (1982), theorem 1.5.7. Principal angles: Björck & Golub, Mathematics of Computation 27 (1973).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ws_dsl.artifacts.delta import Delta
from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json, digest
from ws_dsl.specs.kind import Kind, Named, Ref

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.artifacts.delta import Part
    from ws_dsl.steps.cell import Cell, Context, Input

_STATISTICS = ("value", "p", "null_sd", "overlap", "expected_overlap", "smallest_angle", "largest_angle")


class Similarity(Kind[types.Estimate]):
    """Cosine or principal angles of two directions or sets of them."""

    of: Ref[types.Vectors | types.Delta]
    to: Ref[types.Vectors | types.Delta]
    model: Ref[types.Model] = Named("model")

    @classmethod
    def statistics(cls, spec: Similarity, inputs: Mapping[str, Sequence[str] | None]) -> Sequence[str]:
        return _STATISTICS


version = 1


def run(cells: Sequence[Cell[Similarity]], context: Context) -> Iterator[tuple[Cell[Similarity], Artifact]]:
    for cell in cells:
        of, to = cell.open("of"), cell.open("to")
        if isinstance(of, Vectors) and isinstance(to, Vectors):
            yield cell, of_vectors(of, to).to_artifact()
        elif isinstance(of, Delta) and isinstance(to, Delta):
            yield cell, of_deltas(of, to, cell.get("model"), context).to_artifact()
        else:
            raise MeasurementError(
                f"{cell.name}: a vector and a change of weights have no angle between them"
            )


def of_vectors(of: Vectors, to: Vectors) -> Estimate:
    """The cosine of two vectors, or the principal angles of two sets, with the null.

    Raises:
        MeasurementError: vectors of unlike width.
    """
    from ws_dsl.models.directions import overlap

    if of.width != to.width:
        raise MeasurementError(f"vectors of width {of.width} and {to.width} have no angle between them")
    notes: dict[str, Json] = {
        "same_model": of.model == to.model,
        "of": of.site,
        "to": to.site,
        "unit": "cosine",
        "vectors": [len(of.values), len(to.values)],
    }
    if not (of.norms().any() and to.norms().any()):
        return _estimate(of, to, notes, of.width, "a vector of zeros has no direction")
    if len(of.values) == len(to.values) == 1:
        return _estimate(of, to, notes, of.width, _one(float((of.units() @ to.units().T)[0, 0]), of.width))
    found = overlap(*(one.values[one.norms() > 0] for one in (of, to)))
    several = {
        "p": found.p,
        "null_sd": of.width**-0.5,
        "overlap": found.overlap,
        "expected_overlap": found.expected_overlap,
        "smallest_angle": min(found.angles),
        "largest_angle": max(found.angles),
    }
    return _estimate(of, to, notes, of.width, several)


def of_deltas(of: Delta, to: Delta, model: Input | None, context: Context) -> Estimate:
    """The cosine of two changes of weights, all matrices taken as one vector; biases do not count.

    Raises:
        MeasurementError: they change two models, or need the weights of one that is not at hand.
    """
    if of.model != to.model:
        raise MeasurementError("changes of the weights of two models have no angle between them")

    def weight(address: str) -> np.ndarray | None:
        from ws_dsl.models.deltas import weight

        parts = [delta.parts[address] for delta in (of, to) if address in delta.parts]
        if all(part.factored for part in parts):
            return None
        if model is None or model.digest != of.model:
            raise MeasurementError(
                f"{address} changes relative to the weights of a model that is not `model`"
            )
        return weight(context.model(model), address)

    inner = squared_of = squared_to = 0.0
    entries = 0
    for address in sorted(of.parts.keys() | to.parts.keys()):
        one, other = of.parts.get(address), to.parts.get(address)
        matrix = weight(address)
        entries += next((_entries(part, matrix) for part in (one, other) if part and _there(part)), 0)
        if one and other:
            inner += product(one, other, matrix)
        squared_of += product(one, one, matrix) if one else 0.0
        squared_to += product(other, other, matrix) if other else 0.0
    notes: dict[str, Json] = {"same_model": True, "unit": "cosine"}
    if squared_of <= 0 or squared_to <= 0:
        return _estimate(of, to, notes, entries, "a change of nothing has no direction")
    return _estimate(of, to, notes, entries, _one(inner / math.sqrt(squared_of * squared_to), entries))


def product(one: Part, other: Part, weight: np.ndarray | None = None) -> float:
    """Frobenius inner product of two changes of one matrix; factors are not written out.

    Args:
        one: A change.
        other: Another.
        weight: The matrix, (out, in); not needed where both are factored.
    """
    import numpy as np

    if not (_there(one) and _there(other)):
        return 0.0
    if one.factored and other.factored:
        left, right, up, down = (
            np.asarray(factor, np.float64) for factor in (one.left, one.right, other.left, other.right)
        )
        return float(np.sum((left.T @ up) * (right @ down.T)))
    return float(np.sum(one.dense(weight) * other.dense(weight)))


def _there(part: Part) -> bool:
    """Whether the matrix itself is changed."""
    return part.left is not None or not part.factored


def _entries(part: Part, weight: np.ndarray | None) -> int:
    if part.left is not None and part.right is not None:
        return part.left.shape[0] * part.right.shape[1]
    assert weight is not None
    return weight.size


def _one(cosine: float, width: int) -> dict[str, float]:
    from ws_dsl.models.directions import chance_of_cosine

    cosine = min(1.0, max(-1.0, cosine))
    angle = math.degrees(math.acos(abs(cosine)))
    return {
        "value": cosine,
        "p": chance_of_cosine(cosine, width) if width > 1 else 1.0,
        "null_sd": width**-0.5,
        "overlap": cosine**2,
        "expected_overlap": 1 / width,
        "smallest_angle": angle,
        "largest_angle": angle,
    }


def _estimate(
    of: Vectors | Delta, to: Vectors | Delta, notes: dict[str, Json], n: int, found: dict[str, float] | str
) -> Estimate:
    """The statistics that there are; of the others, why they are not."""
    reason = found if isinstance(found, str) else "several vectors span a space: see overlap"
    values: dict[str, Any] = {} if isinstance(found, str) else found
    stats = {
        name: Stat(values.get(name), None, None, None, n, "" if name in values else reason)
        for name in _STATISTICS
    }
    return Estimate(stats, {}, "", digest(sorted({*of.made_on, *to.made_on})), notes)
