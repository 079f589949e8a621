"""Rows whose sign an arm turns, of the two sides of a difference: (samples, rows, [plus, minus]).

A row is right where its signed score is above 0. The base is the minus side, the arm the plus side. A mean
can rise while more rows are broken than fixed, since it follows the scale of the scores; these counts do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class Turned(NamedTuple):
    """Numbers of rows, float64 of shape (samples,).

    Attributes:
        wrong: Wrong at the base.
        right: Right at the base.
        fixed: Wrong at the base, right under the arm.
        broken: Right at the base, wrong under the arm.
    """

    wrong: np.ndarray
    right: np.ndarray
    fixed: np.ndarray
    broken: np.ndarray


def turned(samples: np.ndarray) -> Turned:
    """How many rows each sample turns; a row is missing on both sides or on none."""
    import numpy as np

    present = ~np.isnan(samples[..., 0])
    arm, base = samples[..., 0] > 0, samples[..., 1] > 0
    counts = (present & ~base, present & base, present & ~base & arm, present & base & ~arm)
    return Turned(*(count.sum(axis=1).astype(np.float64) for count in counts))


def flips(samples: np.ndarray) -> np.ndarray:
    """Share of rows whose sign turns."""
    found = turned(samples)
    return over(found.fixed + found.broken, found.right + found.wrong)


def fixed(samples: np.ndarray) -> np.ndarray:
    """Share of rows that turn from wrong to right."""
    found = turned(samples)
    return over(found.fixed, found.right + found.wrong)


def broken(samples: np.ndarray) -> np.ndarray:
    """Share of rows that turn from right to wrong."""
    found = turned(samples)
    return over(found.broken, found.right + found.wrong)


def informedness(samples: np.ndarray) -> np.ndarray:
    """Share of the wrong rows that are fixed minus share of the right rows that are broken."""
    found = turned(samples)
    return over(found.fixed, found.wrong) - over(found.broken, found.right)


def over(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """The quotient; NaN where nothing is counted."""
    import numpy as np

    return np.where(denominator > 0, numerator / np.maximum(denominator, 1), np.nan)


def one_sided(of_sides: np.ndarray) -> str:
    """Why informedness is undefined for rows of shape (rows, 2); empty where it is not."""
    found = turned(of_sides[None])
    missing = [name for name, count in (("wrong", found.wrong), ("right", found.right)) if not count[0]]
    return f"no row is {' or '.join(missing)} at the base" if missing else ""
