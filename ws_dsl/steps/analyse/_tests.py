"""Tests that the values of units are centred at 0, and corrections of their p for several of them.

Reference: Conover, Practical Nonparametric Statistics (1999), §3.4, for the sign test; Fisher, The Design of
Experiments (1935), §21, for flipped signs; Holm (1979); Benjamini & Hochberg (1995).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

FLIPS = 9999
"""Random flips of the signs; with the observed ones, p is a multiple of 1/10000."""

_AT_ONCE = 1111


def sign_test(sums: np.ndarray) -> float:
    """Two-sided binomial p of the number of positive values; zeros are left out."""
    from scipy.special import bdtr

    positive, n = int((sums > 0).sum()), int((sums != 0).sum())
    return min(1.0, 2 * float(bdtr(min(positive, n - positive), n, 0.5))) if n else 1.0


def permutation_test(sums: np.ndarray, key: str) -> float:
    """Share of random sign flips whose sum is as far from 0.

    Args:
        sums: Sum of the values of every unit, float64 of shape (units,).
        key: Hexadecimal digest that names the flips: the same for the same units.
    """
    import numpy as np

    stream = np.random.Philox(key=int(key[:32], 16))
    observed = abs(float(sums.sum()))
    words = -(-len(sums) // 64)
    as_far = 0
    for _ in range(FLIPS // _AT_ONCE):
        drawn = stream.random_raw(_AT_ONCE * words).astype("<u8").view(np.uint8).reshape(_AT_ONCE, -1)
        flipped = np.unpackbits(drawn, axis=1)[:, : len(sums)]
        totals = sums.sum() - 2 * (flipped.astype(np.float64) @ sums)
        as_far += int((np.abs(totals) >= observed * (1 - 1e-12)).sum())
    return (1 + as_far) / (1 + FLIPS)


def adjusted(p: Sequence[float], correction: str) -> list[float]:
    """P corrected for their number, in their order; `holm` bounds any false finding, `bh` their share."""
    order = sorted(range(len(p)), key=lambda place: p[place])
    found = [0.0] * len(p)
    if correction == "holm":
        bound = 0.0
        for rank, place in enumerate(order):
            bound = max(bound, min(1.0, (len(p) - rank) * p[place]))
            found[place] = bound
    else:
        bound = 1.0
        for rank, place in reversed(list(enumerate(order, 1))):
            bound = min(bound, len(p) / rank * p[place])
            found[place] = bound
    return found
