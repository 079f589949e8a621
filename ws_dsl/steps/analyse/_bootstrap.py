"""The bootstrap of units, crossed with the labels of resampled pooled axes.

Every draw takes as many units as there are, with replacement, and, independently, as many labels of each
resampled axis as it has. The draws follow from the identity of the units alone, so that all statistics of one
row set rest on the same resampled units and differences between them stay paired.

Reference: Efron & Tibshirani, An Introduction to the Bootstrap (1993), ch. 6 and 13; Owen, The pigeonhole
bootstrap, Annals of Applied Statistics 1 (2007), for crossed factors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ws_dsl.artifacts.estimate import Stat
from ws_dsl.specs.canonical import digest
from ws_dsl.steps.analyse._observations import row_columns

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.artifacts.rows import Rows
    from ws_dsl.steps.analyse._observations import Id
    from ws_dsl.steps.analyse._statistics import Named

DRAWS = 2000
LEVEL = 0.95

_AT_ONCE = 100
_KEPT_UNITS = 2000
_DEFINED_SHARE = 0.95


class Sample(NamedTuple):
    """Units ready to be resampled.

    Attributes:
        values: float64 of shape (units, rows of the largest unit, *further axes); NaN where there is no
            observation.
        strata: Places of units that are resampled among themselves, each with the digest of its units.
        resampled: Further axes, counted from 0, whose labels are resampled too.
    """

    values: np.ndarray
    strata: list[tuple[list[int], str]]
    resampled: tuple[int, ...] = ()

    @property
    def units(self) -> str:
        """Digest of what is resampled: draws pair where it is equal."""
        return digest([stratum for _, stratum in self.strata])


def unit_ids(keys: tuple[str, ...], ids: list[Id], rows: Rows | None) -> list[Id]:
    """The unit of every row: the `unit` columns of the rows behind it, or its own key."""
    return ids if rows is None or rows.unit == rows.keys == keys else row_columns(keys, ids, rows, rows.unit)


def grouped(
    values: np.ndarray,
    units: Sequence[Id],
    resampled: tuple[int, ...] = (),
    strata: Sequence[Id] | None = None,
) -> Sample:
    """Rows gathered by their unit.

    Args:
        values: float64 of shape (rows, *further axes).
        units: Unit of every row.
        resampled: Further axes whose labels are resampled.
        strata: Membership flags of every row. Units that are alike in which flags their rows raise are
            resampled among themselves, and units that raise none are left out; by default all units are one
            stratum.
    """
    import numpy as np

    order = sorted(set(units), key=repr)
    members: dict[Id, list[int]] = {unit: [] for unit in order}
    for row, unit in enumerate(units):
        members[unit].append(row)
    size = max((len(found) for found in members.values()), default=1)
    gathered = np.full((len(order), size, *values.shape[1:]), np.nan)
    for place, unit in enumerate(order):
        gathered[place, : len(members[unit])] = values[members[unit]]
    return Sample(gathered, _strata(order, members, strata), resampled)


def _strata(
    order: list[Id], members: dict[Id, list[int]], strata: Sequence[Id] | None
) -> list[tuple[list[int], str]]:
    if strata is None:
        return [(list(range(len(order))), digest([list(unit) for unit in order]))]
    alike: dict[Id, list[int]] = {}
    for place, unit in enumerate(order):
        flags = tuple(map(any, zip(*(strata[row] for row in members[unit]), strict=True)))
        if any(flags):
            alike.setdefault(flags, []).append(place)
    units = [[list(order[place]) for place in alike[flags]] for flags in sorted(alike)]
    return [(alike[flags], digest(ids)) for flags, ids in zip(sorted(alike), units, strict=True)]


def measure(
    sample: Sample, asked: Mapping[str, Named], n: int, axes: int = 0
) -> tuple[dict[str, Stat], dict[str, np.ndarray]]:
    """Statistics by name with their intervals, and the draws of those that have one.

    Repeats along the further axes are averaged per row, within every draw, the last `axes` of them kept: a
    statistic of several columns receives (samples, rows, *kept).

    Args:
        sample: The units.
        asked: The statistics.
        n: Rows with a value.
        axes: Number of further axes that the statistics themselves read.
    """
    possible = {name: one for name, one in asked.items() if n >= one.least}
    points = _each(possible, [_rows_of(sample.values[None], axes)])
    resampled = {name: one for name, one in possible.items() if one.bootstrapped}
    drawn = _each(resampled, _samples(sample, axes)) if resampled else {}
    smallest = min((len(places) for places, _ in sample.strata), default=0)
    stats = {name: _stat(points, drawn, name, one.least, n, smallest) for name, one in asked.items()}
    return stats, {name: values for name, values in drawn.items() if stats[name].low is not None}


def interval(drawn: np.ndarray) -> tuple[float, float, float] | None:
    """Ends of the percentile interval and standard deviation of the draws.

    None where a draw is undefined too often for them to mean anything.
    """
    import numpy as np

    defined = drawn[~np.isnan(drawn)]
    if len(defined) < _DEFINED_SHARE * len(drawn):
        return None
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high), float(defined.std(ddof=1))


def weights(units: Sequence[Id], strata: Sequence[Id]) -> tuple[str, int, Iterator[np.ndarray]]:
    """How often every row is drawn, for statistics that a weighted sample gives faster than a drawn one.

    Args:
        units: Unit of every row.
        strata: Membership flags of every row, as for `grouped`.

    Returns:
        Digest of what is resampled, units of the smallest stratum, and blocks of weights, float64 of shape
        (draws of the block, rows): the draws that `measure` takes of the same units.
    """
    import numpy as np

    sample = grouped(np.zeros((len(units), 0)), units, (), strata)
    place = {unit: place for place, unit in enumerate(sorted(set(units), key=repr))}
    of_row = np.array([place[unit] for unit in units], dtype=np.int64)

    def blocks() -> Iterator[np.ndarray]:
        offset = np.arange(_AT_ONCE)[:, None] * len(place)
        for block in range(DRAWS // _AT_ONCE):
            chosen = [np.asarray(places)[_index(key, len(places), block)] for places, key in sample.strata]
            flat = (np.concatenate(chosen, axis=1) + offset).ravel()
            counts = np.bincount(flat, minlength=_AT_ONCE * len(place))
            yield counts.reshape(_AT_ONCE, len(place))[:, of_row].astype(np.float64)

    return sample.units, min((len(places) for places, _ in sample.strata), default=0), blocks()


def seed_labels(drawn: np.ndarray, places: Sequence[tuple[int, ...]], resampled: Sequence[int]) -> np.ndarray:
    """Draws of the cells along pooled axes, the labels of seeds drawn with replacement in every draw.

    Args:
        drawn: Draws of every cell, float64 of shape (cells, draws).
        places: Place of every cell along the pooled axes.
        resampled: The pooled axes that are seeds.

    Returns:
        float64 of shape (cells, draws): for every cell, the draw of the cell that stands in for it.
    """
    import numpy as np

    axes = [sorted({place[axis] for place in places}) for axis in range(len(places[0]))]
    stand_in = np.tile(np.array(places), (drawn.shape[1], 1, 1))
    for i, axis in enumerate(resampled):
        labels = np.array(axes[axis])
        seed = digest({"axis": i, "labels": len(labels)})
        blocks = [_index(seed, len(labels), block) for block in range(DRAWS // _AT_ONCE)]
        chosen = labels[np.concatenate(blocks)]
        stand_in[..., axis] = np.take_along_axis(chosen, np.searchsorted(labels, stand_in[..., axis]), axis=1)
    cells = {place: cell for cell, place in enumerate(places)}
    picked = np.array([[cells.get(tuple(place), -1) for place in draw] for draw in stand_in.tolist()])
    found = drawn[picked, np.arange(drawn.shape[1])[:, None]]
    return np.where(picked < 0, np.nan, found).T


def _each(statistics: Mapping[str, Named], samples: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
    """Every statistic of every sample, float64 of shape (samples,)."""
    import numpy as np

    blocks = [[one.of(block) for one in statistics.values()] for block in samples]
    joined = [np.concatenate(found).astype(np.float64) for found in zip(*blocks, strict=True)]
    return dict(zip(statistics, joined, strict=True))


def _stat(
    points: Mapping[str, np.ndarray],
    drawn: Mapping[str, np.ndarray],
    name: str,
    least: int,
    n: int,
    units: int,
) -> Stat:
    if n == 0 < least:
        return Stat(None, None, None, None, n, "no row has a value")
    if name not in points:
        return Stat(None, None, None, None, n, f"needs at least {least} rows and has {n}")
    value = float(points[name][0])
    if value != value:
        return Stat(None, None, None, None, n, "does not exist for these values")
    if name not in drawn:
        return Stat(value, None, None, None, n)
    if units < 2:
        return Stat(value, None, None, None, n, "no interval: fewer than two units to resample in a group")
    found = interval(drawn[name])
    if found is None:
        return Stat(value, None, None, None, n, "no interval: undefined in too many resamples")
    return Stat(value, *found, n)


def _samples(sample: Sample, axes: int) -> Iterator[np.ndarray]:
    """The resampled rows, `_AT_ONCE` draws at a time, which bounds memory."""
    import numpy as np

    further = sample.values.shape[2:]
    labels = [(axis, digest({"axis": i, "labels": further[axis]})) for i, axis in enumerate(sample.resampled)]
    values = sample.values if labels else _average(sample.values, axes)
    for block in range(DRAWS // _AT_ONCE):
        chosen = [np.asarray(places)[_index(units, len(places), block)] for places, units in sample.strata]
        drawn = values[np.concatenate(chosen, axis=1)]
        for axis, seed in labels:
            shape = [1] * drawn.ndim
            shape[0], shape[axis + 3] = _AT_ONCE, further[axis]
            places = _index(seed, further[axis], block).reshape(shape)
            drawn = np.take_along_axis(drawn, places, axis=axis + 3)
        yield _rows_of(drawn, axes)


def _rows_of(values: np.ndarray, axes: int) -> np.ndarray:
    """(samples, units, rows, *further) to (samples, units × rows, *kept), repeats averaged."""
    averaged = _average(values, axes, first=3)
    return averaged.reshape(averaged.shape[0], -1, *averaged.shape[3:])


def row_means(sides: np.ndarray) -> np.ndarray:
    """(rows, *further, columns) to (rows, columns), repeats averaged."""
    return _average(sides, 1, first=1)


def _average(values: np.ndarray, kept: int, first: int = 2) -> np.ndarray:
    """Mean over the axes from `first` up to the last `kept`, missing observations left out."""
    import numpy as np

    over = tuple(range(first, values.ndim - kept))
    if not over:
        return values
    present = ~np.isnan(values)
    count = present.sum(axis=over)
    total = np.where(present, values, 0.0).sum(axis=over)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _index(seed: str, count: int, block: int) -> np.ndarray:
    """Places drawn with replacement, of shape (_AT_ONCE, count); kept for the next statistic where few."""
    return (_kept_index if count <= _KEPT_UNITS else _fresh_index)(seed, count, block)


def _fresh_index(seed: str, count: int, block: int) -> np.ndarray:
    """Raw Philox output, a stream that numpy guarantees for good, scaled by a 32-bit multiplication."""
    import numpy as np

    stream = np.random.Philox(key=int(seed[:32], 16), counter=block << 192)
    places = ((stream.random_raw(_AT_ONCE * count) >> np.uint64(32)) * np.uint64(count)) >> np.uint64(32)
    return places.astype(np.int32).reshape(_AT_ONCE, count)


_kept_index = lru_cache(maxsize=8 * DRAWS // _AT_ONCE)(_fresh_index)
