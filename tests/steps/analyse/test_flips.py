"""Rows that an arm turns: counted, where a mean would follow the scale of the scores."""

from __future__ import annotations

import numpy as np
import pytest

from tests.steps.analyse.cells import difference, estimate, table
from ws_dsl.errors import MeasurementError

ALL = ["flips", "fixed", "broken", "informedness"]
BASE = {"a": -1.0, "b": -2.0, "c": 1.0, "d": 2.0, "e": 3.0}


def turned(arm: dict[str, float | None], base: dict[str, float] = BASE, stats: list[str] = ALL):
    return estimate("summary", {"of": difference(table(arm), table(base))}, stats=stats)


def numbers(found: object) -> list[float | None]:
    return [stat.value for stat in found.stats.values()]  # pyright: ignore


def test_counted_by_hand():
    """a is fixed; c and d are broken: ½ of the wrong, ⅔ of the right."""
    found = turned({"a": 1.0, "b": -1.0, "c": -1.0, "d": -0.5, "e": 9.0})
    assert numbers(found) == pytest.approx([3 / 5, 1 / 5, 2 / 5, 1 / 2 - 2 / 3])


def test_a_mean_that_rises_while_more_is_broken_than_fixed():
    """The mean of signed scores follows their scale; the rows say that the arm does harm."""
    found = turned({"a": -1.0, "b": -2.0, "c": -0.1, "d": -0.1, "e": 40.0}, stats=["mean", *ALL])
    assert found.stats["mean"].value > 5 and found.stats["informedness"].value < -0.5  # pyright: ignore
    assert found.stats["fixed"].value == 0


def test_larger_scores_of_the_same_sign_turn_nothing():
    assert numbers(turned({key: 7 * value for key, value in BASE.items()})) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("base", "reason"),
    [
        ({"a": 1.0, "b": 2.0}, "no row is wrong at the base"),
        ({"a": -1.0, "b": 0.0}, "no row is right at the base"),
    ],
)
def test_informedness_needs_rows_of_both_kinds(base: dict[str, float], reason: str):
    found = turned({"a": 1.0, "b": -1.0}, base)
    assert found.stats["informedness"].value is None and found.stats["informedness"].reason == reason
    assert found.stats["flips"].value == 0.5


def test_rows_without_a_value_are_left_out():
    found = turned({"a": 1.0, "b": None, "c": -1.0, "d": 1.0, "e": 1.0})
    assert found.stats["flips"].value == 0.5 and found.stats["flips"].n == 4


def test_repeats_are_averaged_before_the_sign_is_taken():
    one = difference(table({"a": 3.0, "b": 1.0}), table({"a": -1.0, "b": 1.0}))
    other = difference(table({"a": -1.0, "b": 1.0}), table({"a": -1.0, "b": 1.0}))
    assert estimate("summary", {"of": [one, other]}, stats=["fixed"]).stats["fixed"].value == 0.5


def test_the_interval_is_that_of_a_share():
    rng = np.random.default_rng(0)
    base = {f"r{i}": -1.0 for i in range(200)}
    found = turned({key: 1.0 if rng.random() < 0.3 else -1.0 for key in base}, base, ["fixed"]).stats["fixed"]
    assert found.value is not None and found.sd == pytest.approx(
        np.sqrt(found.value * (1 - found.value) / 200), rel=0.1
    )


def test_of_what_is_no_difference():
    with pytest.raises(MeasurementError, match="flips are of a difference"):
        estimate("summary", {"of": table(BASE)}, stats=["flips"])
