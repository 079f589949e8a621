"""Variation of a statistic along axes."""

import numpy as np
import pytest

from tests.steps.analyse.cells import Given, estimate, table
from ws_dsl.errors import MeasurementError

DRAW = np.random.default_rng(4)
ROWS = DRAW.normal(1.0, size=80)
SHIFTS = [0.0, 0.5, 1.0, 2.5]


def cells(shifts, stats=("mean",), **fields):
    """One Estimate per label: the same rows, moved."""
    return [
        estimate(
            "summary", {"of": table({i: float(v + shift) for i, v in enumerate(ROWS)})}, stats=list(stats)
        )
        for shift in shifts
    ]


def spread(of, **fields):
    return estimate("spread", {"of": of}, across="paraphrase", **fields)


def test_points_are_those_of_numpy():
    means = [ROWS.mean() + shift for shift in SHIFTS]
    found = spread(cells(SHIFTS)).stats
    assert [found[name].value for name in ("mean", "min", "max")] == pytest.approx(
        [np.mean(means), min(means), max(means)]
    )
    assert found["sd"].value == pytest.approx(np.std(means, ddof=1))
    assert {stat.n for stat in found.values()} == {4}
    assert found["min"].low is None and found["max"].low is None


def test_the_interval_of_the_mean_is_that_of_the_rows():
    """All cells move together with the rows that are drawn, and their distances stay."""
    found, one = spread(cells(SHIFTS)).stats, cells([1.0])[0].stats["mean"]
    assert found["mean"][1:4] == pytest.approx(one[1:4])
    assert found["sd"].low == pytest.approx(found["sd"].high)


def test_signs():
    assert spread(cells([0.0, -5.0, 5.0, 6.0])).stats["sign_agreement"].value == 0.75
    assert spread(cells([0.0, 5.0])).stats["sign_agreement"].value == 1.0


def test_one_cell_has_no_spread():
    found = spread(cells([0.0])).stats
    assert found["mean"].value == pytest.approx(ROWS.mean())
    assert found["sd"].value is None and "1 cells have no spread" in found["sd"].reason


def test_seeds_are_drawn_too():
    """With equal rows everywhere, the error of the mean is that of a mean over four seeds."""
    flat = [
        estimate("summary", {"of": table(dict.fromkeys(range(50), float(shift)))}, stats=["mean"])
        for shift in SHIFTS
    ]
    fixed = spread(flat).stats["mean"]
    assert fixed.low == fixed.high == fixed.value
    drawn = spread(flat, resampled=(0,)).stats["mean"]
    assert drawn.sd == pytest.approx(np.std(SHIFTS) / 2, rel=0.1)


def test_what_has_no_value_is_left_out_and_counted():
    empty = estimate("summary", {"of": table(dict.fromkeys(range(80)))}, stats=["mean"])
    found = spread([*cells(SHIFTS), empty])
    assert found.stats["mean"].n == 4 and found.notes["undefined"] == 1


def test_a_statistic_is_picked():
    both = cells(SHIFTS, ("median", "mean"))
    medians = [one.stats["median"].value for one in both]
    picked = [Given(one, (place,), "median") for place, one in enumerate(both)]
    assert spread(picked).stats["max"].value == max(medians)
    with pytest.raises(MeasurementError, match="Pick one"):
        spread(cells(SHIFTS, ("median", "sd")))


def test_other_rows_are_refused():
    other = estimate("summary", {"of": table(dict.fromkeys(range(9), 1.0))}, stats=["mean"])
    with pytest.raises(MeasurementError, match="different row sets"):
        spread([*cells(SHIFTS), other])
