from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.steps.analyse.cells import Given, table
from tests.steps.check.findings import finding
from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.errors import MeasurementError

TABLES = [table({"a": 1.0, "b": 3.0}), table({"a": 2.0, "b": None})]


def estimate(value: float | None) -> Estimate:
    low = None if value is None else value - 1
    return Estimate({"mean": Stat(value, low, value, 0.5, 4)}, {"mean": np.zeros(2)}, "", "")


@pytest.mark.parametrize(
    ("when", "at"),
    [
        ({"mean_ge": 2}, []),
        ({"mean_gt": 2}, [0, 1]),
        ({"min_ge": 2}, [0]),
        ({"max_le": 2}, [0]),
        ({"any_max_le": 2}, []),
        ({"all_mean_eq": 2}, []),
        ({"share_ok_ge": 1}, [1]),
        ({"mean_ge": 2, "share_ok_ge": 1}, [1]),
    ],
    ids=str,
)
def test_of_tables(when: dict[str, float], at: list[int]):
    found = finding("holds", {"of": TABLES}, when=when)
    assert (found.holds, found.at) == (not at, [("of", place) for place in at])


@pytest.mark.parametrize(
    ("when", "at"),
    [({"mean_gt": 0}, [1]), ({"mean.low_ge": 0}, [1]), ({"mean.n_ge": 4}, []), ({"any_mean_eq": 1}, [])],
    ids=str,
)
def test_of_estimates_where_what_is_undefined_breaks(when: dict[str, float], at: list[int]):
    found = finding("holds", {"of": [estimate(1.0), estimate(None)]}, when=when)
    assert (found.holds, found.at) == (not at, [("of", place) for place in at])


def test_a_picked_column():
    given = Given(table({"a": 1.0}, pmass=[0.2]), (0,), "pmass")
    assert not finding("holds", {"of": [given]}, when={"mean_ge": 0.5}).holds


@pytest.mark.parametrize("of", [TABLES[0], estimate(1.0)], ids=["table", "estimate"])
def test_a_statistic_that_is_not_there(of: Any):
    with pytest.raises(MeasurementError, match="kurtosis"):
        finding("holds", {"of": [of]}, when={"kurtosis_gt": 0})
