"""Differences: laws of subtraction, pairing, and row sets that are not one."""

import numpy as np
import pytest

from tests.steps.analyse.cells import Given, difference, estimate, files_of, rows, run, table
from ws_dsl.errors import MeasurementError

STREAM = np.random.default_rng(11)
BASE = STREAM.normal(size=200)
NEUTRAL = table({i: float(v) for i, v in enumerate(BASE)})
PRESSED = table({i: float(v) for i, v in enumerate(BASE + STREAM.normal(1.0, 0.2, size=200))})


def mean_of(of, *stats):
    return estimate("summary", {"of": of}, stats=list(stats or ["mean"]))


def test_every_row_is_subtracted_from_its_own_partner():
    made = difference(table({"a": 3.0, "b": 1.0}), table({"b": 5.0, "a": 1.0}))
    assert made.series() == {("a",): 2.0, ("b",): -4.0}
    assert made.series("plus") == {("a",): 3.0, ("b",): 1.0}


def test_a_table_minus_itself_is_nothing_with_certainty():
    found = mean_of(difference(PRESSED, PRESSED)).stats["mean"]
    assert (found.value, found.low, found.high, found.sd) == (0, 0, 0, 0)


def test_subtraction_before_or_after_averaging_is_the_same_estimate():
    before = mean_of(difference(PRESSED, NEUTRAL))
    after = estimate("difference", {"plus": mean_of(PRESSED), "minus": mean_of(NEUTRAL)})
    np.testing.assert_allclose(after.stats["mean"][:4], before.stats["mean"][:4], rtol=1e-9)
    np.testing.assert_allclose(after.draws["mean"], before.draws["mean"], atol=1e-12)


def test_pairing_narrows_the_interval():
    plus, minus = mean_of(PRESSED), mean_of(NEUTRAL)
    paired = estimate("difference", {"plus": plus, "minus": minus}).stats["mean"]
    independent = np.hypot(plus.stats["mean"].sd, minus.stats["mean"].sd)
    assert paired.sd < independent / 4


def test_differences_of_differences_stay_paired():
    gap = estimate("difference", {"plus": mean_of(PRESSED), "minus": mean_of(NEUTRAL)})
    assert estimate("difference", {"plus": gap, "minus": gap}).stats["mean"][:4] == (0, 0, 0, 0)


def test_statistics_in_common_are_subtracted_and_a_picked_one_is_the_value():
    plus, minus = mean_of(PRESSED, "mean", "median"), mean_of(NEUTRAL, "median", "sd")
    assert list(estimate("difference", {"plus": plus, "minus": minus}).stats) == ["median"]
    picked = {"plus": Given(plus, column="median"), "minus": Given(minus, column="median")}
    assert list(estimate("difference", picked).stats) == ["value"]
    with pytest.raises(MeasurementError, match="no statistic in common"):
        estimate("difference", {"plus": mean_of(PRESSED, "mean"), "minus": mean_of(NEUTRAL, "sd")})


def test_an_undefined_side_leaves_the_difference_undefined_and_says_which():
    nothing = mean_of(table(dict.fromkeys(range(200))))
    found = estimate("difference", {"plus": mean_of(PRESSED), "minus": nothing}).stats["mean"]
    assert found.value is None and found.reason == "minus: no row has a value"


def test_one_row_has_a_difference_and_no_interval():
    lone = mean_of(table({"a": 1.0}))
    found = estimate("difference", {"plus": lone, "minus": lone}).stats["mean"]
    assert (found.value, found.low, found.high) == (0, None, None) and found.reason


def test_different_rows_are_refused_by_name():
    with pytest.raises(MeasurementError, match="only in plus: a; only in minus: c"):
        difference(table({"a": 1.0, "b": 1.0}), table({"b": 1.0, "c": 1.0}))


def test_rows_name_the_subset_that_both_have():
    made = difference(table({"a": 1.0, "b": 1.0}), table({"b": 3.0, "c": 1.0}), rows=rows(["b"]))
    assert made.series() == {("b",): -2.0}


def test_rows_that_only_one_side_has_are_still_refused():
    with pytest.raises(MeasurementError, match="only in plus: a"):
        difference(table({"a": 1.0, "b": 1.0}), table({"b": 3.0}), rows=rows(["a", "b"]))


def test_estimates_over_different_rows_are_refused():
    plus, minus = mean_of(table({"a": 1.0, "b": 2.0})), mean_of(table({"a": 1.0, "c": 2.0}))
    with pytest.raises(MeasurementError, match="different row sets"):
        estimate("difference", {"plus": plus, "minus": minus})


def test_estimates_of_different_units_are_refused():
    of = table({"a": 1.0, "b": 2.0, "c": 3.0})
    behind = rows(["a", "b", "c"], unit=("topic",), topic=["x", "x", "y"])
    clustered = estimate("summary", {"of": of, "row_columns": behind}, stats=["mean"])
    with pytest.raises(MeasurementError, match="different units"):
        estimate("difference", {"plus": clustered, "minus": mean_of(of)})


def test_pooled_estimates_and_mixed_types_are_refused():
    with pytest.raises(MeasurementError, match="pools Estimates"):
        estimate("difference", {"plus": [mean_of(PRESSED), mean_of(PRESSED)], "minus": mean_of(NEUTRAL)})
    with pytest.raises(MeasurementError, match="a Table and an Estimate"):
        run("difference", {"plus": mean_of(PRESSED), "minus": NEUTRAL})


def test_a_row_that_one_side_lacks_has_that_sides_status():
    made = difference(table({"a": 1.0, "b": None}, {"b": "refusal"}), table({"a": None, "b": None}))
    assert made.columns["value"] == [None, None]
    assert made.columns["status"] == ["unclear", "refusal"]


def test_row_order_changes_no_byte():
    backwards = table(dict(reversed([(i, float(v)) for i, v in enumerate(BASE)])))
    assert files_of(run("difference", {"plus": PRESSED, "minus": backwards})) == files_of(
        run("difference", {"plus": PRESSED, "minus": NEUTRAL})
    )
