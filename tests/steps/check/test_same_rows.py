from __future__ import annotations

import pytest

from tests.steps.analyse.cells import Given, table
from tests.steps.check.findings import finding, keys
from ws_dsl.artifacts.table import Table


def over(*ids: str, contrast: int = 0) -> Given:
    """One side of a contrast."""
    return Given(table(dict.fromkeys(ids, 1.0)), (contrast, 0))


def subset(*ids: str) -> Given:
    return Given(keys(*ids), (0, 1))


def test_both_sides_over_the_same_rows():
    assert finding("same_rows", {"tables": [over("a", "b"), over("b", "a")]}).holds


@pytest.mark.parametrize("other", [("a",), ("a", "b", "c"), ("a", "x")])
def test_a_row_too_few_too_many_or_another(other: tuple[str, ...]):
    found = finding("same_rows", {"tables": [over("a", "b"), over(*other)]})
    assert not found.holds and found.at == [("tables", 1)]


def test_contrasts_are_apart():
    """Two contrasts over different rows are no fault; the pooled place tells them apart."""
    sides = [over(*ids, contrast=place) for place, ids in ((0, "ab"), (0, "ab"), (1, "cd"), (1, "cd"))]
    assert finding("same_rows", {"tables": sides}).holds


@pytest.mark.parametrize(
    ("side", "holds"), [("abc", True), ("ab", True), ("ac", False), ("a", False)], ids=str
)
def test_a_named_subset_is_what_both_sides_must_share(side: str, holds: bool):
    sides = [over("a", "b", "c"), over(*side), subset("a", "b")]
    assert finding("same_rows", {"tables": sides}).holds is holds


def test_a_subset_by_one_of_two_key_columns():
    def rated(*pairs: str) -> Given:
        columns = {"id": [pair[0] for pair in pairs], "rater": [pair[1] for pair in pairs]}
        values = {"value": [1.0] * len(pairs), "status": ["ok"] * len(pairs)}
        return Given(Table(("id", "rater"), columns | values, {}), (0, 0))

    assert finding("same_rows", {"tables": [rated("a1", "a2", "b1"), rated("a1", "a2"), subset("a")]}).holds
    assert not finding("same_rows", {"tables": [rated("a1", "a2"), rated("a1"), subset("a")]}).holds
