"""Ratios and the denominators that forbid them."""

import numpy as np
import pytest

from tests.steps.analyse.cells import Given, estimate, table
from ws_dsl.errors import MeasurementError

VALUES = np.random.default_rng(9).normal(2.0, size=100)


def summary(values, *stats):
    of = table({i: float(v) for i, v in enumerate(values)})
    return estimate("summary", {"of": of}, stats=list(stats or ["mean"]))


def ratio(of, base):
    return estimate("ratio", {"of": of, "base": base})


def test_of_a_multiple_the_ratio_is_the_factor_with_certainty():
    found = ratio(summary(0.25 * VALUES), summary(VALUES)).stats["value"]
    np.testing.assert_allclose(found[:3], 0.25)
    assert found.n == 100


def test_a_denominator_at_noise_gives_no_number():
    found = ratio(summary(VALUES), summary(VALUES - VALUES.mean()))
    assert found.stats["value"].value is None and "noise" in found.stats["value"].reason
    assert not found.draws
    assert abs(found.notes["denominator"]) < 1e-9


def test_a_denominator_without_an_interval_gives_no_number():
    assert ratio(summary(VALUES, "max"), summary(VALUES, "max")).stats["value"].value is None


def test_interval_is_that_of_the_delta_method():
    x = VALUES + np.random.default_rng(1).normal(0, 0.5, size=100)
    found = ratio(summary(x), summary(VALUES)).stats["value"]
    residual = (x - found.value * VALUES) / VALUES.mean()
    assert found.sd == pytest.approx(residual.std() / 10, rel=0.06)


def test_the_mean_is_meant_unless_another_statistic_is_picked():
    both = summary(VALUES, "median", "mean")
    assert ratio(both, summary(VALUES)).stats["value"].value == 1.0
    assert ratio(Given(both, column="median"), both).notes["numerator"] == both.stats["median"].value
    with pytest.raises(MeasurementError, match="Pick one"):
        ratio(summary(VALUES, "sd", "median"), both)
