"""Changes of weight matrices in singular coordinates, without writing out what is factored.

Everything is computed in float64. The numerical rank of a matrix counts the singular values above `TOLERANCE`
times the largest: factors are float32, and products of them have no more digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ws_dsl.artifacts.delta import Part

TOLERANCE = 10 * float(np.finfo(np.float32).eps)
"""Singular values below this share of the largest are rounding."""


class Spectrum(NamedTuple):
    """A thin singular value decomposition, cut at the numerical rank.

    Attributes:
        left: (out, rank), orthonormal columns.
        sizes: (rank,), singular values, largest first.
        right: (rank, in), orthonormal rows.
    """

    left: np.ndarray
    sizes: np.ndarray
    right: np.ndarray

    @property
    def rank(self) -> int:
        """Numerical rank."""
        return len(self.sizes)

    @property
    def most(self) -> int:
        """The rank that a matrix of this shape could have."""
        return min(len(self.left), self.right.shape[1])

    def band(self, start: int, stop: int) -> Part:
        """The part of the matrix in some of its own directions."""
        half = np.sqrt(self.sizes[start:stop])
        return factors(self.left[:, start:stop] * half, half[:, None] * self.right[start:stop])


def factors(left: np.ndarray, right: np.ndarray) -> Part:
    """The change `left @ right`."""
    return Part(left=left.astype(np.float32), right=right.astype(np.float32))


def has_matrix(part: Part) -> bool:
    """Whether a change has any term beside a bias."""
    return part.left is not None or not part.factored


def spectrum(part: Part, weight: np.ndarray | None = None, scale: float = 0.0) -> Spectrum:
    """Singular value decomposition of a change that `has_matrix`.

    Args:
        part: The change.
        weight: W, (out, in); not needed where the change is factored.
        scale: The largest singular value of what the change is a remainder of: what is rounding beside that
            is left out as well.
    """
    if part.factored and part.left is not None and part.right is not None:
        return _cut(*_of_factors(part.left, part.right), scale)
    return _cut(*np.linalg.svd(part.dense(weight), full_matrices=False), scale)


def spectrum_of(matrix: np.ndarray) -> Spectrum:
    """Singular value decomposition of a matrix."""
    return _cut(*np.linalg.svd(matrix.astype(np.float64), full_matrices=False), 0.0)


def energy(part: Part, weight: np.ndarray | None = None) -> float:
    """Squared Frobenius norm of a change; its bias does not count."""
    if part.factored and part.left is not None and part.right is not None:
        left, right = part.left.astype(np.float64), part.right.astype(np.float64)
        return max(float(np.sum((left.T @ left) * (right @ right.T))), 0.0)
    return float(np.sum(part.dense(weight) ** 2))


def from_left(columns: np.ndarray, part: Part, weight: np.ndarray | None = None) -> np.ndarray:
    """`columns.T @ dW`, float64 of shape (k, in).

    Args:
        columns: (out, k).
        part: dW, which `has_matrix`.
        weight: W, (out, in); not needed where the change is factored.
    """
    wide = columns.astype(np.float64)
    if part.factored and part.left is not None and part.right is not None:
        return (wide.T @ part.left.astype(np.float64)) @ part.right.astype(np.float64)
    return wide.T @ part.dense(weight)


def from_right(part: Part, columns: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """`dW @ columns`, float64 of shape (out, k).

    Args:
        part: dW, which `has_matrix`.
        columns: (in, k).
        weight: W, (out, in); not needed where the change is factored.
    """
    wide = columns.astype(np.float64)
    if part.factored and part.left is not None and part.right is not None:
        return part.left.astype(np.float64) @ (part.right.astype(np.float64) @ wide)
    return part.dense(weight) @ wide


def remainder(whole: Part, kept: Part) -> Part:
    """What is left of a change when a factored part of it is taken away.

    Where the whole is factored too, the remainder has no more factors than its rank needs.
    """
    left = whole.plus(kept.times(-1.0))
    if not left.factored or left.left is None or left.right is None or kept.left is None:
        return left
    assert whole.left is not None and whole.right is not None
    # In a remainder of next to nothing, rounding of the whole would look like directions of its own.
    largest = float(_of_factors(whole.left, whole.right)[1].max(initial=0.0))
    found = spectrum(replace(left, bias=None), scale=largest)
    return replace(found.band(0, found.rank), bias=left.bias)


def joint_columns(matrices: Sequence[Spectrum], normalise: bool) -> Spectrum:
    """Left singular directions of matrices side by side, with the same number of rows.

    The columns of U S V' span what those of U S do, and have the same left singular directions and values:
    the matrices themselves are never written side by side.

    Args:
        matrices: At least one.
        normalise: Whether each is first divided by its Frobenius norm.
    """
    scaled = [
        one.left * (one.sizes / (np.linalg.norm(one.sizes) if normalise and one.rank else 1.0))
        for one in matrices
    ]
    return _cut(*np.linalg.svd(np.concatenate(scaled, axis=1), full_matrices=False), 0.0)


def _of_factors(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Singular value decomposition of a product through the small matrix between its factors' bases."""
    outer, first = np.linalg.qr(left.astype(np.float64))
    inner, second = np.linalg.qr(right.astype(np.float64).T)
    turned, sizes, other = np.linalg.svd(first @ second.T, full_matrices=False)
    return outer @ turned, sizes, other @ inner.T


def _cut(left: np.ndarray, sizes: np.ndarray, right: np.ndarray, scale: float) -> Spectrum:
    largest = max(float(sizes.max(initial=0.0)), scale)
    rank = int(np.sum(sizes > TOLERANCE * largest))
    return Spectrum(left[:, :rank], sizes[:rank], right[:rank])
