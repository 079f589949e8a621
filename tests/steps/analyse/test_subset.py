"""Which rows a condition keeps."""

import pytest
from pydantic import ValidationError

from tests.steps.analyse.cells import files_of, rows, run, table
from ws_dsl.artifacts.rows import Rows
from ws_dsl.errors import MeasurementError

CLAIMS = rows(["d", "c", "b", "a"], label=[True, False, True, False])
DELTA = table({"a": 0.1, "b": -2.0, "c": 0.05, "d": None}, pmass=[0.9, 0.4, 0.9, 0.9])


def subset(of, **when):
    artifact = run("subset", {"of": of, "row_columns": CLAIMS}, when=when)
    return Rows.from_files(files_of(artifact).__getitem__)


@pytest.mark.parametrize(
    ("when", "kept"),
    [
        ({"abs_ge": 0.1}, ["b", "a"]),
        ({"value_ge": 0.1}, ["a"]),
        ({"value_le": 4}, ["c", "b", "a"]),
        ({"abs_ge": 0.1, "pmass_ge": 0.5}, ["a"]),
        ({"value_gt": 9}, []),
    ],
)
def test_rows_that_meet_every_condition_are_kept_with_their_columns(when, kept):
    made = subset(DELTA, **when)
    assert made.columns["id"] == kept
    assert made.columns["label"] == [row in ("d", "b") for row in kept]
    assert (made.types, made.unit, made.world) == (CLAIMS.types, CLAIMS.unit, CLAIMS.world)


def test_a_condition_and_its_opposite_part_the_rows_that_have_a_value():
    above, below = subset(DELTA, value_ge=0.05).ids(), subset(DELTA, value_lt=0.05).ids()
    assert set(above).isdisjoint(below)
    assert set(above) | set(below) == set(DELTA.series())


def test_pooled_tables_need_a_quantifier():
    other = table({"a": 1.0, "b": 0.0, "c": 1.0, "d": 1.0})
    assert subset([DELTA, other], all_abs_ge=0.1).columns["id"] == ["a"]
    assert subset([DELTA, other], any_abs_ge=0.1).columns["id"] == ["d", "c", "b", "a"]
    with pytest.raises(MeasurementError, match="write all_abs_ge or any_abs_ge"):
        subset([DELTA, other], abs_ge=0.1)


@pytest.mark.parametrize("when", [{}, {"ge": 1}, {"value_over": 1}])
def test_conditions_that_say_nothing_are_refused(when):
    with pytest.raises(ValidationError):
        subset(DELTA, **when)
