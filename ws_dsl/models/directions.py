"""Directions beside each other: cosines and principal angles, against what random directions give.

Not a measure of what directions do: two with a small cosine may move behaviour alike, since a model reads
many directions.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

_DRAWS = 999


def expected_cosine(width: int) -> float:
    """Mean |cos| of two directions drawn at random in a space of this width, at least 2.

    Γ(d/2) / (√π Γ((d+1)/2)): a direction is a point of the sphere, and the square of one coordinate of such a
    point is Beta(1/2, (d−1)/2).
    """
    return math.exp(math.lgamma(width / 2) - math.lgamma((width + 1) / 2)) / math.sqrt(math.pi)


def chance_of_cosine(cosine: float, width: int, searched: int = 1) -> float:
    """Probability that the largest |cos| of so many random directions with a given one is as large."""
    from scipy.special import betainc

    single = float(betainc((width - 1) / 2, 0.5, max(1.0 - cosine * cosine, 0.0)))
    return -math.expm1(searched * math.log1p(-single)) if single < 1 else 1.0


class Overlap(NamedTuple):
    """How far two sets of directions span the same space.

    Attributes:
        angles: Principal angles in degrees, smallest first.
        overlap: Mean squared cosine of the angles: 1 where one span holds the other, 0 where they are
            orthogonal.
        expected_overlap: What it is on average for random spans of the same dimensions.
        p: Share of random spans with as large an overlap, of 999 and the one that is asked about.
    """

    angles: list[float]
    overlap: float
    expected_overlap: float
    p: float


def overlap(first: np.ndarray, second: np.ndarray) -> Overlap:
    """Principal angles between the spans of two sets.

    Args:
        first: Directions of shape (directions, width), not of zeros.
        second: Directions of the same width.

    Björck and Golub, Numerical methods for computing angles between linear subspaces, 1973. Of random spans
    of dimensions p ≤ q in width d the mean overlap is q/d.
    """
    one, two = _basis(first), _basis(second)
    cosines = np.linalg.svd(one.T @ two, compute_uv=False).clip(0.0, 1.0)
    small, large = sorted((one.shape[1], two.shape[1]))
    found = float(np.mean(cosines**2))
    width = first.shape[1]
    as_large = sum(drawn >= found for drawn in _random_overlaps(small, large, width))
    return Overlap(
        [math.degrees(math.acos(cosine)) for cosine in cosines],
        found,
        large / width,
        (1 + as_large) / (1 + _DRAWS),
    )


def _basis(directions: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span the directions, of shape (width, rank)."""
    wide = directions.astype(np.float64)
    wide = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    _, sizes, rows = np.linalg.svd(wide, full_matrices=False)
    kept = sizes > sizes[0] * max(wide.shape) * np.finfo(np.float32).eps
    return rows[kept].T


def _random_overlaps(small: int, large: int, width: int) -> list[float]:
    """Overlaps of random spans with a fixed one, which by symmetry may be that of the first coordinates."""
    generator = np.random.default_rng(0)
    found: list[float] = []
    for _ in range(_DRAWS):
        basis, _ = np.linalg.qr(generator.standard_normal((width, small)))
        found.append(float(np.sum(basis[:large] ** 2)) / small)
    return found
