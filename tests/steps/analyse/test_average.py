"""Averages of rows over repeats."""

import numpy as np
import pytest

from tests.steps.analyse.cells import files_of, run, table
from ws_dsl.artifacts.table import Table
from ws_dsl.errors import MeasurementError


def average(*tables):
    return Table.from_files(files_of(run("average", {"of": list(tables)})).__getitem__)


def test_rows_are_averaged_over_the_repeats_they_have():
    made = average(table({"a": 1.0, "b": None}), table({"a": 2.0, "b": 5.0}), table({"a": 6.0, "b": None}))
    assert made.series() == {("a",): 3.0, ("b",): 5.0}
    assert made.columns["repeats"] == [3, 1]
    assert made.columns["sd"] == [pytest.approx(np.std([1, 2, 6], ddof=1)), None]


def test_averages_of_averages_of_equal_size_are_the_average():
    tables = [
        table({i: float(v) for i, v in enumerate(line)})
        for line in np.random.default_rng(0).normal(size=(4, 20))
    ]
    nested = average(average(*tables[:2]), average(*tables[2:]))
    np.testing.assert_allclose(nested.columns["value"], average(*tables).columns["value"])


def test_a_row_without_any_value_keeps_its_status():
    made = average(table({"a": None}, {"a": "refusal"}), table({"a": None}))
    assert made.columns["value"] == [None] and made.columns["status"] == ["refusal"]


def test_repeats_over_different_rows_are_refused():
    with pytest.raises(MeasurementError, match="do not have the same rows"):
        average(table({"a": 1.0}), table({"a": 1.0, "b": 2.0}))
