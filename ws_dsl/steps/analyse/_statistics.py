"""Statistics of many samples at once; a missing row is NaN, an undefined result is NaN."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ws_dsl.steps.analyse import _flips

if TYPE_CHECKING:
    import numpy as np

Statistic: TypeAlias = "Callable[[np.ndarray], np.ndarray]"
"""Maps (samples, rows), NaN for a missing row, to one number per sample, NaN where it is undefined."""

NUMBER = r"-?\d+(?:\.\d+)?"
NAMES = (
    "mean, median, sd, n, min, max, clipped_mean, share_ok, share_{gt|ge|lt|le|eq}_NUMBER, quantile_NUMBER;"
    " of a difference: flips, fixed, broken, informedness"
)

_SHARE = re.compile(rf"share_(gt|ge|lt|le|eq)_({NUMBER})")
_QUANTILE = re.compile(r"quantile_(0\.\d+)")


class Named(NamedTuple):
    """A statistic by its name.

    Attributes:
        of: The statistic.
        bootstrapped: Whether resampling tells its uncertainty; not for the extremes, whose bootstrap is
            inconsistent (Bickel & Freedman, 1981), nor for a count.
        least: Rows it needs.
        of_status: Whether it is taken of 1 for `ok` and 0 otherwise, rather than of the values.
        of_sides: Whether it is taken of the two sides of a difference, of shape (samples, rows, 2).
    """

    of: Statistic
    bootstrapped: bool = True
    least: int = 1
    of_status: bool = False
    of_sides: bool = False


def named(name: str, clip: tuple[float, float] | None = None) -> Named:
    """The statistic of this name.

    Raises:
        ValueError: there is none, or it needs a clip that is not given.
    """
    if name == "clipped_mean":
        if clip is None:
            raise ValueError("clipped_mean needs `clip: [low, high]`")
        return Named(partial(clipped_mean, clip=clip))
    if name in _PLAIN:
        return _PLAIN[name]
    if found := _SHARE.fullmatch(name):
        return Named(partial(share, operator=found[1], bound=float(found[2])))
    if found := _QUANTILE.fullmatch(name):
        return Named(partial(quantile, probability=float(found[1])))
    raise ValueError(f"unknown statistic {name!r}; there are {NAMES}")


def compare(operator: str) -> Callable[[np.ndarray, float], np.ndarray]:
    """The elementwise comparison `gt`, `ge`, `lt`, `le` or `eq`."""
    import numpy as np

    return {
        "gt": np.greater,
        "ge": np.greater_equal,
        "lt": np.less,
        "le": np.less_equal,
        "eq": np.equal,
    }[operator]


def count(samples: np.ndarray) -> np.ndarray:
    """Rows that are not missing, int64 of shape (samples,)."""
    import numpy as np

    return (~np.isnan(samples)).sum(axis=1)


def mean(samples: np.ndarray) -> np.ndarray:
    """Mean of the rows of every sample."""
    import numpy as np

    return _over(np.where(np.isnan(samples), 0.0, samples).sum(axis=1), count(samples))


def clipped_mean(samples: np.ndarray, clip: tuple[float, float]) -> np.ndarray:
    """Mean after every value is moved into `clip`."""
    import numpy as np

    return mean(np.clip(samples, *clip))


def sd(samples: np.ndarray) -> np.ndarray:
    """Sample standard deviation of the rows (divisor n − 1)."""
    import numpy as np

    n = count(samples)
    deviations = np.where(np.isnan(samples), 0.0, samples - mean(samples)[:, None])
    return np.sqrt(_over((deviations**2).sum(axis=1), n - 1))


def share(samples: np.ndarray, operator: str, bound: float) -> np.ndarray:
    """Share of the rows that compare so with `bound`."""
    return _over(compare(operator)(samples, bound).sum(axis=1), count(samples))


def quantile(samples: np.ndarray, probability: float) -> np.ndarray:
    """Quantile with linear interpolation between order statistics (type 7 of Hyndman & Fan, 1996)."""
    import numpy as np

    if samples.shape[1] == 0:
        return np.full(len(samples), np.nan)
    ordered = np.sort(samples, axis=1)
    n = count(samples)
    place = np.maximum(n - 1, 0) * probability
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(n - 1, 0))
    each = np.arange(len(samples))
    low, high = ordered[each, below], ordered[each, above]
    return low + (high - low) * (place - below)


def least(samples: np.ndarray) -> np.ndarray:
    """Smallest value."""
    import numpy as np

    found = np.where(np.isnan(samples), np.inf, samples).min(axis=1, initial=np.inf)
    return np.where(count(samples) > 0, found, np.nan)


def greatest(samples: np.ndarray) -> np.ndarray:
    """Largest value."""
    return -least(-samples)


def _over(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.where(denominator > 0, numerator / np.maximum(denominator, 1), np.nan)


_PLAIN = {
    "mean": Named(mean),
    "median": Named(partial(quantile, probability=0.5)),
    "sd": Named(sd, least=2),
    "n": Named(count, bootstrapped=False, least=0),
    "min": Named(least, bootstrapped=False),
    "max": Named(greatest, bootstrapped=False),
    "share_ok": Named(mean, of_status=True),
    "flips": Named(_flips.flips, of_sides=True),
    "fixed": Named(_flips.fixed, of_sides=True),
    "broken": Named(_flips.broken, of_sides=True),
    "informedness": Named(_flips.informedness, of_sides=True),
}
