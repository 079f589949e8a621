"""The removed fraction at its landmarks, and where it does not exist."""

import numpy as np
import pytest

from tests.steps.analyse.cells import difference, files_of, rows, run, table
from ws_dsl.artifacts.table import Table
from ws_dsl.errors import MeasurementError

STREAM = np.random.default_rng(2)
NEUTRAL = table({i: float(v) for i, v in enumerate(STREAM.normal(size=50))})
PRESSED = table({i: float(v) for i, v in enumerate(STREAM.normal(2, size=50))})
DELTA = difference(PRESSED, NEUTRAL)


def removed(of, base, **inputs):
    artifact = run("removed_fraction", {"of": of, "base": base, **inputs})
    return Table.from_files(files_of(artifact).__getitem__)


def test_clamped_back_to_the_baseline_removes_all():
    assert set(removed(difference(NEUTRAL, NEUTRAL), DELTA).series().values()) == {1.0}


def test_unchanged_removes_nothing():
    assert set(removed(DELTA, DELTA).series().values()) == {0.0}


def test_past_the_baseline_is_more_than_one_and_a_larger_effect_less_than_none():
    found = removed(table({"over": -1.0, "under": 4.0}), table({"over": 2.0, "under": 2.0})).series()
    assert found == {("over",): 1.5, ("under",): -1.0}


def test_no_effect_has_no_fraction():
    made = removed(table({"a": 1.0, "b": 1.0}), table({"a": 0.0, "b": 2.0}))
    assert made.columns["status"] == ["excluded", "ok"]
    assert made.columns["value"] == [None, 0.5]
    assert made.columns["denominator"] == [0.0, 2.0]


def test_fraction_times_denominator_is_the_numerator():
    made = removed(difference(PRESSED, table(dict.fromkeys(range(50), 0.3))), DELTA)
    product = np.multiply(made.columns["value"], made.columns["denominator"])
    np.testing.assert_allclose(product, made.columns["numerator"])


def test_responsive_rows_only():
    assert removed(DELTA, DELTA, rows=rows([1, 2, 3])).ids() == [(1,), (2,), (3,)]


def test_different_rows_are_refused():
    with pytest.raises(MeasurementError, match="only in of: a; only in base: b"):
        removed(table({"a": 1.0}), table({"b": 1.0}))
