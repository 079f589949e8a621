from __future__ import annotations

from typing import Any

import pytest

from tests.steps.analyse.cells import Given, rows
from tests.steps.check.findings import finding
from ws_dsl.artifacts.decode import column_of
from ws_dsl.artifacts.rows import Rows

IDS = ["a", "b", "c", "d"]


def graded(columns: dict[str, list[Any]] | None = None, named: str = "grader"):
    labels = {"endorses_myth": [True, False, True, False], "grader": ["ann", "ann", "bo", "bo"]} | (
        columns or {}
    )
    held = rows(IDS, ("id",), **labels)
    of = Given(column_of(held, "endorses_myth"), (0, 0), "endorses_myth")
    return finding("graded", {"of": [of], "row_columns": [held]}, grader=named)


def test_labels_that_say_who_and_what():
    found = graded()
    assert found.holds
    assert found.detail == "endorses_myth is true of 2 of 4 rows; graded by ann 2, bo 2"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"grader": ["ann", "", " ", "bo"]}, "2 labels name no grader"),
        ({"endorses_myth": [True] * 4}, "all labels are on one side"),
    ],
    ids=["no grader", "one side"],
)
def test_labels_that_do_not(columns: dict[str, list[Any]], message: str):
    found = graded(columns)
    assert not found.holds and found.at == [("of", 0)] and message in found.detail


def test_a_grader_column_that_is_not_there():
    assert "no column 'annotator'" in graded(named="annotator").detail


def test_labels_without_polarity():
    """Correct = 1 was drawn on an axis titled sycophancy: a number does not say what it is positive of."""
    held = Rows(
        ("id",), {"id": IDS, "grade": [0.0, 1.0, 1.0, 0.0], "grader": ["ann"] * 4},
        {"id": "key", "grade": "number", "grader": "category"}, ("id",), "real",
    )  # fmt: skip
    of = Given(column_of(held, "grade"), (0, 0), "grade")
    found = finding("graded", {"of": [of], "row_columns": [held]}, grader="grader")
    assert not found.holds and "declare 'grade' as bool or sign" in found.detail
