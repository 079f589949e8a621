"""Statistics against numpy and scipy, and the laws of their intervals."""

import random
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import bootstrap

from tests.steps.analyse.cells import Given, estimate, files_of, rows, run, table
from ws_dsl.errors import MeasurementError

VALUES = np.random.default_rng(7).gamma(2.0, size=200) - 1
TABLE = table({f"c{i:03}": float(v) for i, v in enumerate(VALUES)})


def summary(of, *stats, **fields):
    inputs = {"of": of} | {name: fields.pop(name) for name in ("rows", "row_columns") if name in fields}
    return estimate("summary", inputs, stats=list(stats), **fields)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mean", VALUES.mean()),
        ("median", np.median(VALUES)),
        ("sd", VALUES.std(ddof=1)),
        ("min", VALUES.min()),
        ("max", VALUES.max()),
        ("n", 200),
        ("clipped_mean", np.clip(VALUES, -0.5, 1).mean()),
        ("quantile_0.9", np.quantile(VALUES, 0.9)),
        ("share_gt_0", (VALUES > 0).mean()),
        ("share_le_-0.5", (VALUES <= -0.5).mean()),
        ("share_ok", 1.0),
    ],
)
def test_values_are_those_of_numpy(name, expected):
    assert summary(TABLE, name, clip=(-0.5, 1)).stats[name].value == pytest.approx(expected, rel=1e-12)


def test_standard_error_of_the_mean_is_the_analytic_one():
    found = summary(TABLE, "mean").stats["mean"]
    assert found.sd == pytest.approx(VALUES.std() / np.sqrt(len(VALUES)), rel=0.05)


@pytest.mark.parametrize(
    ("name", "statistic"), [("mean", np.mean), ("median", np.median), ("sd", lambda x: np.std(x, ddof=1))]
)
def test_intervals_are_those_of_scipy(name, statistic):
    found = summary(TABLE, name).stats[name]
    oracle = bootstrap((VALUES,), statistic, method="percentile", n_resamples=5000, vectorized=False, rng=1)
    width = oracle.confidence_interval.high - oracle.confidence_interval.low
    assert found.low == pytest.approx(oracle.confidence_interval.low, abs=0.1 * width)
    assert found.high == pytest.approx(oracle.confidence_interval.high, abs=0.1 * width)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    stream = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        sample = stream.normal(1.0, size=60)
        found = summary(table({i: float(v) for i, v in enumerate(sample)}), "mean").stats["mean"]
        covered += found.low <= 1.0 <= found.high
    assert 0.89 <= covered / 200 <= 0.985


def test_order_of_rows_changes_no_byte():
    shuffled = list(zip(TABLE.columns["id"], TABLE.columns["value"], strict=True))
    random.Random(0).shuffle(shuffled)
    fields = {"stats": ["mean", "median", "sd", "share_gt_0"]}
    first = files_of(run("summary", {"of": TABLE}, **fields))
    assert files_of(run("summary", {"of": table(dict(shuffled))}, **fields)) == first


def test_statistics_of_one_row_set_rest_on_the_same_resampled_units():
    doubled = table({key: 2 * value for (key,), value in TABLE.series().items()})
    one, two = summary(TABLE, "mean"), summary(doubled, "mean", "median")
    assert one.units == two.units
    np.testing.assert_allclose(two.draws["mean"], 2 * one.draws["mean"])


def test_rows_without_a_value_are_counted_and_not_averaged():
    found = summary(table({"a": 1.0, "b": None, "c": 3.0}, {"b": "refusal"}), "mean", "n", "share_ok")
    assert found.stats["mean"].value == 2.0
    assert found.stats["mean"].n == found.stats["n"].value == 2
    assert found.stats["share_ok"].value == pytest.approx(2 / 3)
    assert found.notes["excluded"] == {"refusal": 1}


def test_what_rests_on_nothing_is_undefined_and_says_why():
    found = summary(table({"a": None, "b": None}), "mean", "median", "share_gt_0", "n").stats
    assert [found[name].value for name in ("mean", "median", "share_gt_0")] == [None] * 3
    assert all(found[name].reason for name in ("mean", "median", "share_gt_0"))
    assert found["n"].value == 0


def test_one_row_has_a_mean_and_neither_spread_nor_interval():
    found = summary(table({"a": 4.0}), "mean", "sd").stats
    assert found["mean"].value == 4.0 and found["mean"].low is None and found["mean"].reason
    assert found["sd"].value is None and found["sd"].reason


def test_extremes_have_no_bootstrap_interval():
    found = summary(TABLE, "max").stats["max"]
    assert found.value == VALUES.max() and found.low is None


def test_clip_touches_the_clipped_mean_alone():
    found = summary(table({"a": 0.0, "b": 0.0, "c": 90.0}), "mean", "clipped_mean", clip=(-5, 5))
    assert found.stats["mean"].value == 30.0
    assert found.stats["clipped_mean"].value == pytest.approx(5 / 3)
    assert found.notes["clipped"] == 1


def test_repeats_are_averaged_before_rows():
    tables = [table({"a": 0.0, "b": 10.0}), table({"a": 4.0, "b": None})]
    found = summary(tables, "mean")
    assert found.stats["mean"].value == 6.0
    assert found.notes["repeats"] == 2


def test_pooling_twice_the_same_repeat_changes_nothing():
    once, twice = summary(TABLE, "mean", "median"), summary([TABLE, TABLE], "mean", "median")
    assert once.stats == twice.stats


def test_resampled_seeds_widen_the_interval_as_crossed_factors_do():
    stream = np.random.default_rng(5)
    units, seeds = stream.normal(0, 1.0, size=100), stream.normal(0, 1.0, size=8)
    tables = [table({i: float(u + s) for i, u in enumerate(units)}) for s in seeds]
    fixed = summary(tables, "mean").stats["mean"]
    crossed = summary(tables, "mean", resampled=(0,)).stats["mean"]
    assert crossed.value == fixed.value
    assert fixed.sd == pytest.approx(units.std() / 10, rel=0.06)
    assert crossed.sd == pytest.approx(np.hypot(units.std() / 10, seeds.std() / np.sqrt(8)), rel=0.06)


def test_rows_of_one_unit_are_resampled_together():
    values = {f"r{i}": float(v) for i, v in enumerate(np.repeat(VALUES[:40], 5))}
    behind = rows(list(values), unit=("topic",), topic=[f"t{i // 5}" for i in range(200)])
    clustered = summary(table(values), "mean", row_columns=behind)
    single = summary(table({i: float(v) for i, v in enumerate(VALUES[:40])}), "mean")
    assert clustered.notes["units"] == 40 and clustered.stats["mean"].n == 200
    assert clustered.stats["mean"].sd == pytest.approx(single.stats["mean"].sd, rel=0.06)


def test_rows_restrict():
    found = summary(table({"a": 1.0, "b": 2.0, "c": 6.0}), "mean", rows=rows(["a", "b"]))
    assert found.stats["mean"].value == 1.5 and found.stats["mean"].n == 2


def test_a_picked_column_is_read():
    scored = table({"a": 1.0, "b": 2.0}, pmass=[0.5, 0.7])
    found = summary(Given(scored, column="pmass"), "mean")
    assert found.stats["mean"].value == pytest.approx(0.6)
    assert "unit" not in found.notes.get("of", {})
    measured = replace(scored, notes={"unit": "nats", "units": {"pmass": "probability"}})
    assert summary(Given(measured, column="pmass"), "mean").notes["of"]["unit"] == "probability"
    assert summary(measured, "mean").notes["of"] == {"unit": "nats"}


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        ([table({"a": 1.0}), table({"b": 1.0})], "a"),
        (table({"a": float("inf")}), "not a finite number"),
        (table({"a": float("nan")}), "not a finite number"),
        (table({"a": 1.0, "b": -1e308}), "row b is -1e\\+308.*larger unit"),
        (Given(table({"a": 1.0}), column="pmas"), "no column 'pmas'"),
    ],
)
def test_faulty_tables_are_refused(faulty, message):
    with pytest.raises(MeasurementError, match=message):
        summary(faulty, "mean")


def test_duplicate_rows_are_refused():
    doubled = table({"a": 1.0, "b": 1.0})
    doubled.columns["id"][:] = ["a", "a"]
    with pytest.raises(MeasurementError, match="row a twice"):
        summary(doubled, "mean")


@pytest.mark.parametrize("fields", [{"stats": ["meen"]}, {"stats": ["clipped_mean"]}, {"stats": []}])
def test_unknown_statistics_are_refused_before_anything_runs(fields):
    with pytest.raises(ValidationError):
        run("summary", {"of": TABLE}, **fields)


def test_repeats_with_rows_of_their_own():
    """Gated replies: each seed keeps its own, and a row counts with the seeds that it is left in."""
    seeds = [
        Given(table({"a": 1.0, "b": 2.0, "c": 9.0}), (0,)),
        Given(table({"a": 3.0, "b": 8.0, "c": 9.0}), (1,)),
    ]
    kept = [Given(rows(["a", "b"]), (0,)), Given(rows(["a"]), (1,))]
    found = summary(seeds, "mean", "n", rows=kept)
    assert (found.stats["mean"].value, found.stats["n"].value) == (2.0, 2)
    assert found.notes["excluded"] == {"excluded": 1} and found.notes["rows"] == 2
    assert (
        summary(seeds, "mean", rows=[Given(rows(["a", "b", "c"]), (place,)) for place in (0, 1)]).stats[
            "mean"
        ]
        == summary(seeds, "mean").stats["mean"]
    )


def test_rows_that_differ_along_another_axis_than_the_repeats():
    one = table({"a": 1.0})
    seeds = [Given(one, (0, 0)), Given(one, (1, 0))]
    with pytest.raises(MeasurementError, match="pool the same ones"):
        summary(seeds, "mean", rows=[Given(rows(["a"]), (0,)), Given(rows(["a"]), (1,))])
