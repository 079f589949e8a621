from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.steps.analyse.cells import Given, rows, table
from tests.steps.check.findings import finding
from ws_dsl.steps.check.balanced import Balanced


def by_column(letters: str, **fields: float):
    ids = [f"r{i}" for i in range(len(letters))]
    held = rows(ids, letter=list(letters))
    return finding("balanced", {"of": [held], "row_columns": [held]}, by="letter", **fields)


@pytest.mark.parametrize(
    ("letters", "holds"), [("abab", True), ("aaab", False), ("aaaa", False), ("", False)]
)
def test_values_of_a_column(letters: str, holds: bool):
    found = by_column(letters)
    assert found.holds is holds and found.at == ([] if holds else [("of", 0)])


def test_the_counts_are_told():
    assert "3 a, 1 b" in by_column("aaab").detail


def test_a_bound_of_ones_own():
    assert by_column("aaab", least=0.3).holds


def test_rows_without_a_value_do_not_count():
    ids = ["a1", "a2", "b1", "b2"]
    held = rows(ids, letter=["a", "a", "b", "b"])
    full, half = table(dict.fromkeys(ids, 1.0)), table({"a1": 1.0, "a2": 1.0, "b1": 1.0, "b2": None})
    assert finding("balanced", {"of": [full], "row_columns": [held]}, by="letter").holds
    assert not finding("balanced", {"of": [half], "row_columns": [held]}, by="letter").holds


def test_a_value_that_is_gone_altogether():
    held = rows(["a1", "b1"], letter=["a", "b"])
    found = finding("balanced", {"of": [table({"a1": 1.0})], "row_columns": [held]}, by="letter")
    assert not found.holds and "0 b" in found.detail


def test_cells_along_an_axis():
    def side(count: int, **labels: str) -> Given:
        return Given(table({f"r{i}": 1.0 if i < count else None for i in range(10)}), (0, 0), labels=labels)

    cells = [
        side(10, arm="none", order="ab"),
        side(10, arm="none", order="ba"),
        side(10, arm="steer", order="ab"),
    ]
    assert finding("balanced", {"of": [*cells, side(9, arm="steer", order="ba")]}, axis="order").holds
    found = finding("balanced", {"of": [*cells, side(5, arm="steer", order="ba")]}, axis="order")
    assert found.at == [("of", 2), ("of", 3)] and "[arm=steer]: 10 ab, 5 ba" in found.detail


@pytest.mark.parametrize("fields", [{}, {"axis": "a", "by": "b"}], ids=str)
def test_either_an_axis_or_a_column(fields: dict[str, str]):
    with pytest.raises(ValidationError, match="either axis or by"):
        Balanced.model_validate({"of": "step", **fields})
