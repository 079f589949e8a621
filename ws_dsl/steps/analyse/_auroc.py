"""How well scores tell positive rows from negative ones, of weighted samples and of permuted labels.

Not a measure of calibration: only the order of the scores counts, and for `r_pb` their distances.

Reference: Mann & Whitney, Annals of Mathematical Statistics 18 (1947): AUROC = U / (n₁ n₀), ties half.
Strata are pooled by their pairs, U and n₁ n₀ summed, as in the van Elteren family of tests.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ws_dsl.specs.canonical import digest

if TYPE_CHECKING:
    import numpy as np

PERMUTATIONS = 1999
"""Permutations of the labels; with the observed one, p is a multiple of 1/2000."""


class Scored(NamedTuple):
    """Rows of one cell.

    Attributes:
        score: float64 of shape (rows,); NaN where there is none.
        positive: bool of shape (rows,).
        labelled: bool of shape (rows,): whether there is a label.
        stratum: int64 of shape (rows,), from 0.
        unit: Likewise: rows of one unit vary together.
    """

    score: np.ndarray
    positive: np.ndarray
    labelled: np.ndarray
    stratum: np.ndarray
    unit: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """Rows with a score and a label."""
        import numpy as np

        return self.labelled & ~np.isnan(self.score)


class Sorted(NamedTuple):
    """Rows in the order of their scores.

    Attributes:
        rows: Their places.
        starts: Where each distinct score begins.
        positive: Whether they are positive.
    """

    rows: np.ndarray
    starts: np.ndarray
    positive: np.ndarray


def in_order(scored: Scored, rows: np.ndarray) -> Sorted:
    """Some rows in the order of their scores."""
    import numpy as np

    rows = rows[np.argsort(scored.score[rows], kind="stable")]
    values = scored.score[rows]
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    return Sorted(rows, starts, scored.positive[rows])


class Ranked(NamedTuple):
    """Sums over the rows of weighted samples, each of shape (samples,).

    Attributes:
        positives: Weight of the positive rows.
        negatives: Weight of the negative rows.
        wins: Mann–Whitney U: weight of the pairs in which the positive row scores higher, ties half.
        rank_variance: Sum of squared deviations of the average ranks from their mean.
    """

    positives: np.ndarray
    negatives: np.ndarray
    wins: np.ndarray
    rank_variance: np.ndarray


def ranked(order: Sorted, weights: np.ndarray) -> Ranked:
    """Sums for samples given by weights, float64 of shape (samples, all rows)."""
    import numpy as np

    drawn = weights[:, order.rows]
    positive = np.where(order.positive, drawn, 0.0)
    if len(order.starts) < len(order.rows):
        drawn, positive = (np.add.reduceat(part, order.starts, axis=1) for part in (drawn, positive))
    below = np.cumsum(drawn, axis=1)
    total, positives = below[:, -1], positive.sum(axis=1)
    ranks = below - drawn / 2
    rank_sum = np.einsum("sl,sl->s", positive, ranks)
    squares = np.einsum("sl,sl,sl->s", drawn, ranks, ranks)
    return Ranked(positives, total - positives, rank_sum - positives**2 / 2, squares - total**3 / 4)


class Strengths:
    """Statistics of weighted samples of one cell's rows."""

    def __init__(self, scored: Scored):
        import numpy as np

        rows = np.flatnonzero(scored.present)
        self._all = in_order(scored, rows)
        present = [rows[scored.stratum[rows] == one] for one in np.unique(scored.stratum[rows])]
        self._strata = [in_order(scored, some) for some in present]
        self._rows = rows
        self._centred = scored.score[rows] - scored.score[rows].mean()
        self._positive = scored.positive[rows]

    def of(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """`auroc`, `auroc_within`, `r_pb` and `spearman`, each of shape (samples,); NaN where undefined.

        Args:
            weights: float64 of shape (samples, all rows).
        """
        import numpy as np

        whole = ranked(self._all, weights)
        total, pairs = whole.positives + whole.negatives, whole.positives * whole.negatives
        strata = [ranked(order, weights) for order in self._strata] if len(self._strata) > 1 else [whole]
        wins = np.sum([one.wins for one in strata], axis=0)
        comparable = np.sum([one.positives * one.negatives for one in strata], axis=0)
        covariance = whole.wins - pairs / 2
        return {
            "auroc": _over(whole.wins, pairs),
            "auroc_within": _over(wins, comparable),
            "r_pb": self._point_biserial(weights[:, self._rows], pairs / total),
            "spearman": _over(covariance, _root(whole.rank_variance, total**3) * _root(pairs / total)),
        }

    def _point_biserial(self, drawn: np.ndarray, label_variance: np.ndarray) -> np.ndarray:
        import numpy as np

        score = self._centred
        total, first, second = drawn.sum(axis=1), drawn @ score, drawn @ score**2
        both, positives = drawn @ np.where(self._positive, score, 0.0), drawn @ self._positive.astype(float)
        covariance = both - first * positives / total
        return _over(covariance, _root(second - first**2 / total, second) * _root(label_variance))


def _root(variance: np.ndarray, scale: np.ndarray | float = 1.0) -> np.ndarray:
    """The square root; 0 where the number is nothing but rounding."""
    import numpy as np

    return np.sqrt(np.where(variance > 1e-12 * scale, variance, 0.0))


def _over(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.where(denominator > 0, numerator / np.where(denominator > 0, denominator, 1.0), np.nan)


def permuted_deviation(cells: list[Scored], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """|AUROC within strata − ½| of every cell, and of every cell under every permutation of the labels.

    Labels are permuted among the rows that have one, as `row_permutations` does; cells of one row set whose
    labels are there in the same rows get the same permutations.

    Returns:
        float64 of shape (cells,) and (permutations, cells).
    """
    import numpy as np

    observed = np.full(len(cells), np.nan)
    permuted = np.full((PERMUTATIONS, len(cells)), np.nan)
    alike: dict[tuple[bytes, ...], list[int]] = {}
    for place, one in enumerate(cells):
        alike.setdefault(tuple(part.tobytes() for part in one[1:]), []).append(place)
    for places in alike.values():
        first = cells[places[0]]
        rows = np.flatnonzero(first.labelled)
        drawn = first.positive[rows][row_permutations(first.stratum[rows], first.unit[rows], seed)]
        labels = np.concatenate([first.positive[rows][None], drawn]).astype(np.float64)
        scores = np.stack([cells[place].score[rows] for place in places], axis=1)
        deviation = np.abs(auroc_of_labels(labels, scores, first.stratum[rows]) - 0.5)
        observed[places], permuted[:, places] = deviation[0], deviation[1:]
    return observed, permuted


def auroc_of_labels(labels: np.ndarray, scores: np.ndarray, stratum: np.ndarray) -> np.ndarray:
    """AUROC within strata of many labellings of many scores.

    Args:
        labels: 1 or 0, float64 of shape (labellings, rows).
        scores: float64 of shape (rows, scores); NaN where there is none.
        stratum: Of every row.

    Returns:
        float64 of shape (labellings, scores); NaN where no pair can be compared.
    """
    import numpy as np

    from ws_dsl.steps.analyse.correlation import average_ranks, levels

    wins = np.zeros((len(labels), scores.shape[1]))
    pairs = np.zeros_like(wins)
    for one in np.unique(stratum):
        some = stratum == one
        present = ~np.isnan(scores[some])
        ranks = np.nan_to_num(average_ranks(levels(scores[some])[None])[0])
        mine = labels[:, some]
        positives = mine @ present.astype(np.float64)
        wins += mine @ ranks - positives * (positives + 1) / 2
        pairs += positives * (present.sum(axis=0) - positives)
    return _over(wins, pairs)


def row_permutations(stratum: np.ndarray, unit: np.ndarray, seed: int) -> np.ndarray:
    """Permutations of rows within strata, of which rows of one unit stay together.

    Units change places, and rows within their unit. A stratum's rows, unit after unit, take those of the
    same stratum in the order that the units have now, one order for all strata. Where a unit has fewer rows
    than the one whose place it takes, those of the next follow; where it is alone in its stratum, its rows
    change places and nothing else.

    Args:
        stratum: int64 of shape (rows,).
        unit: Likewise, from 0.
        seed: Of the permutations.

    Returns:
        int32 of shape (permutations, rows); alike for alike strata and units.
    """
    return _permutations(stratum.tobytes(), unit.tobytes(), seed)


@lru_cache(maxsize=2)
def _permutations(strata: bytes, units: bytes, seed: int) -> np.ndarray:
    import numpy as np

    stratum, unit = (np.frombuffer(part, dtype=np.int64) for part in (strata, units))
    key = int(digest(["label permutations", seed])[:32], 16)
    drawn = np.random.Philox(key=key)
    own, of_units = (
        drawn.random_raw(PERMUTATIONS * many).reshape(PERMUTATIONS, many)
        for many in (len(unit), int(unit.max(initial=-1)) + 1)
    )
    found = np.empty(own.shape, dtype=np.int32)
    for one in np.unique(stratum):
        rows = np.flatnonzero(stratum == one)
        rows = rows[np.argsort(unit[rows], kind="stable")]
        found[:, rows] = rows[np.lexsort((own[:, rows], of_units[:, unit[rows]]))]
    return found
