from __future__ import annotations

import pytest

from tests.steps.analyse.cells import table
from tests.steps.check.findings import finding, prompts


def measured(asked: str, answered: dict[str, float | None], declared: int = 1):
    inputs = {"prompts": [prompts({key: [1] for key in asked})], "tables": [table(answered)]}
    return finding("declared_equals_produced", inputs, declared=declared)


def test_every_row_of_every_cell():
    assert measured("ab", {"a": 1.0, "b": 2.0}).holds


def test_a_row_without_a_value_is_counted():
    found = measured("ab", {"a": 1.0, "b": None})
    assert found.holds and "1 of them without a value" in found.detail


@pytest.mark.parametrize(
    "answered", [{"a": 1.0}, {"a": 1.0, "b": 2.0, "c": 3.0}, {"b": 2.0, "a": 1.0}], ids=str
)
def test_rows_that_are_absent_strange_or_out_of_order(answered: dict[str, float | None]):
    found = measured("ab", answered)
    assert not found.holds and found.at == [("tables", 0)]


def test_a_cell_that_is_absent():
    found = measured("a", {"a": 1.0}, declared=2)
    assert not found.holds and "1 of 2 cells" in found.detail
